//! `copied`.
use super::stage::{ExactStage, Stage, indexed_by_stage, parallel_by_stage};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::iter;

/// Returned by [`ParallelIterator::copied`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Copied<I> {
    base: I,
}

impl<I> Copied<I> {
    pub(in crate::iter) fn new(base: I) -> Self {
        Copied { base }
    }

    fn parts(self) -> (I, Op) {
        (self.base, Op)
    }

    fn stage(op: &Op) -> Op {
        *op
    }
}

impl<'a, I, T> ParallelIterator for Copied<I>
where
    I: ParallelIterator<Item = &'a T>,
    T: 'a + Copy + Send + Sync,
{
    type Item = T;

    parallel_by_stage!();

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

impl<'a, I, T> IndexedParallelIterator for Copied<I>
where
    I: IndexedParallelIterator<Item = &'a T>,
    T: 'a + Copy + Send + Sync,
{
    indexed_by_stage!();
}

/// The stage: it has no closure.
#[derive(Clone, Copy)]
struct Op;

impl<'a, T> Stage<&'a T> for Op
where
    T: 'a + Copy,
{
    type Out = T;

    fn apply<I: Iterator<Item = &'a T>>(self, iter: I) -> impl Iterator<Item = T> {
        iter.copied()
    }
}

impl<'a, T> ExactStage<&'a T> for Op
where
    T: 'a + Copy,
{
    type Iter<I>
        = iter::Copied<I>
    where
        I: Iterator<Item = &'a T> + DoubleEndedIterator + ExactSizeIterator;

    fn apply_exact<I>(self, iter: I) -> Self::Iter<I>
    where
        I: Iterator<Item = &'a T> + DoubleEndedIterator + ExactSizeIterator,
    {
        iter.copied()
    }
}
