//! `panic_fuse`.
use super::declare::adaptor;
use crate::iter::bridged::{indexed_by_other, parallel_by_other};
use crate::iter::{IndexedParallelIterator, ParallelIterator};

adaptor! {
    /// Returned by [`ParallelIterator::panic_fuse`].
    PanicFuse<I> {}
}

impl<I: ParallelIterator> ParallelIterator for PanicFuse<I> {
    type Item = I::Item;

    parallel_by_other!(|this| this.base);

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for PanicFuse<I> {
    indexed_by_other!(|this| this.base);

    fn len(&self) -> usize {
        self.base.len()
    }
}
