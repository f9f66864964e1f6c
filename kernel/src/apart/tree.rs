//! The memory of a tree of plain processes: where it lies, what of it merges, how it gets from one
//! process to another.

use super::tools;
use crate::abi::PAGE;
use crate::error::Error;
use crate::image::layout::{page_ceil, page_floor};
use crate::image::{lazy, regions};
use crate::merge::Page;
use crate::space::loaded;
use crate::sys::{self, tools::copy_unseen};
use core::cell::{Cell, RefCell};
use core::ffi::{CStr, c_int, c_void};
use core::ops::Range;
use core::sync::atomic::{AtomicI64, AtomicUsize, Ordering::*};

/// Most blocks of a run, and bytes of the heap.
const ROOM: (usize, usize) = (16 << 20, 64 << 30);

/// The same where Valgrind notes all of it, and looks through what it may read for lost blocks.
const WATCHED: (usize, usize) = (256 << 10, 4 << 30);

/// Bytes that the exchange keeps for data and stack.
const EXCHANGE: usize = 8 << 30;

/// Where the heap lies, where it can.
const PLACE: usize = 0x4300_0000_0000;

/// What all processes share.
pub(super) struct Shared {
    /// End of the last block.
    pub frontier: AtomicUsize,
    /// How many blocks there are.
    pub count: AtomicUsize,
    /// With which code the process ends that has just said so.
    pub code: AtomicI64,
}

/// What a process knows of itself.
#[derive(Default)]
pub(super) struct Here {
    /// How deep in calls of the library.
    inside: Cell<u32>,
    /// Whether this is a child.
    pub child: Cell<Option<Child>>,
    /// How many blocks there were when it began.
    pub inherited: Cell<usize>,
    /// The numbers that lead here from the master.
    pub path: RefCell<Vec<u32>>,
}

/// How a child speaks with its parent.
#[derive(Clone, Copy)]
pub(super) struct Child {
    /// Where it says that it has come to an end, or to a barrier.
    pub says: c_int,
    /// Where it hears that it may go on.
    pub hears: c_int,
    /// Lowest address of the stack that merges; nothing in an open child.
    pub frames: Option<usize>,
}

impl Here {
    /// Whether the library runs, not the program.
    pub fn is_inside(&self) -> bool {
        self.inside.get() > 0
    }

    /// Sets how deep in the library this process is; how deep it was.
    pub fn set_inside(&self, depth: u32) -> u32 {
        self.inside.replace(depth)
    }
}

/// The tree's memory: in place for good once it is there, and not part of what merges.
pub(crate) struct Tree {
    shared: usize,
    table: usize,
    arena: usize,
    arena_len: usize,
    /// Most blocks.
    pub most: usize,
    states: usize,
    noted: usize,
    exchange: usize,
    exchange_len: usize,
    here: Here,
    objects: RefCell<Objects>,
}

/// What is known of the loaded objects.
#[derive(Default)]
struct Objects {
    /// What merges of the program's data; sorted.
    data: Vec<Range<usize>>,
    /// What does not, of that.
    own: Vec<Range<usize>>,
    /// Start, template and length of each object's thread-local storage.
    locals: Vec<(usize, usize, usize, usize)>,
}

impl Objects {
    /// Those that are loaded now; none where the library is part of the program's own file.
    fn look() -> Option<Objects> {
        let mut all = Objects::default();
        let to = (&raw mut all).cast::<c_void>();
        // SAFETY: the callback matches the loader's contract and is given what it fills.
        let apart = unsafe { libc::dl_iterate_phdr(Some(each_object), to) } == 0;
        all.data.sort_by_key(|r| r.start);
        all.own.sort_by_key(|r| r.start);
        apart.then_some(all)
    }
}

static TREE: AtomicUsize = AtomicUsize::new(0);

/// The tree, once it stands.
pub(crate) fn tree() -> Option<&'static Tree> {
    let at = TREE.load(Acquire) as *const Tree;
    // SAFETY: null, or the box that `start` leaked.
    unsafe { at.as_ref() }
}

unsafe extern "C" {
    static __libc_stack_end: *const c_void;
}

fn stack_end() -> usize {
    // SAFETY: the loader has set it before anything else ran.
    page_ceil(unsafe { __libc_stack_end }.addr())
}

pub(super) fn reserve(at: usize, len: usize, shared: bool) -> Result<usize, Error> {
    let kind = if shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE };
    let flags = kind | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping: the address is a wish.
    unsafe { sys::map(at, len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) }.map_err(
        |errno| {
            let remedy = "raise the limit on address space (ulimit -v unlimited)";
            Error::Unsupported { what: "reserving address space", remedy, errno }
        },
    )
}

impl Tree {
    /// Makes the tree stand, with this process as its master.
    pub fn start() -> Result<(), Error> {
        tools::look_up();
        let (most, arena_len) = if tools::has_valgrind() { WATCHED } else { ROOM };
        let exchange_len = arena_len + most + EXCHANGE;
        let Some(objects) = Objects::look() else {
            return Err(Error::Unsupported {
                what: "the engine `serial` with the static library",
                remedy: "link the program with the shared library (-ldetpar)",
                errno: libc::EOPNOTSUPP,
            });
        };
        let t = Tree {
            shared: reserve(0, PAGE, true)?,
            table: reserve(0, most * size_of::<(usize, usize)>(), true)?,
            arena: reserve(PLACE, arena_len, false)?,
            arena_len,
            most,
            states: reserve(0, most, false)?,
            noted: reserve(0, most, false)?,
            exchange: reserve(0, exchange_len, true)?,
            exchange_len,
            here: Here::default(),
            objects: RefCell::new(objects),
        };
        tools::no_access(t.arena, t.arena_len);
        tools::no_access(t.exchange, t.exchange_len);
        t.shared().frontier.store(t.arena, Relaxed);
        TREE.store(Box::into_raw(Box::new(t)).expose_provenance(), Release);
        Ok(())
    }

    /// Takes note of libraries that the master has loaded or unloaded. (What a child loads is its own.)
    pub fn follow_loads(&self) {
        if self.here.child.get().is_none()
            && loaded::note()
            && let Some(objects) = Objects::look()
        {
            *self.objects.borrow_mut() = objects;
        }
    }

    pub fn shared(&self) -> &Shared {
        // SAFETY: a page of its own, zero at first; numbers of any value are valid.
        unsafe { &*(self.shared as *const Shared) }
    }

    pub fn here(&self) -> &Here {
        &self.here
    }

    pub fn arena(&self) -> usize {
        self.arena
    }

    pub fn arena_end(&self) -> usize {
        self.arena + self.arena_len
    }

    fn place(&self, number: usize) -> *mut (usize, usize) {
        (self.table as *mut (usize, usize)).wrapping_add(number)
    }

    /// Adds a block behind all others. Kept is how far in the heap it starts: who looks for lost
    /// blocks must find no address of one here.
    pub fn add_block(&self, number: usize, start: usize, size: usize) {
        // SAFETY: one space runs at a time, and this number is new.
        unsafe { self.place(number).write((start - self.arena, size)) };
    }

    fn offsets(&self) -> &[(usize, usize)] {
        // SAFETY: so many have been written, and none is written again.
        unsafe { core::slice::from_raw_parts(self.place(0), self.count()) }
    }

    /// How many blocks there are.
    pub fn count(&self) -> usize {
        self.shared().count.load(Relaxed)
    }

    /// Start and length of a block.
    pub fn block(&self, number: usize) -> (usize, usize) {
        let (offset, size) = self.offsets()[number];
        (self.arena + offset, size)
    }

    /// The number of the block that starts at an address.
    pub fn block_at(&self, address: usize) -> Option<usize> {
        let offset = address.checked_sub(self.arena)?;
        self.offsets().binary_search_by_key(&offset, |b| b.0).ok()
    }

    /// What this space knows of each block: part of what merges.
    #[expect(clippy::mut_from_ref, reason = "one thread, and no caller keeps it")]
    pub fn states(&self) -> &mut [u8] {
        // SAFETY: mapped so long; callers keep no two of these.
        unsafe { core::slice::from_raw_parts_mut(self.states as *mut u8, self.most) }
    }

    /// What the tools of this process were told of each block.
    #[expect(clippy::mut_from_ref, reason = "one thread, and no caller keeps it")]
    pub fn noted(&self) -> &mut [u8] {
        // SAFETY: mapped so long; callers keep no two of these.
        unsafe { core::slice::from_raw_parts_mut(self.noted as *mut u8, self.most) }
    }

    /// Whole pages that may differ, each range with its place in the exchange.
    fn ranges(&self, frames: Option<usize>) -> Vec<(Range<usize>, usize)> {
        let heap = self.arena..page_ceil(self.shared().frontier.load(Relaxed));
        let states = self.states..page_ceil(self.states + self.shared().count.load(Relaxed));
        let stack = frames.map(|f| page_floor(f)..stack_end());
        let mut at = self.exchange;
        let objects = self.objects.borrow();
        let all = objects.data.iter().cloned().chain([heap, states]).chain(stack);
        all.map(|r| {
            let place = at;
            at += r.len();
            (r, place)
        })
        .filter(|(_, place)| *place < self.exchange + self.exchange_len)
        .collect()
    }

    /// Copies this process's memory to where others see it.
    pub fn publish(&self, frames: Option<usize>) {
        tools::quietly(|| {
            for (r, place) in self.ranges(frames) {
                // SAFETY: mapped memory of the program, and the exchange.
                unsafe { copy_unseen(r.start, place, r.len()) };
            }
        });
    }

    /// Makes this process's memory what was published.
    pub fn adopt(&self, frames: Option<usize>) {
        for page in self.changes(frames) {
            self.write(page.addr, &page.old, &page.new);
        }
    }

    /// Pages of which what was published differs from this process's memory.
    pub fn changes(&self, frames: Option<usize>) -> Vec<Changed> {
        let mut found = Vec::new();
        for (r, place) in self.ranges(frames) {
            for at in (0..r.len()).step_by(PAGE) {
                let addr = r.start + at;
                let (mut old, mut new) = (self.read(addr), self.read(place + at));
                if old.0 == new.0 {
                    continue;
                }
                self.leave_out(addr, frames, &mut old);
                self.leave_out(addr, frames, &mut new);
                if old.0 != new.0 {
                    found.push(Changed { addr, old, new });
                }
            }
        }
        found.sort_by_key(|c| c.addr);
        found
    }

    /// Zeroes what does not merge in a copy of a page: what each process has of its own, and the
    /// frames below those that are live.
    fn leave_out(&self, addr: usize, frames: Option<usize>, page: &mut Page) {
        let below = frames.filter(|&f| f > addr && f - addr < PAGE).map(|f| addr..f);
        for own in self.objects.borrow().own.iter().cloned().chain(below) {
            let from = own.start.clamp(addr, addr + PAGE) - addr;
            let to = own.end.clamp(addr, addr + PAGE) - addr;
            page.0[from..to].fill(0);
        }
    }

    /// A page as it is, of data and heap, as [`changes`](Tree::changes) has it.
    pub fn now(&self, addr: usize) -> Page {
        let mut page = self.read(addr);
        self.leave_out(addr, None, &mut page);
        *page
    }

    /// A page of memory as it is.
    fn read(&self, addr: usize) -> Box<Page> {
        let mut page = Box::new(Page([0; PAGE]));
        let to = page.0.as_mut_ptr().expose_provenance();
        // SAFETY: a mapped page, and one of our own.
        tools::quietly(|| unsafe { copy_unseen(addr, to, PAGE) });
        tools::is_zero(to, PAGE);
        page
    }

    /// Writes the bytes of a page in which `page` differs from `old`, and no other: frames of this
    /// very function may lie beside them.
    pub fn write(&self, addr: usize, old: &Page, page: &Page) {
        let mut at = 0;
        while at < PAGE {
            let differ = |i: &usize| old.0[*i] != page.0[*i];
            let Some(from) = (at..PAGE).find(differ) else { break };
            let to = (from..PAGE).find(|i| !differ(i)).unwrap_or(PAGE);
            let bytes = (&raw const page.0[from]).expose_provenance();
            // SAFETY: memory of the program that merges, which is writable.
            tools::quietly(|| unsafe { copy_unseen(bytes, addr + from, to - from) });
            at = to;
        }
    }

    /// Gives thread-local variables of the program their initial values.
    pub fn reset_locals(&self) {
        for &(to, template, len, all) in &self.objects.borrow().locals {
            // SAFETY: the main thread's block of an object and the object's template.
            unsafe {
                copy_unseen(template, to, len);
                (to + len..to + all).for_each(|a| (a as *mut u8).write_volatile(0));
            }
        }
    }
}

/// A page that a child changed: as of its start, and as it left it.
pub(super) struct Changed {
    pub addr: usize,
    pub old: Box<Page>,
    pub new: Box<Page>,
}

/// Objects of the tools, whose memory is each process's own.
pub(super) fn is_tool(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    ["libasan", "libubsan", "liblsan", "vgpreload"].iter().any(|p| file.starts_with(p))
}

/// Notes what merges of an object; ends the walk where the library is part of the program's own
/// file, as its data could not be told from the program's.
///
/// # Safety
/// Called by `dl_iterate_phdr` with a valid record and an [`Objects`].
unsafe extern "C" fn each_object(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    all: *mut c_void,
) -> c_int {
    // SAFETY: the loader's record, whose name and headers live as long as the object; what `look`
    // passes.
    let (info, all) = unsafe { (&*info, &mut *all.cast::<Objects>()) };
    // SAFETY: as above.
    let headers = unsafe { core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize) };
    let name = if info.dlpi_name.is_null() {
        ""
    } else {
        // SAFETY: as above.
        unsafe { CStr::from_ptr(info.dlpi_name) }.to_str().unwrap_or("")
    };
    let base = info.dlpi_addr as usize;
    let mut writable = regions::writable(base, headers);
    if writable.any(|r| r.contains(&(&raw const TREE).addr())) {
        return c_int::from(name.is_empty());
    }
    if regions::is_runtime(name) || is_tool(name) {
        return 0;
    }
    all.data.extend(regions::writable(base, headers));
    all.own.extend(lazy::slots(base, headers));
    let tls = headers.iter().find(|h| h.p_type == libc::PT_TLS);
    if let Some(h) = tls.filter(|_| !info.dlpi_tls_data.is_null()) {
        let at = info.dlpi_tls_data.expose_provenance();
        all.locals.push((at, base + h.p_vaddr as usize, h.p_filesz as usize, h.p_memsz as usize));
    }
    0
}
