//! Method bodies for iterators that are run by `bridge`.

/// The methods of `ParallelIterator` for an iterator that is indexed.
macro_rules! parallel_by_bridge {
    () => {
        fn drive_unindexed<C>(self, consumer: C) -> C::Result
        where
            C: $crate::iter::plumbing::UnindexedConsumer<Self::Item>,
        {
            $crate::iter::plumbing::bridge(self, consumer)
        }

        fn with_leaves<C, CR, CD, K>(self, consumer: C, callback: K) -> K::Output
        where
            C: $crate::iter::plumbing::UnindexedConsumer<Self::Item, Result = CR, Reducer = CD>,
            K: $crate::iter::cut::LeavesCallback<CR, CD>,
        {
            $crate::iter::cut::with_leaves(self, consumer, callback)
        }

        fn opt_len(&self) -> Option<usize> {
            Some($crate::iter::IndexedParallelIterator::len(self))
        }
    };
}

/// The method `drive` of `IndexedParallelIterator`.
macro_rules! drive_by_bridge {
    () => {
        fn drive<C>(self, consumer: C) -> C::Result
        where
            C: $crate::iter::plumbing::Consumer<Self::Item>,
        {
            $crate::iter::plumbing::bridge(self, consumer)
        }
    };
}

pub(super) use {drive_by_bridge, parallel_by_bridge};
