//! What the macros expand to. Not a public interface.
use crate::engine;
use crate::error::JoinError;

#[cfg(feature = "spaces")]
pub use crate::fork::from_get as explain;
#[cfg(feature = "spaces")]
pub use crate::testing::check_whole;
pub use crate::testing::{Entry, run as test, succeeded};

/// Runs the program's main as the master.
pub fn main<R>(user: fn() -> R) -> R {
    crate::start::main(user)
}

/// Runs a main that is no Rust function as the master: libdet-c's.
pub fn main_of<R>(user: impl FnOnce() -> R) -> R {
    crate::start::main(user)
}

/// Runs the body of a `#[deterministic]` function in a space of its own; panics with the
/// [`JoinError`] where the child failed.
#[track_caller]
pub fn enter<R>(body: impl FnOnce() -> R) -> R {
    match engine::fork1(body) {
        Ok(r) => r,
        Err(e) => e.unwind(),
    }
}

/// The same for a body that returns a `Result`, whose error holds the [`JoinError`].
pub fn enter_result<T, E: HoldsJoinError>(body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    match engine::fork1(body) {
        Ok(r) => r,
        Err(e) => Err(E::hold(e)),
    }
}

/// `From<JoinError>` under another name, for the sake of what the compiler says without it.
#[diagnostic::on_unimplemented(
    message = "the error type `{Self}` of a `#[deterministic]` function needs \
               `From<detpar::JoinError>`",
    label = "needs `From<detpar::JoinError>`",
    note = "the function's child can fail: implement `From<detpar::JoinError>` for `{Self}`, \
            return `detpar::JoinError` or `Box<dyn Error + Send + Sync>`, or write \
            `#[deterministic(panic)]` to panic where the child fails"
)]
pub trait HoldsJoinError {
    /// `From::from`.
    fn hold(e: JoinError) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<JoinError>> HoldsJoinError for E {
    fn hold(e: JoinError) -> E {
        E::from(e)
    }
}
