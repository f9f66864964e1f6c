//! `update`.
use super::declare::adaptor;
use crate::iter::bridged::{indexed_by_other, parallel_by_other};
use crate::iter::{IndexedParallelIterator, ParallelIterator};

adaptor! {
    /// Returned by [`ParallelIterator::update`].
    Update<I, F> { op: F }
}

fn updated<T>(op: impl Fn(&mut T) + Sync + Send) -> impl Fn(T) -> T + Sync + Send {
    move |mut item| {
        op(&mut item);
        item
    }
}

impl<I, F> ParallelIterator for Update<I, F>
where
    I: ParallelIterator,
    F: Fn(&mut I::Item) + Sync + Send,
{
    type Item = I::Item;

    parallel_by_other!(|this| this.base.map(updated(this.op)));

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

impl<I, F> IndexedParallelIterator for Update<I, F>
where
    I: IndexedParallelIterator,
    F: Fn(&mut I::Item) + Sync + Send,
{
    indexed_by_other!(|this| this.base.map(updated(this.op)));

    fn len(&self) -> usize {
        self.base.len()
    }
}
