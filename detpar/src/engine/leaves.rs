//! Leaves of a parallel call in `spaces`: the only place where the iterators move values across
//! the border of a space.
use crate::error::JoinError;
use crate::fork;
use crate::iter::Exclusive;
use std::mem::ManuallyDrop;
use std::ptr;

/// First of the leaves, as seen from any space.
struct First<L>(*const L);

// SAFETY: the only use is `take`, by which each child moves one leaf out of its private copy
// of the array, a different leaf in each: that is sending a leaf, for which `L: Send` does.
unsafe impl<L: Send> Sync for First<L> {}

impl<L> First<L> {
    /// Moves leaf `i` out of this space's copy of the array.
    ///
    /// # Safety
    /// The array has more than `i` leaves, and leaf `i` is taken once and never dropped in
    /// place in the space of the caller or in one its result is merged into.
    unsafe fn take(&self, i: usize) -> L {
        // SAFETY: in bounds and owned by the caller, by this function's contract.
        unsafe { ptr::read(self.0.add(i)) }
    }
}

/// Runs child `i` of one closed construct with `body(leaves[i])` and returns the results in
/// index order.
///
/// On success every leaf was consumed in its child and the parent forgets the originals. On
/// failure nothing of any child was merged, so that the originals are whole: the parent drops
/// each of them exactly once (rule R3).
pub(super) fn run<L, R>(
    leaves: Vec<L>,
    exclusive: &[Exclusive],
    body: impl Fn(L) -> R + Sync,
) -> Result<Vec<R>, JoinError>
where
    L: Send,
    R: Send,
{
    // Should the fork itself unwind it is unknown who owns the leaves: leak, never drop twice.
    let mut leaves = ManuallyDrop::new(leaves);
    let first = First(leaves.as_ptr());
    let parts = exclusive.iter().map(|e| e.bytes()).collect();
    let body = |i| {
        // SAFETY: `fork_leaves` calls this once for each `i` below the length, each in a child
        // with a private copy. The parent drops originals only where no child was merged.
        body(unsafe { first.take(i) })
    };
    // SAFETY: what a leaf has to itself is borrowed mutably by it (`granted-in-place`),
    // and the leaf is its child's until the construct has ended.
    let results = unsafe { fork::fork_leaves(leaves.len(), parts, body) };
    if results.is_ok() {
        // SAFETY: shortening is always in bounds. The leaves left behind are not dropped by
        // the Vec; the children moved them out.
        unsafe { leaves.set_len(0) };
    }
    drop(ManuallyDrop::into_inner(leaves));
    results
}
