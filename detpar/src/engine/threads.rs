//! The engine `threads`: children run on the workers of one pool, in one address space.
//!
//! Who waits works: a worker that has to wait for a child runs it, or another one that waits to
//! be run, so that nested children never wait for a worker. Results are taken by index, and all
//! children of a construct run to their ends, also where one of them failed: what there is to see
//! afterwards does not depend on the schedule.
use super::here::{self, Name};
use crate::error::{JoinError, Refused};
use rayon_core::{ThreadPool, ThreadPoolBuilder, Yield};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Stack of a worker: address space, of which nothing is used that is not touched. Work that
/// waits lies below the work that is done meanwhile.
const STACK: usize = if cfg!(target_pointer_width = "64") { 16 << 20 } else { 4 << 20 };

thread_local! {
    /// The pool of the main that runs on this thread.
    static POOL: RefCell<Option<Pool>> = const { RefCell::new(None) };
}

enum Pool {
    /// Not needed so far.
    Of { workers: usize },
    /// With this thread as the first of its workers.
    Made { _pool: ThreadPool },
}

/// Runs a main; its first construct makes the pool.
pub(super) fn with_pool<R>(workers: usize, user: impl FnOnce() -> R) -> R {
    struct Back(Option<Pool>);
    impl Drop for Back {
        fn drop(&mut self) {
            let pool = POOL.replace(self.0.take());
            drop(pool);
        }
    }
    let _back = Back(POOL.replace(Some(Pool::Of { workers })));
    user()
}

/// Goes on as a worker.
#[inline]
fn enter() -> Result<(), JoinError> {
    if rayon_core::current_thread_index().is_some() { Ok(()) } else { make() }
}

#[cold]
fn make() -> Result<(), JoinError> {
    POOL.with_borrow_mut(|pool| {
        let Some(Pool::Of { workers }) = pool else { return Err(here::not_here()) };
        let made = ThreadPoolBuilder::new()
            .num_threads(*workers)
            .stack_size(STACK)
            .use_current_thread()
            .build()
            .map_err(|_| here::refused(Refused::NoThreads))?;
        *pool = Some(Pool::Made { _pool: made });
        Ok(())
    })
}

pub(super) fn fork1<A, RA>(a: A) -> Result<RA, JoinError>
where
    A: FnOnce() -> RA,
{
    enter()?;
    here::child(0, a)
}

#[inline]
pub(super) fn fork2<A, B, RA, RB>(a: A, b: B) -> Result<(RA, RB), JoinError>
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    enter()?;
    let (a, b) = rayon_core::join(|| here::child(0, a), || here::child(1, b));
    Ok((a?, b?))
}

/// A leaf, before and after it ran.
enum Slot<L, R> {
    Leaf(L),
    Runs,
    Ended(Result<R, JoinError>),
}

pub(super) fn leaves<L, R, F>(leaves: Vec<L>, body: F) -> Result<Vec<R>, JoinError>
where
    L: Send,
    R: Send,
    F: Fn(L) -> R + Sync,
{
    enter()?;
    let mut slots: Vec<Slot<L, R>> = leaves.into_iter().map(Slot::Leaf).collect();
    part(&mut slots, 0, &body);
    let ended = |slot| match slot {
        Slot::Ended(end) => end,
        Slot::Leaf(_) | Slot::Runs => unreachable!("every leaf ran to its end"),
    };
    slots.into_iter().map(ended).collect()
}

/// Runs neighbouring leaves, the first of which has this index.
fn part<L, R, F>(slots: &mut [Slot<L, R>], first: usize, body: &F)
where
    L: Send,
    R: Send,
    F: Fn(L) -> R + Sync,
{
    match slots {
        [] => {}
        [slot] => {
            if let Slot::Leaf(leaf) = std::mem::replace(slot, Slot::Runs) {
                *slot = Slot::Ended(here::child(first, || body(leaf)));
            }
        }
        _ => {
            let middle = slots.len() / 2;
            let (left, right) = slots.split_at_mut(middle);
            rayon_core::join(|| part(left, first, body), || part(right, first + middle, body));
        }
    }
}

/// The failure with the lowest index so far.
#[derive(Default)]
struct First(Mutex<Option<(usize, JoinError)>>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl First {
    fn keep(&self, index: usize, e: JoinError) {
        let mut first = lock(&self.0);
        if first.as_ref().is_none_or(|(of, _)| index < *of) {
            *first = Some((index, e));
        }
    }
}

/// Children of a scope.
pub(crate) struct Children<'scope> {
    /// Invariant `scope-alive`: alive as long as this value is, which [`scope`] hands to its
    /// body and nobody else.
    scope: *const rayon_core::Scope<'scope>,
    number: Cell<usize>,
    failed: Arc<First>,
    space: u64,
}

impl<'scope> Children<'scope> {
    /// # Safety
    /// The scope that it was made for must not have returned.
    pub unsafe fn spawn<C>(&self, child: C) -> Result<(), JoinError>
    where
        C: FnOnce() + Send + 'scope,
    {
        here::check_space(self.space)?;
        let index = self.number.replace(self.number.get() + 1);
        let failed = Arc::clone(&self.failed);
        // SAFETY: `scope-alive`, by the caller's contract.
        let scope = unsafe { &*self.scope };
        scope.spawn(move |_| {
            if let Err(e) = here::child_beside(index, child) {
                failed.keep(index, e);
            }
        });
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.number.get()
    }
}

pub(super) fn scope<'scope, OP, R>(op: OP) -> Result<R, JoinError>
where
    OP: FnOnce(super::Children<'scope>) -> (R, Option<JoinError>),
{
    enter()?;
    let space = here::space();
    let failed = Arc::<First>::default();
    // Caught inside: the pool's scope reports the panic of whichever came first.
    let body = rayon_core::in_place_scope(|scope| {
        let (number, failed) = (Cell::new(0), Arc::clone(&failed));
        let children = Children { scope, number, failed, space };
        catch_unwind(AssertUnwindSafe(|| op(super::Children::Threads(children))))
    });
    let (r, refused) = body.unwrap_or_else(|payload| resume_unwind(payload));
    let failed = lock(&failed.0).take().map(|(_, e)| e);
    refused.or(failed).map_or(Ok(r), Err)
}

/// What becomes of a child that runs beside its parent.
enum State<R> {
    /// Whoever comes first runs it: a worker, or its parent that waits for it.
    Waits(Box<dyn FnOnce() -> R + Send>),
    Runs,
    Ended(Result<R, JoinError>),
    /// Its parent has what it wanted.
    Gone,
}

impl<R> fmt::Debug for State<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Waits(_) => "Waits",
            State::Runs => "Runs",
            State::Ended(_) => "Ended",
            State::Gone => "Gone",
        })
    }
}

#[derive(Debug)]
struct Job<R> {
    state: Mutex<State<R>>,
    ended: Condvar,
}

impl<R> Job<R> {
    /// Runs it, unless another does or did.
    fn run(&self) {
        let mut state = lock(&self.state);
        if !matches!(*state, State::Waits(_)) {
            return;
        }
        let State::Waits(body) = std::mem::replace(&mut *state, State::Runs) else { return };
        drop(state);
        let end = here::child(0, body);
        let mut state = lock(&self.state);
        let late = match *state {
            State::Gone => Some(end),
            _ => {
                *state = State::Ended(end);
                self.ended.notify_all();
                None
            }
        };
        drop(state);
        // Nobody is there who could take a panic of its destructor.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(late)));
    }

    /// Its end, if it has come to one.
    fn take(&self) -> Option<Result<R, JoinError>> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, State::Gone) {
            State::Ended(end) => Some(end),
            other => {
                *state = other;
                None
            }
        }
    }
}

/// A child that runs beside its parent.
#[derive(Debug)]
pub(crate) struct Started<R> {
    name: Name,
    job: Arc<Job<R>>,
}

impl<R> Started<R> {
    pub fn join(self) -> Result<R, JoinError> {
        self.name.check()?;
        enter()?;
        self.job.run();
        loop {
            if let Some(end) = self.job.take() {
                return end;
            }
            // Another worker runs it. There may be other work; where there is none, what comes
            // up later is looked for now and then.
            if rayon_core::yield_now() != Some(Yield::Executed) {
                const LOOK: Duration = Duration::from_micros(200);
                let state = lock(&self.job.state);
                if matches!(*state, State::Runs) {
                    drop(self.job.ended.wait_timeout(state, LOOK));
                }
            }
        }
    }
}

impl<R> Drop for Started<R> {
    /// Ends it: one that nobody has begun to run does not run.
    fn drop(&mut self) {
        let state = std::mem::replace(&mut *lock(&self.job.state), State::Gone);
        drop(state);
    }
}

pub(super) fn beside<F, R>(id: u32, f: F) -> Result<super::Started<R>, JoinError>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    enter()?;
    let name = Name::take(id)?;
    let state = Mutex::new(State::Waits(Box::new(f)));
    let job = Arc::new(Job { state, ended: Condvar::new() });
    let runs = Arc::clone(&job);
    rayon_core::spawn(move || runs.run());
    Ok(super::Started::Threads(Started { name, job }))
}
