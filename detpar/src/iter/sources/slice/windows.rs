//! Overlapping pieces of slices.
use crate::engine;
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::{iter, slice};

macro_rules! windows {
    (
        $(#[$doc:meta])*
        $iter:ident<$($n:ident)?>, $producer:ident, $item:ty, $std:ty,
        |$windows:ident| $into:expr
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "a parallel iterator does nothing until it is consumed"]
        pub struct $iter<'data, T $(, const $n: usize)?> {
            pub(super) size: usize,
            pub(super) slice: &'data [T],
        }

        impl<T $(, const $n: usize)?> Clone for $iter<'_, T $(, $n)?> {
            fn clone(&self) -> Self {
                $iter { ..*self }
            }
        }

        impl<'data, T: Sync $(, const $n: usize)?> ParallelIterator for $iter<'data, T $(, $n)?> {
            type Item = $item;

            parallel_by_bridge!();
        }

        impl<'data, T: Sync $(, const $n: usize)?> IndexedParallelIterator
            for $iter<'data, T $(, $n)?>
        {
            drive_by_bridge!();

            fn len(&self) -> usize {
                (self.slice.len() + 1).saturating_sub(self.size)
            }

            fn with_producer<CB>(self, callback: CB) -> CB::Output
            where
                CB: ProducerCallback<Self::Item>,
            {
                callback.callback($producer(self))
            }
        }

        struct $producer<'data, T $(, const $n: usize)?>($iter<'data, T $(, $n)?>);

        impl<'data, T: Sync $(, const $n: usize)?> Producer for $producer<'data, T $(, $n)?> {
            type Item = $item;
            type IntoIter = $std;

            fn into_iter(self) -> Self::IntoIter {
                engine::will_read(self.0.slice);
                let $windows = self.0.slice.windows(self.0.size);
                $into
            }

            fn split_at(self, index: usize) -> (Self, Self) {
                // The left part ends where its last window does.
                let $iter { size, slice } = self.0;
                let end = slice.len().min(index + (size - 1));
                let (left, right) = (&slice[..end], &slice[index..]);
                ($producer($iter { size, slice: left }), $producer($iter { size, slice: right }))
            }
        }
    };
}

windows! {
    /// Parallel iterator over overlapping pieces of a slice.
    Windows<>, WindowsProducer, &'data [T], slice::Windows<'data, T>, |windows| windows
}

/// A window as an array.
type AsArray<'data, T, const N: usize> = fn(&'data [T]) -> &'data [T; N];

windows! {
    /// Parallel iterator over overlapping pieces of a slice, as arrays.
    ArrayWindows<N>, ArrayWindowsProducer, &'data [T; N],
    iter::Map<slice::Windows<'data, T>, AsArray<'data, T, N>>,
    |windows| windows.map(|window| window.try_into().expect("a window has N items"))
}
