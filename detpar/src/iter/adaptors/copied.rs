//! `cloned` and `copied`.
use super::declare::adaptor;
use super::stage::{ExactStage, Stage, indexed_by_stage, parallel_by_stage};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::iter;

macro_rules! of_references {
    ($name:ident, $method:ident, $bound:ident, $stage:ident) => {
        adaptor! {
            #[doc = concat!("Returned by [`ParallelIterator::", stringify!($method), "`].")]
            $name<I> {}
        }

        impl<'a, I, T> ParallelIterator for $name<I>
        where
            I: ParallelIterator<Item = &'a T>,
            T: 'a + $bound + Send + Sync,
        {
            type Item = T;

            parallel_by_stage!(|this| $stage);

            fn opt_len(&self) -> Option<usize> {
                self.base.opt_len()
            }
        }

        impl<'a, I, T> IndexedParallelIterator for $name<I>
        where
            I: IndexedParallelIterator<Item = &'a T>,
            T: 'a + $bound + Send + Sync,
        {
            indexed_by_stage!(|this| $stage);
        }

        /// The stage: it has no closure.
        #[derive(Clone, Copy)]
        struct $stage;

        impl<'a, T: 'a + $bound> Stage<&'a T> for $stage {
            type Out = T;
            type State = Self;

            fn begin(self) -> Self {
                self
            }

            fn apply<I>(_: &mut Self, iter: I) -> impl Iterator<Item = T>
            where
                I: Iterator<Item = &'a T>,
            {
                iter.$method()
            }
        }

        impl<'a, T: 'a + $bound> ExactStage<&'a T> for $stage {
            type Iter<I>
                = iter::$name<I>
            where
                I: Iterator<Item = &'a T> + DoubleEndedIterator + ExactSizeIterator;

            fn apply_exact<I>(self, iter: I) -> Self::Iter<I>
            where
                I: Iterator<Item = &'a T> + DoubleEndedIterator + ExactSizeIterator,
            {
                iter.$method()
            }
        }
    };
}

of_references!(Cloned, cloned, Clone, Cloning);
of_references!(Copied, copied, Copy, Copying);
