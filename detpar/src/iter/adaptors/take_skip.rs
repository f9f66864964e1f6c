//! `take` and `skip`.
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, ParallelIterator};

macro_rules! part {
    ($name:ident, $method:ident, |$this:ident| $len:expr, |$parts:ident| $part:expr) => {
        #[doc = concat!("Returned by [`IndexedParallelIterator::", stringify!($method), "`].")]
        #[derive(Clone, Debug)]
        #[must_use = "a parallel iterator does nothing until it is consumed"]
        pub struct $name<I> {
            base: I,
            /// At most the length of `base`.
            n: usize,
        }

        impl<I: IndexedParallelIterator> $name<I> {
            pub(in crate::iter) fn new(base: I, n: usize) -> Self {
                let n = n.min(base.len());
                $name { base, n }
            }
        }

        impl<I: IndexedParallelIterator> ParallelIterator for $name<I> {
            type Item = I::Item;

            parallel_by_bridge!();
        }

        impl<I: IndexedParallelIterator> IndexedParallelIterator for $name<I> {
            drive_by_bridge!();

            fn len(&self) -> usize {
                let $this = self;
                $len
            }

            fn with_producer<CB>(self, callback: CB) -> CB::Output
            where
                CB: ProducerCallback<Self::Item>,
            {
                struct Callback<CB> {
                    n: usize,
                    callback: CB,
                }

                impl<T, CB: ProducerCallback<T>> ProducerCallback<T> for Callback<CB> {
                    type Output = CB::Output;

                    fn callback<P: Producer<Item = T>>(self, base: P) -> CB::Output {
                        // Cut off before the call: what is left over is dropped here, not in
                        // a child.
                        let $parts = base.split_at(self.n);
                        self.callback.callback($part)
                    }
                }

                self.base.with_producer(Callback { n: self.n, callback })
            }
        }
    };
}

part!(Take, take, |this| this.n, |parts| parts.0);
part!(Skip, skip, |this| this.base.len() - this.n, |parts| parts.1);
