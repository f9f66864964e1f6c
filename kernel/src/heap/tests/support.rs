//! The memory and the space that the heap's tests run in.

use crate::heap::class::{HEAP_END, ZONES};
use crate::heap::open::{Freed, OpenLane};
use crate::heap::state::Sequence;
use crate::heap::turns::next_in_turn;
use crate::heap::{Env, Heap};
use crate::image::layout::META;
use crate::sys::scan;
use core::ptr::null_mut;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

pub(super) const PAGE: usize = 4096;

/// The heap's zones and tables at their true addresses, zeroed, for one test at a time.
pub(super) struct Memory {
    _alone: MutexGuard<'static, ()>,
}

impl Memory {
    pub fn new() -> Memory {
        static ALONE: Mutex<()> = Mutex::new(());
        static MAPPED: OnceLock<()> = OnceLock::new();
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        MAPPED.get_or_init(|| map(libc::MAP_FIXED_NOREPLACE));
        Memory { _alone: alone }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // Mapped anew, so that page tables go as well: scans visit them.
        map(libc::MAP_FIXED);
    }
}

fn map(fixed: i32) {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | fixed;
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: NOREPLACE refuses to cover anything; after that the range is the tests' own.
    let at = unsafe { libc::mmap(META as *mut _, HEAP_END - META, rw, flags, -1, 0) };
    assert_eq!(at as usize, META, "{}", std::io::Error::last_os_error());
    // SAFETY: the range was just mapped. One page at a time: the tests count pages.
    unsafe { libc::madvise(at, HEAP_END - META, libc::MADV_NOHUGEPAGE) };
}

fn drop_all() {
    zero(META, HEAP_END - META);
}

fn zero(addr: usize, len: usize) {
    // SAFETY: within the mapping above; only the tests' own blocks lie there.
    let r = unsafe { libc::madvise(addr as *mut _, len, libc::MADV_DONTNEED) };
    assert_eq!(r, 0);
}

pub(super) type Pages = BTreeMap<usize, Box<[u8; PAGE]>>;

/// Every page that holds anything.
pub(super) fn pages() -> Pages {
    static PAGEMAP: OnceLock<i32> = OnceLock::new();
    let pagemap = *PAGEMAP.get_or_init(|| scan::open().expect("/proc/self/pagemap"));
    let mut all = Vec::new();
    let source = scan::Source { pagemap, method: scan::Method::Ioctl, file: None };
    scan::changed(source, META, HEAP_END, |from, to| all.extend((from..to).step_by(PAGE)))
        .expect("PAGEMAP_SCAN");
    // SAFETY: the pages are mapped and readable.
    all.into_iter().map(|a| (a, Box::new(unsafe { *(a as *const [u8; PAGE]) }))).collect()
}

/// Makes memory hold these pages and nothing else.
pub(super) fn restore(pages: &Pages) {
    drop_all();
    for (&a, p) in pages {
        write_page(a, p);
    }
}

pub(super) fn write_page(addr: usize, p: &[u8; PAGE]) {
    // SAFETY: the page is mapped and writable.
    unsafe { *(addr as *mut [u8; PAGE]) = *p };
}

/// A space as the heap sees it; notes what the heap says.
#[derive(Clone, Debug)]
pub(super) struct Space {
    pub heap: Heap,
    pub session: u64,
    pub depth: u32,
    pub parent: Heap,
    pub sequences: [Sequence; ZONES],
    pub granted: Vec<(usize, usize)>,
    /// The same, for all the space did before it was last looked at.
    pub was_granted: Vec<(usize, usize)>,
    pub deferred: Vec<(usize, usize)>,
    /// Frees of what open children hold.
    pub freed: Vec<Freed>,
    pub released: usize,
    /// Nothing can be given back now.
    pub keeps: bool,
    /// Segments below these numbers may hold bytes of failed constructs.
    pub dirty_below: [u32; ZONES],
    /// Its parent waits until it has ended.
    pub in_turn: bool,
}

impl Space {
    pub fn master() -> Space {
        Space {
            heap: Heap::ROOT,
            session: 0,
            depth: 0,
            parent: Heap::ROOT,
            sequences: [Sequence::WHOLE; ZONES],
            granted: Vec::new(),
            was_granted: Vec::new(),
            deferred: Vec::new(),
            freed: Vec::new(),
            released: 0,
            keeps: false,
            dirty_below: [0; ZONES],
            in_turn: false,
        }
    }

    /// Child `i` of `k` of this space in a session that was prepared.
    pub fn child(&self, session: u64, i: usize, k: usize) -> Space {
        Space {
            heap: self.heap.lane(i),
            session,
            depth: self.depth + 1,
            parent: self.heap,
            sequences: self.heap.sequences().map(|s| s.of_child(i as u64, k as u64)),
            granted: Vec::new(),
            was_granted: Vec::new(),
            deferred: Vec::new(),
            freed: Vec::new(),
            released: 0,
            keeps: false,
            dirty_below: self.dirty_below,
            in_turn: false,
        }
    }

    /// An open child in lane `j`.
    pub fn open_child(&mut self, j: usize) -> Space {
        let OpenLane { heap, session, sequences, in_turn } =
            self.heap.open_lane(self, j, true).expect("address space");
        Space { heap, session, sequences, in_turn, ..self.child(session, 0, 1) }
    }

    /// Carries out what frees wait for an open child that is back.
    pub fn settle(&mut self) {
        let mut log = std::mem::take(&mut self.freed);
        let left = self.heap.settle(self, &mut log);
        assert!(self.freed.is_empty());
        log.truncate(left);
        self.freed = log;
    }

    pub fn alloc(&mut self, size: usize, align: usize) -> usize {
        // As `space::memory` does: the usual path first.
        let usual = if align <= 16 { self.heap.alloc_usual(self, size) } else { null_mut() };
        let p = if usual.is_null() { self.heap.alloc(self, size, align) } else { usual } as usize;
        assert_eq!(p % align.max(16), 0, "size {size} align {align}");
        p
    }

    pub fn free(&mut self, addr: usize) -> bool {
        Heap::free_usual(self, addr) || Heap::free(self, addr)
    }

    pub fn prepare(&mut self, k: usize) -> u64 {
        self.heap.prepare(self, k).expect("address space")
    }

    /// Gives a child in turn what its lower sibling left.
    pub fn take_turn(&mut self, left: &[Sequence; ZONES]) {
        self.sequences = next_in_turn(left);
    }

    /// Runs `k` children one after another on the same memory, in index order, and takes
    /// them back: right where no child looks at what a sibling did.
    pub fn construct(&mut self, k: usize, mut body: impl FnMut(usize, &mut Space)) {
        let session = self.prepare(k);
        let in_turn = self.heap.runs_in_turn(k);
        let mut left = self.heap.sequences();
        let mut frees = Vec::new();
        for i in 0..k {
            let mut child = self.child(session, i, k);
            if in_turn {
                child.take_turn(&left);
            }
            body(i, &mut child);
            left = child.heap.leave(session, &child.sequences);
            frees.append(&mut child.deferred);
        }
        for (addr, _) in frees {
            assert!(self.free(addr));
        }
        match in_turn {
            true => self.heap.adopt_in_turn(k, session, &left),
            false => self.heap.adopt(k, session),
        }
    }
}

// What `heap` says about its fields is copied: `Heap::alloc` takes heap and space apart.
impl Env for Space {
    fn heap(&self) -> Heap {
        self.heap
    }
    fn session(&self) -> u64 {
        self.session
    }
    fn depth(&self) -> u32 {
        self.depth
    }
    fn parent(&self) -> Heap {
        assert!(self.depth > 0);
        self.parent
    }
    fn sequences(&self) -> &[Sequence; ZONES] {
        &self.sequences
    }
    fn granted(&mut self, addr: usize, len: usize) {
        self.granted.push((addr, len));
    }
    fn took_tail(&mut self, addr: usize, len: usize, pages: usize) {
        assert!(pages << 12 <= len && (addr + len).is_multiple_of(1 << 20));
    }
    fn defer_free(&mut self, addr: usize, len: usize) {
        assert!(self.depth > 0, "the master inherits nothing");
        self.deferred.push((addr, len));
    }
    fn freed(&mut self, f: Freed) {
        self.freed.push(f);
    }
    fn release(&mut self, addr: usize, len: usize) -> bool {
        let may = !self.keeps
            && (self.depth == 0
                || self.granted.iter().any(|&(a, n)| a <= addr && addr + len <= a + n));
        if may {
            zero(addr, len);
            self.released += len;
        }
        may
    }
    fn may_be_dirty(&self, zone: usize, number: u32) -> bool {
        number < self.dirty_below[zone]
    }
}

/// Small, fast, the same everywhere.
#[derive(Default)]
pub(super) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

pub(super) fn fill(addr: usize, len: usize, tag: u8) {
    // SAFETY: a live block of at least `len` bytes.
    unsafe { (addr as *mut u8).write_bytes(tag, len) };
}

pub(super) fn bytes(addr: usize, len: usize) -> &'static [u8] {
    // SAFETY: a live block of at least `len` bytes, not written while it is looked at.
    unsafe { core::slice::from_raw_parts(addr as *const u8, len) }
}

/// Whether a block's bytes are zero; 16 at a time, since tests are not optimised.
pub(super) fn is_zero(addr: usize, len: usize) -> bool {
    // SAFETY: a live block of at least `len` bytes; any bytes are numbers.
    let (a, b, c) = unsafe { bytes(addr, len).align_to::<u128>() };
    a.iter().chain(c).all(|&x| x == 0) && b.iter().all(|&x| x == 0)
}
