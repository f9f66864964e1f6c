//! Slices, and vectors and arrays by reference.
use crate::engine;
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Exclusive, Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use std::slice;

/// Parallel iterator over references to the items of a slice.
#[derive(Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Iter<'data, T> {
    slice: &'data [T],
}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Iter { slice: self.slice }
    }
}

/// Parallel iterator over mutable references to the items of a slice.
#[derive(Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct IterMut<'data, T> {
    slice: &'data mut [T],
}

macro_rules! by_reference {
    ($iter:ident, $producer:ident, $std:ident, [$($mutable:tt)?], $bound:ident, $split:ident) => {
        impl<'data, T: $bound> ParallelIterator for $iter<'data, T> {
            type Item = &'data $($mutable)? T;

            parallel_by_bridge!();
        }

        impl<'data, T: $bound> IndexedParallelIterator for $iter<'data, T> {
            drive_by_bridge!();

            fn len(&self) -> usize {
                self.slice.len()
            }

            fn with_producer<CB>(self, callback: CB) -> CB::Output
            where
                CB: ProducerCallback<Self::Item>,
            {
                callback.callback($producer(self.slice))
            }
        }

        struct $producer<'data, T>(&'data $($mutable)? [T]);

        impl<'data, T: $bound> Producer for $producer<'data, T> {
            type Item = &'data $($mutable)? T;
            type IntoIter = slice::$std<'data, T>;

            fn into_iter(self) -> Self::IntoIter {
                by_reference!(@ahead [$($mutable)?] self.0);
                self.0.into_iter()
            }

            fn split_at(self, index: usize) -> (Self, Self) {
                let (left, right) = self.0.$split(index);
                ($producer(left), $producer(right))
            }

            by_reference!(@exclusive [$($mutable)?]);
        }

        impl<'data, T: $bound> IntoParallelIterator for &'data $($mutable)? [T] {
            type Iter = $iter<'data, T>;
            type Item = &'data $($mutable)? T;

            fn into_par_iter(self) -> Self::Iter {
                $iter { slice: self }
            }
        }

        impl<'data, T: $bound> IntoParallelIterator for &'data $($mutable)? Vec<T> {
            type Iter = $iter<'data, T>;
            type Item = &'data $($mutable)? T;

            fn into_par_iter(self) -> Self::Iter {
                $iter { slice: self }
            }
        }

        impl<'data, T: $bound, const N: usize> IntoParallelIterator
            for &'data $($mutable)? [T; N]
        {
            type Iter = $iter<'data, T>;
            type Item = &'data $($mutable)? T;

            fn into_par_iter(self) -> Self::Iter {
                $iter { slice: self }
            }
        }
    };
    (@ahead [] $items:expr) => { engine::will_read($items) };
    (@ahead [mut] $items:expr) => {};
    (@exclusive []) => {};
    (@exclusive [mut]) => {
        fn exclusive(&mut self) -> Exclusive {
            Exclusive::of(self.0)
        }
    };
}

by_reference!(Iter, SliceProducer, Iter, [], Sync, split_at);
by_reference!(IterMut, SliceMutProducer, IterMut, [mut], Send, split_at_mut);
