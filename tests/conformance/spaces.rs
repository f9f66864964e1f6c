//! The calls of the engine `spaces`: programs run in the process's own master space.
//!
//! Nothing of the runner lies in the arena. In a child it works on its own stack alone; in the
//! master its log has its memory before the first step.
use super::interpreter::Shown;
use super::program::{ARENA, Failure, Get, Op, PAGE, PARTS, Part, Place, Program, Put};
use super::runner::{Answer, Calls, Progress, Refused, State, Stopped};
use kernel::abi::{Cause, ChildId, End, GetFlags, PutFlags};
use kernel::call::{self, Closed, Frames, GetError, Job};
use kernel::error::Error;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::{Cell, UnsafeCell};
use std::collections::BTreeSet;

/// Where the parts lie.
#[derive(Clone, Copy)]
struct Arena {
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
            // The first page is never mapped.
            Part::Outside => 64,
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
#[inline(never)]
pub fn run(program: &Program) -> Shown {
    let mut around = [0u8; 1024];
    let layout = Layout::from_size_align(Part::Heap.size() as usize, PAGE as usize);
    let layout = layout.expect("whole pages");
    // SAFETY: the layout is not empty.
    let heap = unsafe { alloc_zeroed(layout) };
    assert!(!heap.is_null());
    let arena = Arena {
        frame: within_a_page(std::hint::black_box(&raw mut around) as usize),
        heap: heap as usize,
        stat: STATIC.0.get() as usize,
    };
    (0..ARENA).for_each(|i| arena.store(Place::at(i), 0));
    LOCAL.set(0);
    let mut space = Space { arena: &arena, failed: false };
    let mut seen = Vec::with_capacity(program.0.len());
    let end = Progress::default().run(program, &mut space, &mut |s| seen.push(s));
    for id in ids(program) {
        // Some have ended, or never were.
        let _ = call::kill(ChildId(id));
    }
    let bytes = (0..ARENA).map(|i| arena.load(Place::at(i))).collect();
    // SAFETY: allocated above with the same layout; no child is left.
    unsafe { dealloc(heap, layout) };
    Shown { seen, ended: end.is_ok(), arena: bytes }
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
    let mut space = Space { arena, failed: false };
    let _ = Progress::default().run(program, &mut space, &mut |_| {});
    if space.failed {
        call::record_panic(Some("as the program wants it"));
        return End::Panicked;
    }
    End::Returned
}

/// The running space.
struct Space<'a> {
    arena: &'a Arena,
    /// Whether it shall end by a panic.
    failed: bool,
}

impl Space<'_> {
    fn job(&self, program: &Program) -> Job {
        let data = core::ptr::from_ref(program).cast_mut().cast();
        Job { entry, data, arg: core::ptr::from_ref(self.arena) as usize, out_size: 0 }
    }

    fn conflict(&self, address: u64) -> Result<Place, Refused> {
        // A conflict outside of the arena is none that a program of these can have.
        self.arena.place(address as usize).ok_or(Refused::Other(libc::EXDEV))
    }

    /// Why a join failed; `one_by_one` where its children merge one after another.
    fn refused(&self, e: GetError, one_by_one: bool) -> Refused {
        let failure = match e {
            GetError::Kernel(Error::NoChild) => return Refused::NoChild,
            GetError::Kernel(Error::Flags) => return Refused::Invalid,
            GetError::Kernel(_) => return Refused::Other(libc::EPROTO),
            GetError::Child(child) => child.failure,
        };
        let how = match failure.cause {
            Cause::Conflict(c) => {
                let place = self.conflict(c.address);
                return place.map_or_else(
                    |e| e,
                    |place| match one_by_one {
                        true => Refused::Late(failure.child, place),
                        false => Refused::Siblings(c.lower, c.higher, place),
                    },
                );
            }
            Cause::Panic => Failure::Panic,
            Cause::Fault(_) => Failure::Fault,
            Cause::Forbidden(_) => Failure::Refused,
            Cause::Limit(_) | Cause::Killed { .. } => return Refused::Other(libc::ENOMEM),
        };
        Refused::Child(failure.child, how)
    }
}

impl Calls for Space<'_> {
    fn put(&mut self, id: u32, put: &Put) -> Answer<()> {
        let Some(program) = &put.regs else { return Ok(Err(Refused::Other(libc::ENOSYS))) };
        let job = self.job(program);
        // SAFETY: the program and the arena outlive the children of this master.
        let started = unsafe { call::fork(Some(ChildId(id)), job, Frames::From(self.arena.frame)) };
        Ok(started.map(drop).map_err(|e| self.refused(e, true)))
    }

    fn get(&mut self, _id: u32, _get: &Get) -> Answer<State> {
        Ok(Err(Refused::Other(libc::ENOSYS)))
    }

    fn kill(&mut self, id: u32) -> Answer<()> {
        Ok(call::kill(ChildId(id)).map_err(|e| self.refused(e, true)))
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
        Ok(joined.map(drop).map_err(|e| self.refused(e, false)))
    }

    fn take(&mut self, ids: &[u32]) -> Answer<()> {
        let mut names = [ChildId(0); 8];
        let names = &mut names[..ids.len()];
        names.iter_mut().zip(ids).for_each(|(name, id)| *name = ChildId(*id));
        Ok(call::join(names).map(drop).map_err(|e| self.refused(e, true)))
    }

    fn ret(&mut self, _code: u32) -> Answer<()> {
        Ok(Err(Refused::Other(libc::ENOSYS)))
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
}
