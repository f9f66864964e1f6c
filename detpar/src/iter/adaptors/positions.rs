//! `positions`.
use super::declare::adaptor;
use crate::iter::bridged::parallel_by_other;
use crate::iter::{IndexedParallelIterator, ParallelIterator};

adaptor! {
    /// Returned by [`IndexedParallelIterator::positions`].
    Positions<I, P> { predicate: P }
}

fn position<T>(
    predicate: impl Fn(T) -> bool + Sync + Send,
) -> impl Fn((usize, T)) -> Option<usize> + Sync + Send {
    move |(i, item)| predicate(item).then_some(i)
}

impl<I, P> ParallelIterator for Positions<I, P>
where
    I: IndexedParallelIterator,
    P: Fn(I::Item) -> bool + Sync + Send,
{
    type Item = usize;

    parallel_by_other!(|this| this.base.enumerate().filter_map(position(this.predicate)));
}
