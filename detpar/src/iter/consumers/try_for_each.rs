//! `try_for_each`.
use super::accumulate::{self, Accumulate};
use crate::iter::ParallelIterator;
use std::ops::ControlFlow;

/// What a closure of `try_for_each` may return: an `Option`, a `Result` or a [`ControlFlow`].
/// It stands in for std's trait of this name, which is unstable.
pub trait Try: sealed::Sealed + Sized {
    /// What it holds where it did not fail.
    type Output;

    /// The value that did not fail.
    #[doc(hidden)]
    fn from_output(output: Self::Output) -> Self;

    /// Whether it did not fail.
    #[doc(hidden)]
    fn is_output(&self) -> bool;
}

mod sealed {
    pub trait Sealed {}
    impl<T> Sealed for Option<T> {}
    impl<T, E> Sealed for Result<T, E> {}
    impl<B, C> Sealed for std::ops::ControlFlow<B, C> {}
}

impl<T> Try for Option<T> {
    type Output = T;

    fn from_output(output: T) -> Self {
        Some(output)
    }

    fn is_output(&self) -> bool {
        self.is_some()
    }
}

impl<T, E> Try for Result<T, E> {
    type Output = T;

    fn from_output(output: T) -> Self {
        Ok(output)
    }

    fn is_output(&self) -> bool {
        self.is_ok()
    }
}

impl<B, C> Try for ControlFlow<B, C> {
    type Output = C;

    fn from_output(output: C) -> Self {
        ControlFlow::Continue(output)
    }

    fn is_output(&self) -> bool {
        matches!(self, ControlFlow::Continue(_))
    }
}

pub(in crate::iter) fn try_for_each<I, OP, R>(iter: I, op: &OP) -> R
where
    I: ParallelIterator,
    OP: Fn(I::Item) -> R + Sync,
    R: Try<Output = ()> + Send,
{
    accumulate::run(iter, TryForEach(op))
}

struct TryForEach<'f, OP>(&'f OP);

impl<OP> Clone for TryForEach<'_, OP> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<OP> Copy for TryForEach<'_, OP> {}

impl<In, OP, R> Accumulate<In> for TryForEach<'_, OP>
where
    OP: Fn(In) -> R + Sync,
    R: Try<Output = ()> + Send,
{
    type State = R;
    type Result = R;

    fn begin(self) -> R {
        R::from_output(())
    }

    fn all<I: Iterator<Item = In>>(self, state: R, iter: I) -> R {
        if !state.is_output() {
            return state;
        }
        iter.map(self.0).find(|r| !r.is_output()).unwrap_or(state)
    }

    fn full(state: &R) -> bool {
        !state.is_output()
    }

    fn end(state: R) -> R {
        state
    }

    fn combine(self, left: R, right: R) -> R {
        if left.is_output() { right } else { left }
    }
}
