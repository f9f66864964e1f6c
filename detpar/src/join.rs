//! `join` and `try_join`: two children of one closed construct.
use crate::error::JoinError;
use crate::fork;

/// Runs two closures, possibly in parallel, each on a private snapshot of memory, merges
/// their changes and returns both results.
///
/// # Panics
/// Continues a child's panic with its message; panics with the [`JoinError`] where the
/// construct failed for another reason, a conflict for instance.
///
/// # Conflicts
/// Two closures that wrote the same byte conflict, even where they wrote the same value.
#[track_caller]
pub fn join<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    match try_join(a, b) {
        Ok(r) => r,
        Err(e) => e.unwind(),
    }
}

/// Like [`join`], with the failure as a value. On failure nothing of either child is kept.
///
/// # Errors
/// The failure of the lowest index, see [`JoinError`].
pub fn try_join<A, B, RA, RB>(a: A, b: B) -> Result<(RA, RB), JoinError>
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    fork::fork2(a, b)
}
