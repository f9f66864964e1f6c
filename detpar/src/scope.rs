//! `scope`: children that run beside the body that spawns them.
use crate::engine::{self, Children};
use crate::error::JoinError;
use std::cell::RefCell;
use std::marker::PhantomData;

/// Where children are spawned; see [`scope`].
pub struct Scope<'scope> {
    children: Children<'scope>,
    /// Why a spawn failed, once one did.
    failed: RefCell<Option<JoinError>>,
    /// Invariant: a scope must pass neither for a longer nor for a shorter one.
    marker: PhantomData<&'scope mut &'scope ()>,
}

/// Runs a body that may spawn children, which run beside it from snapshots of memory as of
/// their spawn; at the end merges them all, in the order in which they were spawned.
///
/// A child sees what the body wrote before the spawn and nothing that it writes later; the body
/// sees what a child wrote only after the scope. What children print appears at the end of the
/// scope. To handle a failure, use [`try_scope`].
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let mut parts = [0; 4];
///     let mut seen = 0;
///     detpar::scope(|s| {
///         for (i, part) in parts.iter_mut().enumerate() {
///             s.spawn(move |_| *part = i * i);
///         }
///         seen = 1;
///     });
///     assert_eq!(parts, [0, 1, 4, 9]);
///     assert_eq!(seen, 1);
/// }
/// ```
///
/// # Panics
///
/// As [`join`](crate::join()). A panic of the body ends the children, whose changes are lost.
///
/// # Conflicts
///
/// A byte that two children changed, and one that a child changed and the body changed after
/// the child's spawn.
#[track_caller]
pub fn scope<'scope, OP, R>(op: OP) -> R
where
    OP: FnOnce(&Scope<'scope>) -> R + Send,
    R: Send,
{
    match try_scope(op) {
        Ok(r) => r,
        Err(e) => e.unwind(),
    }
}

/// Like [`scope`], with the failure as a value.
///
/// All or nothing: on failure no change of any child is kept and closures are dropped unused;
/// what the body itself did stays. (So it is in the engine `spaces`; the others take nothing back,
/// see `docs/engines.md`.)
///
/// ```
/// use detpar::JoinError;
///
/// #[detpar::main]
/// fn main() {
///     let (mut a, mut b) = (1, 1);
///     let failed = detpar::try_scope(|s| {
///         s.spawn(|_| a = 2);
///         s.spawn(|_| {
///             b = 2;
///             panic!("no");
///         });
///     });
///     assert!(matches!(failed, Err(JoinError::Panic(p)) if p.child() == 1));
///     assert_eq!((a, b), (1, 1));
/// }
/// ```
///
/// # Errors
///
/// The failure of the child that was spawned first among those that failed: see [`JoinError`].
///
/// # Panics
///
/// Where the body panics.
///
/// # Conflicts
///
/// As for [`scope`]; a conflict is the error [`JoinError::Conflict`].
pub fn try_scope<'scope, OP, R>(op: OP) -> Result<R, JoinError>
where
    OP: FnOnce(&Scope<'scope>) -> R + Send,
    R: Send,
{
    run(op)
}

/// The same as [`scope`] for a body that cannot be sent: it runs in the calling space anyway.
///
/// # Panics
///
/// As [`scope`].
///
/// # Conflicts
///
/// As for [`scope`].
#[track_caller]
pub fn in_place_scope<'scope, OP, R>(op: OP) -> R
where
    OP: FnOnce(&Scope<'scope>) -> R,
{
    match run(op) {
        Ok(r) => r,
        Err(e) => e.unwind(),
    }
}

fn run<'scope, OP, R>(op: OP) -> Result<R, JoinError>
where
    OP: FnOnce(&Scope<'scope>) -> R,
{
    engine::scope(|children| {
        let s = Scope { children, failed: RefCell::default(), marker: PhantomData };
        let r = op(&s);
        (r, s.failed.take())
    })
}

impl<'scope> Scope<'scope> {
    /// Starts a child that runs `body` from a snapshot as of now.
    ///
    /// The child may spawn in turn: its own children are merged into it at its end.
    /// A spawn that fails, for lack of memory or workers or since a child of the scope's space
    /// makes it, makes the scope fail at its end.
    ///
    /// # Conflicts
    ///
    /// As for [`scope`].
    pub fn spawn<BODY>(&self, body: BODY)
    where
        BODY: FnOnce(&Scope<'scope>) + Send + 'scope,
    {
        if self.failed.borrow().is_some() {
            return;
        }
        let child = move || scope(|s: &Scope<'scope>| body(s));
        // SAFETY: what the body borrows lives for 'scope: past the scope's end, in frames above
        // its own.
        let started = unsafe { self.children.spawn(child) };
        if let Err(e) = started {
            *self.failed.borrow_mut() = Some(e);
        }
    }
}

impl std::fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").field("children", &self.children.len()).finish()
    }
}
