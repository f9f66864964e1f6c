//! What runs children: one file for each engine, behind the same calls.
//!
//! All that the rest of the crate asks of an engine is here, and goes to the one that was chosen
//! at the program's start. `spaces` isolates children, by the kernel's put and get
//! (`crate::fork`); `threads` and `serial` run them in the program's own process, where the borrow
//! checker keeps them apart. `docs/engines.md` says which rule holds in which.
use crate::error::JoinError;
#[cfg(feature = "spaces")]
use crate::fork;
use crate::iter::Exclusive;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

mod here;
#[cfg(feature = "spaces")]
mod leaves;
mod serial;
#[cfg(feature = "spaces")]
mod spaces;
#[cfg(feature = "threads")]
mod threads;

/// What runs the children of this program; chosen at its start by the variable `DETPAR_ENGINE`.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     println!("children are run by the engine `{}`", detpar::engine());
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Engine {
    /// Confined processes with private snapshots of memory, whose changes are merged.
    Spaces,
    /// Threads in one address space.
    Threads,
    /// One child after another, on the thread of its parent.
    Serial,
}

/// All engines, by the names that `DETPAR_ENGINE` takes; the first that this build has is used
/// where nothing is said.
const NAMES: [(&str, Engine, bool); 3] = [
    ("spaces", Engine::Spaces, cfg!(feature = "spaces")),
    ("threads", Engine::Threads, cfg!(feature = "threads")),
    ("serial", Engine::Serial, true),
];

impl Engine {
    /// The name, as `DETPAR_ENGINE` takes it.
    pub fn name(self) -> &'static str {
        NAMES[self as usize].0
    }

    /// The engine that a value of `DETPAR_ENGINE` asks for.
    pub(crate) fn asked_for(value: Option<&str>) -> Result<Engine, String> {
        let has = || NAMES.iter().filter(|row| row.2);
        let found = match value {
            None => has().next(),
            Some(name) => has().find(|row| row.0 == name),
        };
        found.map(|row| row.1).ok_or_else(|| {
            let names: Vec<String> = has().map(|row| format!("`{}`", row.0)).collect();
            let value = value.unwrap_or_default();
            format!("DETPAR_ENGINE={value}: this build has the engines {}", names.join(", "))
        })
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The engine that runs, plus one; 0 before one was started.
static RUNS: AtomicU8 = AtomicU8::new(0);

/// The engine that runs this program's children; before its start the one that would.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     // `DETPAR_ENGINE` may have said otherwise.
///     println!("children run by `{}`", detpar::engine());
///     assert!(["spaces", "threads", "serial"].contains(&detpar::engine().name()));
/// }
/// ```
#[inline]
pub fn engine() -> Engine {
    match RUNS.load(Relaxed) {
        1 => Engine::Spaces,
        2 => Engine::Threads,
        3 => Engine::Serial,
        _ => first(),
    }
}

/// The engine where none was chosen.
const fn first() -> Engine {
    if cfg!(feature = "spaces") {
        Engine::Spaces
    } else if cfg!(feature = "threads") {
        Engine::Threads
    } else {
        Engine::Serial
    }
}

/// From now on this engine runs children.
pub(crate) fn set(engine: Engine) {
    RUNS.store(engine as u8 + 1, Relaxed);
}

/// Whether this code runs in a child.
pub(crate) fn in_child() -> bool {
    #[cfg(feature = "spaces")]
    if kernel::master::in_child() {
        return true;
    }
    here::in_child()
}

/// Whether this code is the program's main, or called by it, outside of children.
#[cfg(feature = "spaces")]
pub(crate) fn is_master() -> bool {
    kernel::master::is_master() || here::is_master()
}

/// Keeps where the running child panicked.
pub(crate) fn note_panic_location(location: &str) {
    #[cfg(feature = "spaces")]
    if kernel::master::in_child() {
        return fork::note_panic_location(location);
    }
    here::note_panic_location(location);
}

/// Number of the running space: no other's.
#[cfg(feature = "spaces")]
pub(crate) fn space() -> u64 {
    match engine() {
        Engine::Spaces => fork::space(),
        _ => here::space(),
    }
}

/// Index of the running child in its construct, 0 beside a parent; `None` in the master.
pub(crate) fn index() -> Option<usize> {
    #[cfg(feature = "spaces")]
    if engine() == Engine::Spaces {
        return fork::index().map(|i| i as usize);
    }
    here::index()
}

/// Goes to the function of this name of the engine that runs.
macro_rules! by_engine {
    ($spaces:expr, $name:ident $arguments:tt) => {
        match engine() {
            #[cfg(feature = "spaces")]
            Engine::Spaces => $spaces $arguments,
            #[cfg(feature = "threads")]
            Engine::Threads => threads::$name $arguments,
            _ => serial::$name $arguments,
        }
    };
}

/// Runs `user` as the master of children in this process.
pub(crate) fn as_master<R>(workers: usize, user: impl FnOnce() -> R) -> R {
    here::as_master(|| match engine() {
        #[cfg(feature = "threads")]
        Engine::Threads => threads::with_pool(workers, user),
        _ => {
            let _ = workers;
            user()
        }
    })
}

/// Runs one child.
#[inline]
pub(crate) fn fork1<A, RA>(a: A) -> Result<RA, JoinError>
where
    A: FnOnce() -> RA,
{
    by_engine!(fork::fork1, fork1(a))
}

/// Runs two children.
#[inline]
pub(crate) fn fork2<A, B, RA, RB>(a: A, b: B) -> Result<(RA, RB), JoinError>
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    by_engine!(fork::fork2, fork2(a, b))
}

/// The same where each child has some memory to itself: its closure owns the borrow.
#[inline]
pub(crate) fn fork2_in_place<A, B, RA, RB>(
    exclusive: [Exclusive; 2],
    a: A,
    b: B,
) -> Result<(RA, RB), JoinError>
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    #[cfg(feature = "spaces")]
    if engine() == Engine::Spaces {
        /// Bytes from which on a grant costs less than copying: it is two changes of mappings.
        const WORTH: usize = 128 << 10;
        let parts = exclusive.map(Exclusive::bytes);
        if parts.iter().all(|(_, len)| *len < WORTH) {
            return fork2(a, b);
        }
        let parts = parts.to_vec();
        // SAFETY: the invariant of `Exclusive`: who owns the borrow is a closure that the child
        // alone runs, and the parent waits for both.
        return unsafe { fork::fork2_in_place(parts, a, b) };
    }
    let _ = exclusive;
    fork2(a, b)
}

/// Runs child `i` with `body(leaves[i])` for all leaves of one closed construct, and returns the
/// results in index order.
///
/// Every leaf is dropped once, whatever happens: by the child that ran it, or by the parent.
pub(crate) fn leaves<L, R, F>(
    leaves: Vec<L>,
    exclusive: &[Exclusive],
    body: F,
) -> Result<Vec<R>, JoinError>
where
    L: Send,
    R: Send,
    F: Fn(L) -> R + Sync,
{
    #[cfg(feature = "spaces")]
    if engine() == Engine::Spaces {
        return self::leaves::run(leaves, exclusive, body);
    }
    // In one memory everything is in place.
    let _ = exclusive;
    match engine() {
        #[cfg(feature = "threads")]
        Engine::Threads => threads::leaves(leaves, body),
        _ => serial::leaves(leaves, body),
    }
}

/// Memory that children may fill in place; offered as long as this is alive.
pub(crate) struct Offer {
    #[cfg(feature = "spaces")]
    _of: Option<fork::Offer>,
}

/// Offers memory to the children of this space's next constructs, if that is possible.
///
/// # Safety
/// As for the kernel's `offer`.
pub(crate) unsafe fn offer(start: *mut u8, len: usize) -> Option<Offer> {
    #[cfg(feature = "spaces")]
    if engine() == Engine::Spaces {
        // SAFETY: the caller's contract.
        return unsafe { fork::offer(start, len) }.map(|offer| Offer { _of: Some(offer) });
    }
    let _ = (start, len);
    Some(Offer {
        #[cfg(feature = "spaces")]
        _of: None,
    })
}

/// Whether what is written to this memory, of which an ancestor made an [`offer`], stays there.
pub(crate) fn fills(start: *const u8, len: usize) -> bool {
    #[cfg(feature = "spaces")]
    if engine() == Engine::Spaces {
        return fork::fills(start, len);
    }
    let _ = (start, len);
    true
}

/// Tells that this leaf is about to read a slice, from its first item on.
pub(crate) fn will_read<T>(items: &[T]) {
    #[cfg(feature = "spaces")]
    if engine() == Engine::Spaces {
        fork::will_read(items.as_ptr().cast(), size_of_val(items));
    }
    let _ = items;
}

/// Children of one scope.
pub(crate) enum Children<'scope> {
    #[cfg(feature = "spaces")]
    Spaces(spaces::Children),
    #[cfg(feature = "threads")]
    Threads(threads::Children<'scope>),
    Serial(serial::Children<'scope>),
}

impl<'scope> Children<'scope> {
    /// Starts one more.
    ///
    /// # Errors
    /// Where it could not start.
    ///
    /// # Safety
    /// The child must borrow only what lives until the call of [`scope`] that made this returns,
    /// and, as far as that lies on the stack, in frames above that call.
    pub unsafe fn spawn<C>(&self, child: C) -> Result<(), JoinError>
    where
        C: FnOnce() + Send + 'scope,
    {
        match self {
            // SAFETY: the caller's contract.
            #[cfg(feature = "spaces")]
            Children::Spaces(children) => unsafe { children.spawn(child) },
            // SAFETY: as above.
            #[cfg(feature = "threads")]
            Children::Threads(children) => unsafe { children.spawn(child) },
            Children::Serial(children) => children.spawn(child),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            #[cfg(feature = "spaces")]
            Children::Spaces(children) => children.len(),
            #[cfg(feature = "threads")]
            Children::Threads(children) => children.len(),
            Children::Serial(children) => children.len(),
        }
    }
}

/// Runs `op`, which may start children beside itself, and then joins them, all or none. Where
/// `op` answers an error as well, they end and that is the failure.
///
/// # Panics
/// Where `op` does; its children end.
pub(crate) fn scope<'scope, OP, R>(op: OP) -> Result<R, JoinError>
where
    OP: FnOnce(Children<'scope>) -> (R, Option<JoinError>),
{
    by_engine!(spaces::scope, scope(op))
}

/// A child that was started by [`beside`].
#[derive(Debug)]
pub(crate) enum Started<R> {
    #[cfg(feature = "spaces")]
    Spaces(spaces::Started<R>),
    #[cfg(feature = "threads")]
    Threads(threads::Started<R>),
    Serial(serial::Started<R>),
}

impl<R: Send> Started<R> {
    /// Waits for the child and merges it.
    pub fn join(self) -> Result<R, JoinError> {
        match self {
            #[cfg(feature = "spaces")]
            Started::Spaces(child) => child.join(),
            #[cfg(feature = "threads")]
            Started::Threads(child) => child.join(),
            Started::Serial(child) => child.join(),
        }
    }
}

/// Starts a child beside its parent.
pub(crate) fn beside<F, R>(id: u32, f: F) -> Result<Started<R>, JoinError>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    by_engine!(spaces::beside, beside(id, f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_table() {
        for (name, engine, built) in NAMES {
            assert_eq!(engine.name(), name);
            assert_eq!(Engine::asked_for(Some(name)).ok(), built.then_some(engine));
        }
        assert_eq!(Engine::asked_for(None), Ok(first()));
        let e = Engine::asked_for(Some("other")).unwrap_err();
        assert!(e.starts_with("DETPAR_ENGINE=other: ") && e.contains("`serial`"), "{e}");
    }
}
