//! Children that run in the program's own process: where the running thread stands, how a child
//! ends, and which names are in use.
use crate::error::{ChildPanic, JoinError, Refused, Unsupported};
use std::any::Any;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where a thread stands: few words, as every child changes it twice.
#[derive(Clone, Copy)]
struct Here {
    /// [`MASTER`], [`NOTED`], [`NAMED`], and the number of children that it runs, one inside of
    /// the other, in units of [`CHILD`].
    state: u32,
    /// Index of the innermost in its construct.
    index: u32,
    /// Number of the innermost, if it needed one; else 0.
    space: u64,
}

/// The thread runs the program's main.
const MASTER: u32 = 1;
/// The innermost child has noted where it panicked.
const NOTED: u32 = 2;
/// The innermost child gave names to children.
const NAMED: u32 = 4;
const CHILD: u32 = 8;

thread_local! {
    // Each word by itself: together they would be read in one piece just after they were
    // written in two, which a processor does slowly.
    static STATE: Cell<u32> = const { Cell::new(0) };
    static INDEX: Cell<u32> = const { Cell::new(0) };
    static SPACE: Cell<u64> = const { Cell::new(0) };
    /// Where the innermost child panicked last.
    static LOCATION: Cell<Option<String>> = const { Cell::new(None) };
}

impl Here {
    #[inline]
    fn get() -> Here {
        Here { state: STATE.get(), index: INDEX.get(), space: SPACE.get() }
    }

    #[inline]
    fn set(self) {
        STATE.set(self.state);
        INDEX.set(self.index);
        SPACE.set(self.space);
    }

    /// Lets names go with the space that gave them.
    #[inline]
    fn end(self) {
        if self.state & NAMED != 0 {
            let (mut all, of) = (names(), self.space);
            while let Some(&name) = all.range((of, 0)..=(of, u32::MAX)).next() {
                all.remove(&name);
            }
        }
    }
}

/// Whether the running thread runs a child.
pub(super) fn in_child() -> bool {
    STATE.get() >= CHILD
}

/// Index of the running child; `None` outside of children.
pub(super) fn index() -> Option<usize> {
    in_child().then(|| INDEX.get() as usize)
}

/// Whether the running thread runs the program's main, outside of children.
#[cfg(feature = "spaces")]
pub(super) fn is_master() -> bool {
    STATE.get() & !(NOTED | NAMED) == MASTER
}

/// Whether children may be forked here.
pub(super) fn may_fork() -> Result<(), JoinError> {
    if STATE.get() != 0 { Ok(()) } else { Err(not_here()) }
}

/// Why no children can be forked here.
#[cold]
pub(super) fn not_here() -> JoinError {
    refused(if MASTERS.load(Relaxed) == 0 { Refused::NoMaster } else { Refused::ForeignThread })
}

pub(super) fn refused(why: Refused) -> JoinError {
    JoinError::Unsupported(Unsupported::refused(why))
}

/// Mains that run.
static MASTERS: AtomicU64 = AtomicU64::new(0);

/// Runs a main on this thread.
pub(super) fn as_master<R>(user: impl FnOnce() -> R) -> R {
    struct Back(Here);
    impl Drop for Back {
        fn drop(&mut self) {
            Here::get().end();
            self.0.set();
            MASTERS.fetch_sub(1, Relaxed);
        }
    }
    MASTERS.fetch_add(1, Relaxed);
    let _back = Back(Here::get());
    Here { state: MASTER, index: 0, space: 0 }.set();
    user()
}

/// Runs a child beside its parent, the one of this number: it has no siblings that it could count.
pub(super) fn child_beside<R>(number: usize, body: impl FnOnce() -> R) -> Result<R, JoinError> {
    child(0, body).map_err(|e| match e {
        JoinError::Panic(panic) => JoinError::Panic(panic.of_child(number)),
        e => e,
    })
}

/// Runs a child on this thread.
#[inline]
pub(super) fn child<R>(index: usize, body: impl FnOnce() -> R) -> Result<R, JoinError> {
    let outer = Here::get();
    // Rare: the outer one caught a panic of its own. What it noted may yet be asked for.
    let kept = if outer.state & NOTED != 0 { LOCATION.take() } else { None };
    let state = (outer.state & !(NOTED | NAMED)) + CHILD;
    Here { state, index: index as u32, space: 0 }.set();
    let end = catch_unwind(AssertUnwindSafe(body));
    let ended = Here::get();
    ended.end();
    let location = if ended.state & NOTED != 0 { LOCATION.take() } else { None };
    if outer.state & NOTED != 0 {
        LOCATION.set(kept);
    }
    outer.set();
    end.map_err(|payload| panicked(index, &*payload, location))
}

#[cold]
fn panicked(index: usize, payload: &(dyn Any + Send), location: Option<String>) -> JoinError {
    let message = payload
        .downcast_ref::<&str>()
        .map(|m| (*m).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    JoinError::Panic(ChildPanic::new(index, message, location))
}

/// Keeps where the running child panicked.
pub(super) fn note_panic_location(location: &str) {
    if in_child() && LOCATION.try_with(|l| l.set(Some(location.to_owned()))).is_ok() {
        STATE.set(STATE.get() | NOTED);
    }
}

/// Number of the running space: the same as long as it runs, and no other's.
pub(super) fn space() -> u64 {
    static GIVEN: AtomicU64 = AtomicU64::new(1);
    if SPACE.get() == 0 {
        SPACE.set(GIVEN.fetch_add(1, Relaxed));
    }
    SPACE.get()
}

/// Fails in any space but this one.
pub(super) fn check_space(of: u64) -> Result<(), JoinError> {
    if of == space() { Ok(()) } else { Err(refused(Refused::NoChild)) }
}

/// Ids of children in use, by the space that gave them.
static NAMES: Mutex<BTreeSet<(u64, u32)>> = Mutex::new(BTreeSet::new());

fn names() -> MutexGuard<'static, BTreeSet<(u64, u32)>> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name of a child, in use while this is alive.
///
/// Dropped in another space than the one that gave it, it stays in use until that one ends: when
/// exactly the other drops it depends on the schedule, which must not be seen.
#[derive(Debug)]
pub(super) struct Name {
    space: u64,
    id: u32,
}

impl Name {
    pub fn take(id: u32) -> Result<Name, JoinError> {
        if id > i32::MAX as u32 {
            return Err(refused(Refused::ReservedId));
        }
        let space = space();
        match names().insert((space, id)) {
            true => {
                STATE.set(STATE.get() | NAMED);
                Ok(Name { space, id })
            }
            false => Err(refused(Refused::Exists)),
        }
    }

    /// Fails in any space but the one that gave it.
    pub fn check(&self) -> Result<(), JoinError> {
        check_space(self.space)
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if self.space == SPACE.get() {
            names().remove(&(self.space, self.id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_belong_to_spaces() {
        as_master(|| {
            let seven = Name::take(7).unwrap();
            assert!(Name::take(7).is_err() && Name::take(1 << 31).is_err());
            child(0, || {
                assert!(seven.check().is_err());
                Name::take(7).unwrap();
            })
            .unwrap();
            drop(seven);
            let moved = Name::take(7).unwrap();
            child(0, move || drop(moved)).unwrap();
            assert!(Name::take(7).is_err(), "in use until its space ends");
        });
        as_master(|| Name::take(7).unwrap().check().unwrap());
        assert!(names().is_empty());
    }

    #[test]
    fn locations_are_those_of_the_child() {
        let failed = child(3, || {
            note_panic_location("outer");
            let inner = child(1, || -> () {
                note_panic_location("inner");
                panic!("{}", 1);
            });
            let JoinError::Panic(inner) = inner.unwrap_err() else { panic!("another failure") };
            assert_eq!((inner.child(), inner.location()), (1, Some("inner")));
            std::panic::resume_unwind(Box::new("two"));
        });
        let JoinError::Panic(failed) = failed.map(|()| 0).unwrap_err() else { panic!("another") };
        assert_eq!((failed.location(), failed.message()), (Some("outer"), Some("two")));
        let unnoted = child(0, || std::panic::resume_unwind(Box::new(2))).map(|()| 0).unwrap_err();
        let JoinError::Panic(unnoted) = unnoted else { panic!("another failure") };
        assert_eq!((unnoted.location(), unnoted.message()), (None, None));
    }
}
