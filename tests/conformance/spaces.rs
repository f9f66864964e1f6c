//! The calls of the engine `spaces`: programs run in the process's own master space.
//!
//! Nothing of the runner lies in the arena. In a child it works on its own stack alone; in the
//! master its log has its memory before the first step.
use super::interpreter::Shown;
use super::program::{
    ARENA, Bell, Failure, Get, Op, PAGE, PARTS, Part, Perm, Place, Program, Put, Span,
};
use super::random::Level;
use super::runner::{Answer, Calls, Progress, Refused, State, Stopped, Text};
use super::surroundings::{self, Bells, Output};
use kernel::abi::{self, Cause, ChildId, End, GetFlags, PutFlags};
use kernel::call::{self, Closed, Frames, GetError, Job, raw};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::{Cell, UnsafeCell};
use std::collections::BTreeSet;

/// Which of the calls' faces a program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// `fork` and `join`, for programs of [`Level::Forks`].
    Forks,
    /// Put and get, typed.
    Typed,
    /// The calls with flags and numbers, for all that they can say.
    Raw,
}

impl Face {
    /// What programs of a level use, unless told otherwise.
    pub fn of(level: Level) -> Face {
        if level == Level::Calls { Face::Typed } else { Face::Forks }
    }
}

/// The calls with flags and numbers, by whose functions they are made.
#[derive(Clone, Copy, Debug)]
pub struct Raw {
    /// A put; the job is looked at with Regs.
    pub put: unsafe fn(u32, u32, usize, usize, usize, *const Job) -> i64,
    /// A get, whose wait a set of signals may interrupt.
    pub get: unsafe fn(u32, u32, usize, usize, usize, u64) -> i64,
    /// A ret.
    pub ret: fn(u32) -> i64,
    /// A kill.
    pub kill: unsafe fn(u32) -> i64,
    /// Whether children's stacks merge. Where they do not, no part of the arena lies in a frame.
    pub stacks_merge: bool,
}

/// The kernel's own.
pub const KERNEL: Raw = Raw {
    // SAFETY: the contract of the field's callers.
    put: |id, flags, start, len, dst, job| unsafe {
        raw::dput(id, flags, start, len, dst, job, Frames::From(0))
    },
    get: raw::dget,
    ret: raw::dret,
    kill: raw::dkill,
    stacks_merge: true,
};

/// Where the parts lie, and how to call.
#[derive(Clone, Copy)]
struct Arena {
    face: Face,
    raw: &'static Raw,
    frame: usize,
    heap: usize,
    stat: usize,
}

#[repr(align(4096))]
struct Pages(UnsafeCell<[u8; Part::Static.size() as usize]>);

// SAFETY: each space has one thread, and its own copy of these bytes.
unsafe impl Sync for Pages {}

static STATIC: Pages = Pages(UnsafeCell::new([0; Part::Static.size() as usize]));

thread_local! {
    static LOCAL: Cell<u8> = const { Cell::new(0) };
}

impl Arena {
    fn address(&self, place: Place) -> usize {
        let part = match place.part {
            Part::Frame => self.frame,
            Part::Heap => self.heap,
            Part::Static => self.stat,
            // The first pages are never mapped.
            Part::Outside => 0x8000,
        };
        part.wrapping_add(place.offset as usize)
    }

    fn place(&self, address: usize) -> Option<Place> {
        let of = |part: Part| {
            let offset = address.wrapping_sub(self.address(Place { part, offset: 0 })) as u64;
            (offset < part.size()).then_some(Place { part, offset })
        };
        PARTS.into_iter().find_map(of)
    }

    fn load(&self, place: Place) -> u8 {
        // SAFETY: programs name bytes of the arena, which lives as long as its programs; where
        // a permission forbids it the space ends here.
        unsafe { (self.address(place) as *const u8).read_volatile() }
    }

    fn store(&self, place: Place, value: u8) {
        // SAFETY: as for `load`; nothing else refers to the arena.
        unsafe { (self.address(place) as *mut u8).write_volatile(value) }
    }
}

/// Runs a program in the master space, from an arena of zeros.
pub fn run(program: &Program, face: Face) -> Shown {
    run_by(program, face, &KERNEL)
}

/// Runs a program of raw calls, made by these functions.
pub fn run_raw(program: &Program, raw: &'static Raw) -> Shown {
    run_by(program, Face::Raw, raw)
}

#[inline(never)]
fn run_by(program: &Program, face: Face, raw: &'static Raw) -> Shown {
    let mut around = [0u8; 1024];
    // A page before the heap's part has room for what lies in no frame.
    let layout = Layout::from_size_align((PAGE + Part::Heap.size()) as usize, PAGE as usize);
    let layout = layout.expect("whole pages");
    // SAFETY: the layout is not empty.
    let heap = unsafe { alloc_zeroed(layout) };
    assert!(!heap.is_null());
    let frame = std::hint::black_box(&raw mut around) as usize;
    let arena = Arena {
        face,
        raw,
        frame: within_a_page(if raw.stacks_merge { frame } else { heap as usize }),
        heap: heap as usize + PAGE as usize,
        stat: STATIC.0.get() as usize,
    };
    (0..ARENA).for_each(|i| arena.store(Place::at(i), 0));
    LOCAL.set(0);
    let around = Around { output: Output::new(), bells: Bells::default() };
    let mut space = Space { arena: &arena, around: Some(&around), failed: false };
    let mut seen = Vec::with_capacity(program.0.len());
    let end = Progress::default().run(program, &mut space, &mut |s| seen.push(s));
    open_all(&arena);
    for id in ids(program) {
        // Some have ended, or never were.
        // SAFETY: children of raw calls, which no handle names.
        let _ = unsafe { call::kill(ChildId(id)) };
    }
    let bytes = (0..ARENA).map(|i| arena.load(Place::at(i))).collect();
    // SAFETY: allocated above with the same layout; no child is left.
    unsafe { dealloc(heap, layout) };
    Shown { seen, ended: end.is_ok(), arena: bytes, printed: around.output.all(), vague: false }
}

/// Gives the master back what permissions it took from itself.
fn open_all(arena: &Arena) {
    const HELPER: ChildId = ChildId(77);
    if arena.face == Face::Forks {
        return;
    }
    // SAFETY: nothing runs in this child, and memory stays what it is.
    unsafe { call::Put::new(HELPER).call() }.expect("a child");
    for part in [Part::Heap, Part::Static] {
        let (start, len) = (arena.address(Place { part, offset: 0 }), part.size() as usize);
        let get = call::Get::new(HELPER).perm(start, len, abi::Perm::ReadWrite);
        // SAFETY: as above.
        unsafe { get.call() }.expect("permissions");
    }
    // SAFETY: children of raw calls, which no handle names.
    unsafe { call::kill(HELPER) }.expect("the same child");
}

/// An odd address from which the frame part lies in one page.
fn within_a_page(from: usize) -> usize {
    let (page, size) = (PAGE as usize, Part::Frame.size() as usize);
    let first = from | 1;
    if first / page == (first + size) / page { first } else { first + size + 2 }
}

fn ids(program: &Program) -> BTreeSet<u32> {
    let id = |op: &Op| match op {
        Op::Put(id, _) => Some(*id),
        _ => None,
    };
    program.0.iter().filter_map(id).collect()
}

/// What a child runs.
///
/// # Safety
/// `data` points to its program, `arg` to the arena's record, both in the parent's memory.
unsafe extern "C" fn entry(data: *mut (), arg: usize, _out: *mut u8) -> End {
    // SAFETY: the caller's contract; the child has its copy of both.
    let (program, arena) = unsafe { (&*data.cast::<Program>(), &*(arg as *const Arena)) };
    let mut space = Space { arena, around: None, failed: false };
    let _ = Progress::default().run(program, &mut space, &mut |_| {});
    if space.failed {
        call::record_panic(Some("as the program wants it"));
        return End::Panicked;
    }
    End::Returned
}

/// What the master has besides memory.
struct Around {
    output: Output,
    bells: Bells,
}

/// The running space.
struct Space<'a> {
    arena: &'a Arena,
    /// In the master.
    around: Option<&'a Around>,
    /// Whether it shall end by a panic.
    failed: bool,
}

impl Space<'_> {
    fn job(&self, program: &Program) -> Job {
        let data = core::ptr::from_ref(program).cast_mut().cast();
        Job { entry, data, arg: core::ptr::from_ref(self.arena) as usize, out_size: 0 }
    }

    /// Why a call was refused, or a join failed.
    fn refused(&self, e: GetError, of: Failing) -> Refused {
        let failure = match e {
            GetError::Kernel(e) => return refused_by(-i64::from(e.errno())),
            GetError::Child(child) => child.failure,
        };
        match (failure.cause, failure_of(&failure.cause)) {
            (Cause::Conflict(c), _) => match (self.arena.place(c.address as usize), of) {
                (Some(place), Failing::Get) => Refused::Conflict(place),
                (Some(place), Failing::Take) => Refused::Late(failure.child, place),
                (Some(place), Failing::Join) => Refused::Siblings(c.lower, c.higher, place),
                (None, _) => Refused::Elsewhere,
            },
            (_, Some(how)) => Refused::Child(failure.child, how),
            (_, None) => Refused::Other(libc::ENOMEM),
        }
    }
}

/// What failed.
#[derive(Clone, Copy)]
enum Failing {
    Get,
    /// A join of children that were forked, merged one after another.
    Take,
    /// A closed construct.
    Join,
}

/// A number that a raw call answered, where it is an error.
fn refused_by(errno: i64) -> Refused {
    match -errno as i32 {
        libc::EPERM => Refused::Permission,
        libc::EOPNOTSUPP => Refused::Unsupported,
        libc::EINVAL => Refused::Invalid,
        libc::ECHILD => Refused::NoChild,
        libc::EAGAIN => Refused::Again,
        libc::EFAULT => Refused::Fault,
        libc::EINTR => Refused::Interrupted,
        libc::EEXIST => Refused::Exists,
        other => Refused::Other(other),
    }
}

fn failure_of(cause: &Cause) -> Option<Failure> {
    match cause {
        Cause::Panic => Some(Failure::Panic),
        Cause::Fault(_) => Some(Failure::Fault),
        Cause::Forbidden(_) => Some(Failure::Refused),
        Cause::Conflict(_)
        | Cause::File(_)
        | Cause::Differs(_)
        | Cause::Limit(_)
        | Cause::Killed { .. } => None,
    }
}

fn perm_of(perm: Perm) -> abi::Perm {
    match perm {
        Perm::None => abi::Perm::None,
        Perm::Read => abi::Perm::Read,
        Perm::ReadWrite => abi::Perm::ReadWrite,
    }
}

/// The one range of a raw call: where Copy begins, its length, and where the rest acts.
struct Range {
    start: usize,
    len: usize,
    dst: usize,
}

impl Space<'_> {
    /// Address and length.
    fn range(&self, span: Span) -> (usize, usize) {
        (self.arena.address(span.place), span.len as usize)
    }

    /// The range that all options have in common; none where there are several.
    fn common(
        &self,
        copy: Option<super::program::Copy>,
        zero: Option<Span>,
        perm: Option<(Span, Perm)>,
    ) -> Option<Range> {
        let from = copy.map(|c| self.range(c.from));
        let targets = copy.map(|c| c.target()).into_iter().chain(zero).chain(perm.map(|p| p.0));
        let mut targets = targets.map(|span| self.range(span));
        let (dst, len) = targets.next().unwrap_or((0, 0));
        let (start, _) = from.unwrap_or((0, 0));
        let alone = copy.is_none() || zero.is_none();
        (targets.all(|t| t == (dst, len)) && alone).then_some(Range { start, len, dst })
    }

    fn typed_put(&self, id: u32, put: &Put) -> Result<(), GetError> {
        let mut call = call::Put::new(ChildId(id));
        if put.snap {
            call = call.snap();
        }
        if let Some(copy) = put.copy {
            let (from, len) = self.range(copy.from);
            call = call.copy(from, len, self.arena.address(copy.to));
        }
        if let Some(span) = put.zero {
            let (start, len) = self.range(span);
            call = call.zero(start, len);
        }
        if let Some((span, perm)) = put.perm {
            let (start, len) = self.range(span);
            call = call.perm(start, len, perm_of(perm));
        }
        if let Some(program) = &put.regs {
            // SAFETY: the entry takes what `job` gives it, and does not unwind.
            call = unsafe { call.regs(self.job(program)) };
        }
        if put.start {
            call = call.start();
        }
        // SAFETY: programs change the arena alone, in which any bytes are right.
        unsafe { call.call() }
    }

    fn raw_put(&self, id: u32, put: &Put, range: Range) -> Result<(), Refused> {
        let mut flags = PutFlags::empty();
        flags.set(PutFlags::SNAP, put.snap);
        flags.set(PutFlags::COPY, put.copy.is_some());
        flags.set(PutFlags::ZERO, put.zero.is_some());
        flags.set(PutFlags::PERM, put.perm.is_some());
        let perm = put.perm.map_or(Perm::None, |p| p.1);
        flags.set(PutFlags::READ, perm != Perm::None);
        flags.set(PutFlags::WRITE, perm == Perm::ReadWrite);
        flags.set(PutFlags::REGS, put.regs.is_some());
        flags.set(PutFlags::START, put.start);
        flags.set(PutFlags::TREE, put.tree);
        flags.set(PutFlags::LIMIT, put.limit);
        let job = put.regs.as_ref().map(|program| self.job(program));
        let regs = job.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
        let Range { start, len, dst } = range;
        // SAFETY: as for the typed put.
        match unsafe { (self.arena.raw.put)(id, flags.bits(), start, len, dst, regs) } {
            n if n < 0 => Err(refused_by(n)),
            _ => Ok(()),
        }
    }

    fn typed_get(&self, id: u32, get: &Get) -> Result<State, Refused> {
        let mut call = call::Get::new(ChildId(id));
        if get.merge {
            call = call.merge();
        }
        if let Some(copy) = get.copy {
            let (from, len) = self.range(copy.from);
            call = call.copy(from, len, self.arena.address(copy.to));
        }
        if let Some(span) = get.zero {
            let (start, len) = self.range(span);
            call = call.zero(start, len);
        }
        if let Some((span, perm)) = get.perm {
            let (start, len) = self.range(span);
            call = call.perm(start, len, perm_of(perm));
        }
        if get.signals {
            call = call.signals(surroundings::NAMED);
        }
        if get.dont_wait {
            call = call.dont_wait();
        }
        // SAFETY: programs change the arena alone, in which any bytes are right.
        let found = unsafe { call.call() }.map_err(|e| self.refused(e, Failing::Get))?;
        let stops = matches!(found.state, abi::State::Ret(_));
        if stops != (found.registers.ip != 0) || stops != (found.registers.stack != 0) {
            return Err(Refused::Other(libc::EBADE));
        }
        match found.state {
            abi::State::Created => Ok(State::Created),
            abi::State::Ret(code) => Ok(State::Ret(code)),
            abi::State::Returned => Ok(State::Returned),
            abi::State::Exception(cause) => {
                failure_of(&cause).map(State::Exception).ok_or(Refused::Other(libc::ENOMEM))
            }
        }
    }

    /// A raw get; a conflict has no place there, so such a get is made again in the typed way.
    fn raw_get(&self, id: u32, get: &Get, range: Range) -> Result<State, Refused> {
        let mut flags = GetFlags::empty();
        flags.set(GetFlags::MERGE, get.merge);
        flags.set(GetFlags::COPY, get.copy.is_some());
        flags.set(GetFlags::ZERO, get.zero.is_some());
        flags.set(GetFlags::PERM, get.perm.is_some());
        let perm = get.perm.map_or(Perm::None, |p| p.1);
        flags.set(GetFlags::READ, perm != Perm::None);
        flags.set(GetFlags::WRITE, perm == Perm::ReadWrite);
        flags.set(GetFlags::TREE, get.tree);
        flags.set(GetFlags::DONT_WAIT, get.dont_wait);
        let Range { start, len, dst } = range;
        let signals = if get.signals { surroundings::NAMED } else { 0 };
        // SAFETY: as for the typed get.
        let answer = unsafe { (self.arena.raw.get)(id, flags.bits(), start, len, dst, signals) };
        match (answer & 0xff, answer >> 8) {
            _ if answer == -i64::from(libc::ECANCELED) => self.typed_get(id, get),
            _ if answer < 0 => Err(refused_by(answer)),
            (1, 0) => Ok(State::Created),
            (3, code) => Ok(State::Ret(code as u32)),
            (4, 0) => Ok(State::Returned),
            (5, 1) => Ok(State::Exception(Failure::Panic)),
            (5, 2) => Ok(State::Exception(Failure::Fault)),
            (5, 3) => Ok(State::Exception(Failure::Refused)),
            _ => Err(Refused::Other(libc::EBADE)),
        }
    }
}

impl<'a> Space<'a> {
    fn around(&self) -> &'a Around {
        self.around.expect("the master's own step")
    }
}

impl Calls for Space<'_> {
    fn put(&mut self, id: u32, put: &Put) -> Answer<()> {
        if self.arena.face == Face::Forks {
            assert!(put.is_fork());
            let job = self.job(put.regs.as_ref().expect("a fork's program"));
            let frames = Frames::From(self.arena.frame);
            // SAFETY: the program and the arena outlive the children of this master.
            let started = unsafe { call::fork(Some(ChildId(id)), job, frames) };
            return Ok(started.map(drop).map_err(|e| self.refused(e, Failing::Get)));
        }
        let range = self.common(put.copy, put.zero, put.perm);
        let reserved = put.tree || put.limit;
        Ok(match range {
            Some(range) if reserved || self.arena.face == Face::Raw => self.raw_put(id, put, range),
            // The typed call has no way to ask for it.
            None if reserved => Err(Refused::Unsupported),
            _ => self.typed_put(id, put).map_err(|e| self.refused(e, Failing::Get)),
        })
    }

    fn get(&mut self, id: u32, get: &Get) -> Answer<State> {
        let range = self.common(get.copy, get.zero, get.perm);
        let raw = self.arena.face == Face::Raw;
        Ok(match range {
            Some(range) if get.tree || raw => self.raw_get(id, get, range),
            None if get.tree => Err(Refused::Unsupported),
            _ => self.typed_get(id, get),
        })
    }

    fn kill(&mut self, id: u32) -> Answer<()> {
        if self.arena.face == Face::Raw {
            // SAFETY: children of raw calls, which no handle names.
            let answer = unsafe { (self.arena.raw.kill)(id) };
            return Ok(if answer < 0 { Err(refused_by(answer)) } else { Ok(()) });
        }
        // SAFETY: children of raw calls, which no handle names.
        Ok(unsafe { call::kill(ChildId(id)) }.map_err(|e| self.refused(e, Failing::Get)))
    }

    fn join(&mut self, programs: &[Program]) -> Answer<()> {
        let mut closed = Closed::with_capacity(programs.len());
        let flags = PutFlags::REGS | PutFlags::SNAP | PutFlags::START;
        for (i, program) in programs.iter().enumerate() {
            let job = self.job(program);
            closed.put(ChildId(i as u32), flags, job).expect("the next index");
        }
        // SAFETY: the entry takes what `job` gave it, and does not unwind.
        let joined = unsafe { closed.get(GetFlags::MERGE) };
        Ok(joined.map(drop).map_err(|e| self.refused(e, Failing::Join)))
    }

    fn take(&mut self, ids: &[u32]) -> Answer<()> {
        let mut names = [ChildId(0); 8];
        let names = &mut names[..ids.len()];
        names.iter_mut().zip(ids).for_each(|(name, id)| *name = ChildId(*id));
        // SAFETY: children of raw calls, which no handle names.
        Ok(unsafe { call::join(names) }.map(drop).map_err(|e| self.refused(e, Failing::Take)))
    }

    fn ret(&mut self, code: u32) -> Answer<()> {
        if self.arena.face == Face::Raw {
            let answer = (self.arena.raw.ret)(code);
            return Ok(if answer < 0 { Err(refused_by(answer)) } else { Ok(()) });
        }
        Ok(call::ret(code).map_err(|e| refused_by(-i64::from(e.errno()))))
    }

    fn load(&mut self, place: Place) -> Result<u8, Stopped> {
        Ok(self.arena.load(place))
    }

    fn store(&mut self, place: Place, value: u8) -> Result<(), Stopped> {
        self.arena.store(place, value);
        Ok(())
    }

    fn local(&mut self) -> u8 {
        LOCAL.get()
    }

    fn set_local(&mut self, value: u8) {
        LOCAL.set(value);
    }

    fn fail(&mut self, how: Failure) -> Stopped {
        match how {
            Failure::Panic => self.failed = true,
            Failure::Fault => {
                let nowhere = Place { part: Part::Outside, offset: 0 };
                self.arena.store(nowhere, 1);
            }
            Failure::Refused => {
                // SAFETY: has no pointers.
                unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) };
            }
        }
        Stopped
    }

    fn spin(&mut self) -> Stopped {
        loop {
            std::hint::spin_loop();
        }
    }

    fn print(&mut self, byte: u8) {
        surroundings::print(byte);
    }

    fn delivered(&mut self) -> Text {
        self.around().output.text()
    }

    fn alloc(&mut self, slot: usize, value: u8) {
        surroundings::allocate(slot, value);
    }

    fn free(&mut self, slot: usize) {
        surroundings::free(slot);
    }

    fn fill(&mut self, slot: usize, value: u8) {
        surroundings::fill(slot, value);
    }

    fn block(&mut self, slot: usize) -> Option<u8> {
        surroundings::value(slot)
    }

    fn ring(&mut self, bell: Bell) {
        self.around().bells.ring(bell);
    }

    fn rang(&mut self, bell: Bell, wait: bool) -> bool {
        self.around().bells.rang(bell, wait)
    }

    fn hold(&mut self, bell: Bell, hold: bool) {
        self.around().bells.hold(bell, hold);
    }

    fn become_master(&mut self) -> Result<(), Refused> {
        surroundings::become_master().map_err(|e| refused_by(-i64::from(e.errno())))
    }
}
