//! rayon's thread pools, for programs that name them: there are no threads to be seen, so a pool
//! is a name for what is there anyway, and no setting of it changes a result.
use crate::engine;
use crate::iter::width;
use crate::scope::{Scope, in_place_scope, scope};
use std::convert::Infallible;
use std::fmt::{self, Display, Formatter};
use std::marker::PhantomData;

/// How many virtual workers there are: 64, in every program and on every machine, as long
/// inputs have as many leaves.
///
/// What a program cuts by this number is the same everywhere. How many workers really run is
/// said by `DETPAR_WORKERS` and cannot be asked for.
///
/// ```
/// assert_eq!(detpar::current_num_threads(), 64);
/// ```
pub fn current_num_threads() -> usize {
    width::USUAL
}

/// The same as [`current_num_threads`]: no pool has more.
///
/// ```
/// assert_eq!(detpar::max_num_threads(), detpar::current_num_threads());
/// ```
pub fn max_num_threads() -> usize {
    current_num_threads()
}

/// Which virtual worker runs the caller: the index of the child among its siblings, a leaf of a
/// parallel call for instance, modulo [`current_num_threads`]. `None` in the master. Children of
/// [`scope`] and [`fork`](crate::fork()) have no siblings in this sense: 0.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     assert_eq!(detpar::current_thread_index(), None);
///     let v: Vec<_> = (0..3).into_par_iter().map(|_| detpar::current_thread_index()).collect();
///     assert_eq!(v, [Some(0), Some(1), Some(2)]);
/// }
/// ```
pub fn current_thread_index() -> Option<usize> {
    Some(engine::index()? % current_num_threads())
}

/// Whether the virtual worker of the caller has more to do: never, as children get their work
/// when they start. `None` in the master.
///
/// ```
/// use detpar::current_thread_has_pending_tasks as has_more;
///
/// #[detpar::main]
/// fn main() {
///     assert_eq!((has_more(), detpar::join(has_more, || ()).0), (None, Some(false)));
/// }
/// ```
pub fn current_thread_has_pending_tasks() -> Option<bool> {
    current_thread_index().map(|_| false)
}

/// What a yield did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yield {
    /// Something else was run.
    Executed,
    /// There was nothing to run.
    Idle,
}

/// Does nothing, as children see nothing of others: waiting for a sibling would never end. `None`
/// in the master.
///
/// ```
/// use detpar::{Yield, yield_local, yield_now};
///
/// #[detpar::main]
/// fn main() {
///     assert_eq!(yield_now(), None);
///     let idle = Some(Yield::Idle);
///     assert_eq!(detpar::join(yield_now, yield_local), (idle, idle));
/// }
/// ```
pub fn yield_now() -> Option<Yield> {
    current_thread_index().map(|_| Yield::Idle)
}

/// The same as [`yield_now`].
pub fn yield_local() -> Option<Yield> {
    yield_now()
}

/// Runs a closure in a child and merges it, before the caller goes on.
///
/// rayon runs it some time later and nobody can wait for it. Of all those times there is one
/// that is the same in each run: at once. What the closure sends through a channel or writes is
/// there when `spawn` returns. What is to run in parallel needs a place where it is merged: use
/// [`scope`] or [`fork`](crate::fork()).
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let (to, from) = std::sync::mpsc::channel();
///     detpar::spawn(move || to.send(6 * 7).unwrap());
///     assert_eq!(from.recv(), Ok(42));
/// }
/// ```
///
/// # Panics
///
/// As [`join`](crate::join()).
#[track_caller]
pub fn spawn<F>(func: F)
where
    F: FnOnce() + Send + 'static,
{
    if let Err(e) = engine::fork1(func) {
        e.unwind()
    }
}

/// The same as [`spawn`].
#[track_caller]
pub fn spawn_fifo<F>(func: F)
where
    F: FnOnce() + Send + 'static,
{
    spawn(func);
}

/// Runs a closure once for each virtual worker, in children of one construct, and returns the
/// results in order.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let v = detpar::broadcast(|worker| worker.index() * 2);
///     assert_eq!((v.len(), v[63]), (64, 126));
/// }
/// ```
///
/// # Panics
///
/// As [`join`](crate::join()).
///
/// # Conflicts
///
/// Two children that change the same byte conflict.
#[track_caller]
pub fn broadcast<OP, R>(op: OP) -> Vec<R>
where
    OP: Fn(BroadcastContext<'_>) -> R + Sync,
    R: Send,
{
    let body = |index| op(BroadcastContext { index, worker: PhantomData });
    match engine::leaves((0..current_num_threads()).collect(), &[], body) {
        Ok(results) => results,
        Err(e) => e.unwind(),
    }
}

/// Runs a closure once for each virtual worker, at once as [`spawn`] does.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let (to, from) = std::sync::mpsc::channel();
///     detpar::spawn(move || to.send(detpar::broadcast(|w| w.index()).len()).unwrap());
///     assert_eq!(from.recv(), Ok(64));
///     detpar::spawn_broadcast(|worker| assert!(worker.index() < worker.num_threads()));
/// }
/// ```
///
/// # Panics
///
/// As [`join`](crate::join()).
#[track_caller]
pub fn spawn_broadcast<OP>(op: OP)
where
    OP: Fn(BroadcastContext<'_>) + Send + Sync + 'static,
{
    broadcast(op);
}

/// Which virtual worker a [`broadcast`] runs on.
#[derive(Debug)]
pub struct BroadcastContext<'a> {
    index: usize,
    worker: PhantomData<&'a mut dyn Fn()>,
}

impl BroadcastContext<'_> {
    /// The index of the virtual worker.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The number of virtual workers.
    pub fn num_threads(&self) -> usize {
        current_num_threads()
    }
}

/// What a closure of [`join_context`] is told.
#[derive(Debug)]
pub struct FnContext {
    told: PhantomData<*mut ()>,
}

impl FnContext {
    /// Whether another worker took the closure over: never, as far as a program can see.
    pub fn migrated(&self) -> bool {
        false
    }
}

/// [`join`](crate::join()) with closures that are told what there is to tell: nothing.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let both = detpar::join_context(|a| a.migrated(), |b| b.migrated());
///     assert_eq!(both, (false, false));
/// }
/// ```
///
/// # Panics
///
/// As [`join`](crate::join()).
#[track_caller]
pub fn join_context<A, B, RA, RB>(oper_a: A, oper_b: B) -> (RA, RB)
where
    A: FnOnce(FnContext) -> RA + Send,
    B: FnOnce(FnContext) -> RB + Send,
    RA: Send,
    RB: Send,
{
    let context = || FnContext { told: PhantomData };
    crate::join(|| oper_a(context()), || oper_b(context()))
}

/// A [`Scope`]: children are merged in the order in which they were spawned anyway.
pub type ScopeFifo<'scope> = Scope<'scope>;

/// The same as [`scope`].
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let mut squares = [0; 3];
///     detpar::scope_fifo(|s| {
///         for (i, square) in squares.iter_mut().enumerate() {
///             s.spawn_fifo(move |_| *square = i * i);
///         }
///     });
///     assert_eq!(squares, [0, 1, 4]);
/// }
/// ```
///
/// # Panics
///
/// As [`scope`].
#[track_caller]
pub fn scope_fifo<'scope, OP, R>(op: OP) -> R
where
    OP: FnOnce(&ScopeFifo<'scope>) -> R + Send,
    R: Send,
{
    scope(op)
}

/// The same as [`in_place_scope`].
///
/// # Panics
///
/// As [`scope`].
#[track_caller]
pub fn in_place_scope_fifo<'scope, OP, R>(op: OP) -> R
where
    OP: FnOnce(&ScopeFifo<'scope>) -> R,
{
    in_place_scope(op)
}

impl<'scope> Scope<'scope> {
    /// The same as [`spawn`](Scope::spawn).
    pub fn spawn_fifo<BODY>(&self, body: BODY)
    where
        BODY: FnOnce(&ScopeFifo<'scope>) + Send + 'scope,
    {
        self.spawn(body);
    }

    /// Starts a child that runs `body` once for each virtual worker, in children of its own.
    pub fn spawn_broadcast<BODY>(&self, body: BODY)
    where
        BODY: Fn(&Scope<'scope>, BroadcastContext<'_>) + Send + Sync + 'scope,
    {
        self.spawn(move |_| {
            broadcast(|worker| in_place_scope(|s: &Scope<'scope>| body(s, worker)));
        });
    }
}

/// The settings of a pool. All of them are wishes about threads, which there are none of:
/// accepted and forgotten.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     let pool = detpar::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
///     let sum: u32 = pool.install(|| (0..10u32).into_par_iter().sum());
///     assert_eq!((sum, pool.current_num_threads()), (45, 64));
/// }
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ThreadPoolBuilder {}

/// What asks for threads of its own.
#[diagnostic::on_unimplemented(
    message = "there are no threads that a handler could run on",
    note = "children start with a snapshot of the caller's memory: set things up before the parallel call, or in `map_init`"
)]
pub trait ThreadHandler: sealed::Handler {}

mod sealed {
    /// Of no type.
    pub trait Handler {}
}

impl ThreadPoolBuilder {
    /// The usual settings.
    pub fn new() -> ThreadPoolBuilder {
        ThreadPoolBuilder::default()
    }

    /// A pool.
    ///
    /// # Errors
    ///
    /// Never.
    pub fn build(self) -> Result<ThreadPool, ThreadPoolBuildError> {
        Ok(ThreadPool {})
    }

    /// Accepted as often as one likes: there is nothing to be built.
    ///
    /// # Errors
    ///
    /// Never.
    pub fn build_global(self) -> Result<(), ThreadPoolBuildError> {
        Ok(())
    }

    /// A wish, which changes nothing: results must not depend on it. `DETPAR_WORKERS` says how
    /// many workers run.
    #[must_use]
    pub fn num_threads(self, _num_threads: usize) -> Self {
        self
    }

    /// A wish: children run on the caller's stack, as long as it is.
    #[must_use]
    pub fn stack_size(self, _stack_size: usize) -> Self {
        self
    }

    /// A wish: nothing has the names.
    #[must_use]
    pub fn thread_name<F>(self, _closure: F) -> Self
    where
        F: FnMut(usize) -> String + 'static,
    {
        self
    }

    /// A wish: the caller waits for its children in any case.
    #[must_use]
    pub fn use_current_thread(self) -> Self {
        self
    }

    /// Cannot be called: a panic of a child is continued in its caller.
    #[must_use]
    pub fn panic_handler<H: ThreadHandler>(self, _handler: H) -> Self {
        self
    }

    /// Cannot be called: no threads start.
    #[must_use]
    pub fn start_handler<H: ThreadHandler>(self, _handler: H) -> Self {
        self
    }

    /// Cannot be called: no threads end.
    #[must_use]
    pub fn exit_handler<H: ThreadHandler>(self, _handler: H) -> Self {
        self
    }

    /// Cannot be called: no threads are made.
    #[must_use]
    pub fn spawn_handler<H: ThreadHandler>(self, _handler: H) -> Self {
        self
    }
}

/// Why there is no pool. It never happens.
#[derive(Debug)]
pub struct ThreadPoolBuildError {
    never: Infallible,
}

impl Display for ThreadPoolBuildError {
    fn fmt(&self, _: &mut Formatter<'_>) -> fmt::Result {
        match self.never {}
    }
}

impl std::error::Error for ThreadPoolBuildError {}

/// A pool: what its methods do is what the functions of the same names do.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() -> Result<(), detpar::ThreadPoolBuildError> {
///     let pool = detpar::ThreadPoolBuilder::new().thread_name(|i| format!("worker {i}")).build()?;
///     assert_eq!(pool.install(|| [3, 1, 2].par_iter().max()), Some(&3));
///     assert_eq!(pool.join(|| 1, || 2), (1, 2));
///     let (mut a, mut b) = (0, 0);
///     pool.scope(|s| {
///         s.spawn(|_| a = 1);
///         s.spawn(|_| b = 2);
///     });
///     assert_eq!((a, b), (1, 2));
///     assert_eq!(pool.broadcast(|worker| worker.index()).len(), pool.current_num_threads());
///     assert_eq!((pool.current_thread_index(), pool.yield_now()), (None, None));
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct ThreadPool {}

impl ThreadPool {
    /// Calls `op` in the calling space. Parallel calls in it are those of any other place.
    pub fn install<OP, R>(&self, op: OP) -> R
    where
        OP: FnOnce() -> R + Send,
        R: Send,
    {
        op()
    }

    /// See [`broadcast`].
    #[track_caller]
    pub fn broadcast<OP, R>(&self, op: OP) -> Vec<R>
    where
        OP: Fn(BroadcastContext<'_>) -> R + Sync,
        R: Send,
    {
        broadcast(op)
    }

    /// See [`current_num_threads`].
    pub fn current_num_threads(&self) -> usize {
        current_num_threads()
    }

    /// See [`current_thread_index`].
    pub fn current_thread_index(&self) -> Option<usize> {
        current_thread_index()
    }

    /// See [`current_thread_has_pending_tasks`].
    pub fn current_thread_has_pending_tasks(&self) -> Option<bool> {
        current_thread_has_pending_tasks()
    }

    /// See [`join`](crate::join()).
    #[track_caller]
    pub fn join<A, B, RA, RB>(&self, oper_a: A, oper_b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA + Send,
        B: FnOnce() -> RB + Send,
        RA: Send,
        RB: Send,
    {
        crate::join(oper_a, oper_b)
    }

    /// See [`scope`].
    #[track_caller]
    pub fn scope<'scope, OP, R>(&self, op: OP) -> R
    where
        OP: FnOnce(&Scope<'scope>) -> R + Send,
        R: Send,
    {
        scope(op)
    }

    /// See [`scope_fifo`].
    #[track_caller]
    pub fn scope_fifo<'scope, OP, R>(&self, op: OP) -> R
    where
        OP: FnOnce(&ScopeFifo<'scope>) -> R + Send,
        R: Send,
    {
        scope(op)
    }

    /// See [`in_place_scope`].
    #[track_caller]
    pub fn in_place_scope<'scope, OP, R>(&self, op: OP) -> R
    where
        OP: FnOnce(&Scope<'scope>) -> R,
    {
        in_place_scope(op)
    }

    /// See [`in_place_scope_fifo`].
    #[track_caller]
    pub fn in_place_scope_fifo<'scope, OP, R>(&self, op: OP) -> R
    where
        OP: FnOnce(&ScopeFifo<'scope>) -> R,
    {
        in_place_scope(op)
    }

    /// See [`spawn`].
    #[track_caller]
    pub fn spawn<OP>(&self, op: OP)
    where
        OP: FnOnce() + Send + 'static,
    {
        spawn(op);
    }

    /// See [`spawn_fifo`].
    #[track_caller]
    pub fn spawn_fifo<OP>(&self, op: OP)
    where
        OP: FnOnce() + Send + 'static,
    {
        spawn(op);
    }

    /// See [`spawn_broadcast`].
    #[track_caller]
    pub fn spawn_broadcast<OP>(&self, op: OP)
    where
        OP: Fn(BroadcastContext<'_>) + Send + Sync + 'static,
    {
        spawn_broadcast(op);
    }

    /// See [`yield_now`].
    pub fn yield_now(&self) -> Option<Yield> {
        yield_now()
    }

    /// See [`yield_local`].
    pub fn yield_local(&self) -> Option<Yield> {
        yield_local()
    }
}
