//! One of two iterators, or collections.
use crate::iter::cut::LeavesCallback;
use crate::iter::plumbing::{Consumer, ProducerCallback, UnindexedConsumer};
use crate::iter::{
    IndexedParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator,
};
use either::Either;

impl<L, R> ParallelIterator for Either<L, R>
where
    L: ParallelIterator,
    R: ParallelIterator<Item = L::Item>,
{
    type Item = L::Item;

    fn drive_unindexed<C>(self, consumer: C) -> C::Result
    where
        C: UnindexedConsumer<L::Item>,
    {
        either::for_both!(self, iter => iter.drive_unindexed(consumer))
    }

    fn with_leaves<C, CR, CD, K>(self, consumer: C, callback: K) -> K::Output
    where
        C: UnindexedConsumer<L::Item, Result = CR, Reducer = CD>,
        K: LeavesCallback<CR, CD>,
    {
        either::for_both!(self, iter => iter.with_leaves(consumer, callback))
    }

    fn opt_len(&self) -> Option<usize> {
        either::for_both!(self, iter => iter.opt_len())
    }
}

impl<L, R> IndexedParallelIterator for Either<L, R>
where
    L: IndexedParallelIterator,
    R: IndexedParallelIterator<Item = L::Item>,
{
    fn len(&self) -> usize {
        either::for_both!(self, iter => iter.len())
    }

    fn drive<C>(self, consumer: C) -> C::Result
    where
        C: Consumer<L::Item>,
    {
        either::for_both!(self, iter => iter.drive(consumer))
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<L::Item>,
    {
        either::for_both!(self, iter => iter.with_producer(callback))
    }
}

impl<L, R, T> ParallelExtend<T> for Either<L, R>
where
    L: ParallelExtend<T>,
    R: ParallelExtend<T>,
    T: Send,
{
    fn par_extend<I>(&mut self, par_iter: I)
    where
        I: IntoParallelIterator<Item = T>,
    {
        either::for_both!(self, collection => collection.par_extend(par_iter));
    }
}
