//! What a workspace's children can share: one value, or a slice.
use super::Merge;
use std::slice;

/// What the children of a [`workspace`](crate::workspace()) can have as their state: a value that is
/// [`Merge`], or a slice of such values.
///
/// A slice does not own its elements and cannot grow, so that two children that change elements of
/// their own are never in conflict. It need not be all of a vector:
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let mut marks = vec![1, 2, 3, 4, 5];
///     negate(&mut marks[1..4]);
///     assert_eq!(marks, [1, -2, -3, -4, 5]);
/// }
///
/// fn negate(marks: &mut [i32]) {
///     let all = marks.len();
///     detpar::workspace(marks, all, |i, marks| marks[i] = -marks[i]);
/// }
/// ```
///
/// There are no other implementations: it is sealed.
#[diagnostic::on_unimplemented(
    message = "children cannot share `{Self}` in a workspace: it is not known what merges",
    label = "is not `Merge`",
    note = "add `#[derive(detpar::Merge)]` to a type of your own; what leads to memory that \
            others may change (references, pointers, `Rc`, `Arc`, `Cell`, locks, atomics) and \
            collections other than `Vec` cannot be in a workspace's state"
)]
pub trait State: Values {}

impl<T: Values + ?Sized> State for T {}

/// Of what a state is made.
pub trait Values: Send {
    /// What lies side by side.
    type Value: Merge;

    /// All of it.
    fn values(&self) -> &[Self::Value];
}

impl<T: Merge> Values for T {
    type Value = T;

    fn values(&self) -> &[T] {
        slice::from_ref(self)
    }
}

impl<T: Merge> Values for [T] {
    type Value = T;

    fn values(&self) -> &[T] {
        self
    }
}
