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

/// The methods of `ParallelIterator`, but for the length, of what is another iterator under
/// its own name; where `$other` borrows from `this`, `mut this` makes that possible.
macro_rules! parallel_by_other {
    (|$this:pat_param| $other:expr) => {
        fn drive_unindexed<C>(self, consumer: C) -> C::Result
        where
            C: $crate::iter::plumbing::UnindexedConsumer<Self::Item>,
        {
            let $this = self;
            $crate::iter::ParallelIterator::drive_unindexed($other, consumer)
        }

        fn with_leaves<C, CR, CD, CB>(self, consumer: C, callback: CB) -> CB::Output
        where
            C: $crate::iter::plumbing::UnindexedConsumer<Self::Item, Result = CR, Reducer = CD>,
            CB: $crate::iter::cut::LeavesCallback<CR, CD>,
        {
            let $this = self;
            $crate::iter::ParallelIterator::with_leaves($other, consumer, callback)
        }
    };
}

/// The methods of `IndexedParallelIterator`, but for the length, of the same.
macro_rules! indexed_by_other {
    (|$this:ident| $other:expr) => {
        fn drive<C>(self, consumer: C) -> C::Result
        where
            C: $crate::iter::plumbing::Consumer<Self::Item>,
        {
            let $this = self;
            $crate::iter::IndexedParallelIterator::drive($other, consumer)
        }

        fn with_producer<CB>(self, callback: CB) -> CB::Output
        where
            CB: $crate::iter::plumbing::ProducerCallback<Self::Item>,
        {
            let $this = self;
            $crate::iter::IndexedParallelIterator::with_producer($other, callback)
        }
    };
}

/// `ParallelIterator` for a type whose field `inner` is an iterator with the same items.
macro_rules! unindexed_by_inner {
    ([$($generics:tt)*] $iter:ty, $item:ty) => {
        impl<$($generics)*> $crate::iter::ParallelIterator for $iter {
            type Item = $item;

            $crate::iter::bridged::parallel_by_other!(|this| this.inner);

            fn opt_len(&self) -> Option<usize> {
                self.inner.opt_len()
            }
        }
    };
}

/// `ParallelIterator` for a type with a method `inner` that makes an iterator with the same
/// items, which may borrow from it.
macro_rules! unindexed_by_method {
    ([$($generics:tt)*] $iter:ty, $item:ty) => {
        impl<$($generics)*> $crate::iter::ParallelIterator for $iter {
            type Item = $item;

            $crate::iter::bridged::parallel_by_other!(|mut this| this.inner());
        }
    };
}

/// `unindexed_by_inner` and `IndexedParallelIterator`. Cut by the length of the whole, whatever `inner`
/// is made of.
macro_rules! indexed_by_inner {
    ([$($generics:tt)*] $iter:ty, $item:ty) => {
        impl<$($generics)*> $crate::iter::ParallelIterator for $iter {
            type Item = $item;

            $crate::iter::bridged::parallel_by_bridge!();
        }

        impl<$($generics)*> $crate::iter::IndexedParallelIterator for $iter {
            $crate::iter::bridged::indexed_by_other!(|this| this.inner);

            fn len(&self) -> usize {
                self.inner.len()
            }
        }
    };
}

pub(super) use {
    drive_by_bridge, indexed_by_inner, indexed_by_other, parallel_by_bridge, parallel_by_other,
    unindexed_by_inner, unindexed_by_method,
};
