//! What the macros expand to. Not a public interface.
use crate::error::JoinError;
use crate::fork;

/// Runs the program's main as the master space.
pub fn main<R>(user: fn() -> R) -> R {
    crate::boot::main(user)
}

/// Runs the body of a `#[deterministic]` function in a space of its own; panics with the
/// [`JoinError`] where the child failed.
#[track_caller]
pub fn enter<R>(body: impl FnOnce() -> R) -> R {
    match fork::fork1(body) {
        Ok(r) => r,
        Err(e) => e.unwind(),
    }
}

/// The same for a body that returns `Result<T, E>` with `E: From<JoinError>`.
pub fn enter_result<T, E: From<JoinError>>(body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    match fork::fork1(body) {
        Ok(r) => r,
        Err(e) => Err(E::from(e)),
    }
}
