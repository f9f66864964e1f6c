//! What operations that may fail return.
use std::ops::ControlFlow;

/// What the closures of `try_for_each`, `try_fold` and `try_reduce` return: an `Option`, a
/// `Result` or a [`ControlFlow`]. It stands in for std's trait of this name, which is unstable.
///
/// ```
/// use detpar::prelude::*;
/// use std::ops::ControlFlow;
///
/// #[detpar::main]
/// fn main() {
///     // A search that ends its leaf, and brings its find along.
///     let found = (0..100).into_par_iter().try_for_each(|n| {
///         if n * n > 500 { ControlFlow::Break(n) } else { ControlFlow::Continue(()) }
///     });
///     assert_eq!(found, ControlFlow::Break(23));
/// }
/// ```
pub trait Try: sealed::Sealed + Sized {
    /// What it holds where it did not fail.
    type Output;

    /// The value that did not fail.
    #[doc(hidden)]
    fn from_output(output: Self::Output) -> Self;

    /// Whether it did not fail.
    #[doc(hidden)]
    fn is_output(&self) -> bool;

    /// What it holds, or itself where it failed.
    #[doc(hidden)]
    fn branch(self) -> ControlFlow<Self, Self::Output>;
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

    fn branch(self) -> ControlFlow<Self, T> {
        self.map_or(ControlFlow::Break(None), ControlFlow::Continue)
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

    fn branch(self) -> ControlFlow<Self, T> {
        self.map_or_else(|error| ControlFlow::Break(Err(error)), ControlFlow::Continue)
    }
}

impl<B, C> Try for ControlFlow<B, C> {
    type Output = C;

    fn from_output(output: C) -> Self {
        ControlFlow::Continue(output)
    }

    fn is_output(&self) -> bool {
        self.is_continue()
    }

    fn branch(self) -> ControlFlow<Self, C> {
        match self {
            ControlFlow::Continue(output) => ControlFlow::Continue(output),
            ControlFlow::Break(failed) => ControlFlow::Break(ControlFlow::Break(failed)),
        }
    }
}
