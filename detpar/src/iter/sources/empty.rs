//! No items.
use crate::iter::IntoParallelIterator;
use crate::iter::bridged::indexed_by_inner;
use crate::option;

/// Parallel iterator over nothing; see [`empty`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Empty<T> {
    inner: option::IntoIter<T>,
}

/// Yields nothing.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     use detpar::prelude::*;
///     assert_eq!(detpar::iter::empty::<i32>().max(), None);
/// }
/// ```
pub fn empty<T: Send>() -> Empty<T> {
    Empty { inner: None.into_par_iter() }
}

indexed_by_inner!([T: Send] Empty<T>, T);
