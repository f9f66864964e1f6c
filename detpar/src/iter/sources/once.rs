//! One item.
use crate::iter::IntoParallelIterator;
use crate::iter::bridged::indexed_by_inner;
use crate::option;

/// Parallel iterator over one item; see [`once`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Once<T> {
    inner: option::IntoIter<T>,
}

/// Yields one item.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     use detpar::prelude::*;
///     let v: Vec<i32> = detpar::iter::once(7).chain(8..10).collect();
///     assert_eq!(v, [7, 8, 9]);
/// }
/// ```
pub fn once<T: Send>(item: T) -> Once<T> {
    Once { inner: Some(item).into_par_iter() }
}

indexed_by_inner!([T: Send] Once<T>, T);
