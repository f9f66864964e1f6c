//! `collect` into a `Result` or an `Option` of a collection.
//!
//! The collection makes itself of an iterator and returns nothing but itself, so what stopped
//! it needs another way out. It travels in the results of the leaves, beside those of the
//! collection's own consumer, and is put into a variable of the caller when the last two
//! are combined. That makes it the first in index order.
use crate::iter::plumbing::{Consumer, Folder, Reducer, UnindexedConsumer};
use crate::iter::{FromParallelIterator, IntoParallelIterator, ParallelIterator};

impl<T, E, C> FromParallelIterator<Result<T, E>> for Result<C, E>
where
    C: FromParallelIterator<T>,
    T: Send,
    E: Send,
{
    /// The collection of all values, or the first error in index order.
    fn from_par_iter<I>(par_iter: I) -> Self
    where
        I: IntoParallelIterator<Item = Result<T, E>>,
    {
        let mut stop = None;
        let collection =
            C::from_par_iter(Values { base: par_iter.into_par_iter(), stop: &mut stop });
        match stop {
            None => Ok(collection),
            Some(error) => Err(error),
        }
    }
}

impl<T, C> FromParallelIterator<Option<T>> for Option<C>
where
    C: FromParallelIterator<T>,
    T: Send,
{
    /// The collection of all values, or `None` where one of them is.
    fn from_par_iter<I>(par_iter: I) -> Self
    where
        I: IntoParallelIterator<Item = Option<T>>,
    {
        let results = par_iter.into_par_iter().map(|item| item.ok_or(()));
        Result::from_par_iter(results).ok()
    }
}

/// Yields the values up to the first error of each leaf.
struct Values<'s, I, E> {
    base: I,
    stop: &'s mut Option<E>,
}

impl<I, T, E> ParallelIterator for Values<'_, I, E>
where
    I: ParallelIterator<Item = Result<T, E>>,
    T: Send,
    E: Send,
{
    type Item = T;

    fn drive_unindexed<C>(self, consumer: C) -> C::Result
    where
        C: UnindexedConsumer<T>,
    {
        let (result, stop) = self.base.drive_unindexed(ValuesConsumer(consumer));
        *self.stop = stop;
        result
    }
}

struct ValuesConsumer<C>(C);

impl<T, E, C> Consumer<Result<T, E>> for ValuesConsumer<C>
where
    C: Consumer<T>,
    E: Send,
{
    type Folder = ValuesFolder<C::Folder, E>;
    type Reducer = ValuesReducer<C::Reducer>;
    type Result = (C::Result, Option<E>);

    fn split_at(self, index: usize) -> (Self, Self, Self::Reducer) {
        let (left, right, reducer) = self.0.split_at(index);
        (ValuesConsumer(left), ValuesConsumer(right), ValuesReducer(reducer))
    }

    fn into_folder(self) -> Self::Folder {
        ValuesFolder { base: self.0.into_folder(), stop: None }
    }

    fn full(&self) -> bool {
        self.0.full()
    }

    fn decided((result, stop): &Self::Result) -> bool {
        stop.is_some() || C::decided(result)
    }
}

impl<T, E, C> UnindexedConsumer<Result<T, E>> for ValuesConsumer<C>
where
    C: UnindexedConsumer<T>,
    E: Send,
{
    fn split_off_left(&self) -> Self {
        ValuesConsumer(self.0.split_off_left())
    }

    fn to_reducer(&self) -> Self::Reducer {
        ValuesReducer(self.0.to_reducer())
    }
}

struct ValuesFolder<F, E> {
    base: F,
    stop: Option<E>,
}

impl<T, E, F> Folder<Result<T, E>> for ValuesFolder<F, E>
where
    F: Folder<T>,
{
    type Result = (F::Result, Option<E>);

    fn consume(mut self, item: Result<T, E>) -> Self {
        match item {
            Ok(value) => self.base = self.base.consume(value),
            Err(error) => self.stop = self.stop.or(Some(error)),
        }
        self
    }

    fn consume_iter<I>(mut self, iter: I) -> Self
    where
        I: IntoIterator<Item = Result<T, E>>,
    {
        if self.stop.is_none() {
            let stop = &mut self.stop;
            let values = iter.into_iter().map_while(|item| match item {
                Ok(value) => Some(value),
                Err(error) => {
                    *stop = Some(error);
                    None
                }
            });
            // Fused: a base that asked again after the error would get later values.
            self.base = self.base.consume_iter(values.fuse());
        }
        self
    }

    fn complete(self) -> Self::Result {
        (self.base.complete(), self.stop)
    }

    fn full(&self) -> bool {
        self.stop.is_some() || self.base.full()
    }
}

struct ValuesReducer<D>(D);

impl<R, E, D> Reducer<(R, Option<E>)> for ValuesReducer<D>
where
    D: Reducer<R>,
{
    fn reduce(self, left: (R, Option<E>), right: (R, Option<E>)) -> (R, Option<E>) {
        (self.0.reduce(left.0, right.0), left.1.or(right.1))
    }
}
