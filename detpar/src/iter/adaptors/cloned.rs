//! `cloned`.
use super::stage::{ExactStage, Stage, indexed_by_stage, parallel_by_stage};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::iter;

/// Returned by [`ParallelIterator::cloned`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Cloned<I> {
    base: I,
}

impl<I> Cloned<I> {
    pub(in crate::iter) fn new(base: I) -> Self {
        Cloned { base }
    }

    fn parts(self) -> (I, Op) {
        (self.base, Op)
    }

    fn stage(op: &Op) -> Op {
        *op
    }
}

impl<'a, I, T> ParallelIterator for Cloned<I>
where
    I: ParallelIterator<Item = &'a T>,
    T: 'a + Clone + Send + Sync,
{
    type Item = T;

    parallel_by_stage!();

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

impl<'a, I, T> IndexedParallelIterator for Cloned<I>
where
    I: IndexedParallelIterator<Item = &'a T>,
    T: 'a + Clone + Send + Sync,
{
    indexed_by_stage!();
}

/// The stage: it has no closure.
#[derive(Clone, Copy)]
struct Op;

impl<'a, T> Stage<&'a T> for Op
where
    T: 'a + Clone,
{
    type Out = T;

    fn apply<I: Iterator<Item = &'a T>>(self, iter: I) -> impl Iterator<Item = T> {
        iter.cloned()
    }
}

impl<'a, T> ExactStage<&'a T> for Op
where
    T: 'a + Clone,
{
    type Iter<I>
        = iter::Cloned<I>
    where
        I: Iterator<Item = &'a T> + DoubleEndedIterator + ExactSizeIterator;

    fn apply_exact<I>(self, iter: I) -> Self::Iter<I>
    where
        I: Iterator<Item = &'a T> + DoubleEndedIterator + ExactSizeIterator,
    {
        iter.cloned()
    }
}
