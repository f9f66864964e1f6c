//! `with_min_len` and `with_max_len`.
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Exclusive, Folder, Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, ParallelIterator};

macro_rules! limit {
    ($name:ident, $producer:ident, $method:ident, $min:expr, $max:expr) => {
        #[doc = concat!("Returned by [`IndexedParallelIterator::", stringify!($method), "`].")]
        #[derive(Clone, Debug)]
        #[must_use = "a parallel iterator does nothing until it is consumed"]
        pub struct $name<I> {
            base: I,
            limit: usize,
        }

        impl<I> $name<I> {
            pub(in crate::iter) fn new(base: I, limit: usize) -> Self {
                $name { base, limit }
            }
        }

        impl<I: IndexedParallelIterator> ParallelIterator for $name<I> {
            type Item = I::Item;

            parallel_by_bridge!();
        }

        impl<I: IndexedParallelIterator> IndexedParallelIterator for $name<I> {
            drive_by_bridge!();

            fn len(&self) -> usize {
                self.base.len()
            }

            fn with_producer<CB>(self, callback: CB) -> CB::Output
            where
                CB: ProducerCallback<Self::Item>,
            {
                struct Callback<CB> {
                    limit: usize,
                    callback: CB,
                }

                impl<T, CB: ProducerCallback<T>> ProducerCallback<T> for Callback<CB> {
                    type Output = CB::Output;

                    fn callback<P: Producer<Item = T>>(self, base: P) -> CB::Output {
                        self.callback.callback($producer { base, limit: self.limit })
                    }
                }

                self.base.with_producer(Callback { limit: self.limit, callback })
            }
        }

        struct $producer<P> {
            base: P,
            limit: usize,
        }

        impl<P: Producer> Producer for $producer<P> {
            type Item = P::Item;
            type IntoIter = P::IntoIter;

            fn into_iter(self) -> P::IntoIter {
                self.base.into_iter()
            }

            fn min_len(&self) -> usize {
                $min(self.base.min_len(), self.limit)
            }

            fn max_len(&self) -> usize {
                $max(self.base.max_len(), self.limit)
            }

            fn exclusive(&mut self) -> Exclusive {
                self.base.exclusive()
            }

            fn split_at(self, index: usize) -> (Self, Self) {
                let limit = self.limit;
                let (left, right) = self.base.split_at(index);
                ($producer { base: left, limit }, $producer { base: right, limit })
            }

            fn fold_with<F: Folder<P::Item>>(self, folder: F) -> F {
                self.base.fold_with(folder)
            }
        }
    };
}

/// What the iterator before says stays.
fn base(base: usize, _limit: usize) -> usize {
    base
}

limit!(MinLen, MinLenProducer, with_min_len, usize::max, base);
limit!(MaxLen, MaxLenProducer, with_max_len, base, usize::min);
