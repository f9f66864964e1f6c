//! What programs meet besides the arena in the engine `spaces`: the program's output, blocks
//! of the heap, signals, the way to become a master.
use super::program::{BLOCK, Bell, SLOTS};
use super::runner::{Text, text};
use kernel::confine::{Handler, Part};
use kernel::error::Error;
use kernel::master::{self, Config, Scan};
use std::alloc::{Layout, alloc, dealloc};
use std::cell::{Cell, UnsafeCell};
use std::io::Write;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// Takes the place of standard output until it is dropped.
#[derive(Debug)]
pub(super) struct Output {
    file: i32,
    before: i32,
    asked: Cell<usize>,
}

impl Output {
    /// Standard output goes to memory from now on.
    pub fn new() -> Output {
        std::io::stdout().flush().expect("standard output");
        // SAFETY: makes descriptors, and lets number 1 be another one of them.
        unsafe {
            let file = libc::memfd_create(c"output".as_ptr(), libc::MFD_CLOEXEC);
            let before = libc::fcntl(1, libc::F_DUPFD_CLOEXEC, 3);
            assert!(file >= 0 && before >= 0 && libc::dup2(file, 1) == 1, "descriptors");
            Output { file, before, asked: Cell::new(0) }
        }
    }

    /// All that came out so far.
    pub fn all(&self) -> Vec<u8> {
        std::io::stdout().flush().expect("standard output");
        // SAFETY: the file is open; the system writes into the buffer's own bytes.
        unsafe {
            let len = libc::lseek(self.file, 0, libc::SEEK_END) as usize;
            let mut bytes = vec![0; len];
            let read = libc::pread(self.file, bytes.as_mut_ptr().cast(), len, 0);
            assert_eq!(read, len as isize);
            bytes
        }
    }

    /// What came out since this was last asked.
    pub fn text(&self) -> Text {
        let all = self.all();
        text(&all[self.asked.replace(all.len())..])
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let _ = std::io::stdout().flush();
        // SAFETY: gives number 1 back; the other two are this value's own.
        unsafe {
            libc::dup2(self.before, 1);
            libc::close(self.before);
            libc::close(self.file);
        }
    }
}

/// Prints as the running space does: a child in a call of its own, without a buffer.
pub(super) fn print(byte: u8) {
    if master::in_child() {
        // SAFETY: one byte, which is alive.
        assert_eq!(unsafe { libc::write(1, (&raw const byte).cast(), 1) }, 1);
    } else {
        std::io::stdout().write_all(&[byte]).expect("standard output");
    }
}

struct Slots([UnsafeCell<*mut u8>; SLOTS]);

// SAFETY: each space has one thread, and its own copy of these pointers.
unsafe impl Sync for Slots {}

static SLOT: Slots = Slots([const { UnsafeCell::new(null_mut()) }; SLOTS]);

const LAYOUT: Layout = match Layout::from_size_align(BLOCK, 16) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};

/// The block that a slot points to.
fn block(slot: usize) -> *mut u8 {
    // SAFETY: nothing else refers to the slots.
    unsafe { SLOT.0[slot].get().read() }
}

pub(super) fn allocate(slot: usize, value: u8) {
    // SAFETY: the layout is not empty; nothing else refers to the slots.
    unsafe {
        let block = alloc(LAYOUT);
        assert!(!block.is_null());
        block.write_bytes(value, BLOCK);
        SLOT.0[slot].get().write(block);
    }
}

pub(super) fn free(slot: usize) {
    // SAFETY: programs free a block that is live in their space.
    unsafe { dealloc(block(slot), LAYOUT) };
}

pub(super) fn fill(slot: usize, value: u8) {
    // SAFETY: programs fill a block that is live in their space.
    unsafe { block(slot).write_bytes(value, BLOCK) };
}

/// The value of all bytes of a slot's block.
pub(super) fn value(slot: usize) -> Option<u8> {
    // SAFETY: programs read a block that is live in their space.
    let bytes = unsafe { std::slice::from_raw_parts(block(slot), BLOCK) };
    bytes.iter().all(|b| *b == bytes[0]).then_some(bytes[0])
}

/// How often handlers ran since the signal was asked for.
static RUNS: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];

/// Signals that come again and again, by a timer each.
#[derive(Debug, Default)]
pub(super) struct Bells {
    timers: Cell<[Option<libc::timer_t>; 2]>,
}

const fn signal(bell: Bell) -> i32 {
    match bell {
        Bell::Named => libc::SIGUSR1,
        Bell::Other => libc::SIGUSR2,
    }
}

/// The set that a get names.
pub(super) const NAMED: u64 = 1 << (signal(Bell::Named) - 1);

extern "C" fn handle(number: i32) {
    RUNS[usize::from(number == libc::SIGUSR2)].fetch_add(1, SeqCst);
}

/// The set of one signal.
fn set_of(bell: Bell) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the first call makes it a set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal(bell));
        set.assume_init()
    }
}

impl Bells {
    /// The other signal comes some times before the named one comes first.
    pub fn ring(&self, bell: Bell) {
        RUNS[bell as usize].store(0, SeqCst);
        let period = libc::timespec { tv_sec: 0, tv_nsec: [30_000_000, 7_000_000][bell as usize] };
        // SAFETY: zero is a value of both records; all pointers are to values alive here.
        let timer = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handle as extern "C" fn(i32) as usize;
            action.sa_flags = libc::SA_RESTART;
            assert_eq!(libc::sigaction(signal(bell), &action, null_mut()), 0);
            let mut event: libc::sigevent = std::mem::zeroed();
            event.sigev_notify = libc::SIGEV_SIGNAL;
            event.sigev_signo = signal(bell);
            let mut timer = MaybeUninit::uninit();
            let clock = libc::CLOCK_MONOTONIC;
            assert_eq!(libc::timer_create(clock, &mut event, timer.as_mut_ptr()), 0);
            let timer = timer.assume_init();
            let when = libc::itimerspec { it_interval: period, it_value: period };
            assert_eq!(libc::timer_settime(timer, 0, &when, null_mut()), 0);
            timer
        };
        let mut timers = self.timers.get();
        timers[bell as usize] = Some(timer);
        self.timers.set(timers);
    }

    /// Whether the handler has run, after waiting for it where that is wanted.
    pub fn rang(&self, bell: Bell, wait: bool) -> bool {
        let ran = || RUNS[bell as usize].load(SeqCst) > 0;
        while wait && !ran() {
            std::hint::spin_loop();
        }
        let rang = ran();
        self.end(bell);
        rang
    }

    /// Blocks the signal until it is pending, or unblocks it.
    pub fn hold(&self, bell: Bell, hold: bool) {
        let how = if hold { libc::SIG_BLOCK } else { libc::SIG_UNBLOCK };
        // SAFETY: the sets are alive.
        unsafe {
            assert_eq!(libc::sigprocmask(how, &set_of(bell), null_mut()), 0);
            let mut pending = set_of(bell);
            while hold && {
                assert_eq!(libc::sigpending(&mut pending), 0);
                libc::sigismember(&pending, signal(bell)) == 0
            } {
                std::hint::spin_loop();
            }
        }
    }

    fn end(&self, bell: Bell) {
        let mut timers = self.timers.get();
        if let Some(timer) = timers[bell as usize].take() {
            // SAFETY: made by `ring`, and gone from the list.
            assert_eq!(unsafe { libc::timer_delete(timer) }, 0);
        }
        self.timers.set(timers);
    }
}

impl Drop for Bells {
    fn drop(&mut self) {
        [Bell::Named, Bell::Other].into_iter().for_each(|bell| {
            self.end(bell);
            // SAFETY: the set is alive.
            unsafe { libc::sigprocmask(libc::SIG_UNBLOCK, &set_of(bell), null_mut()) };
        });
    }
}

/// Emulates nothing: no space that it would serve comes about.
struct Nothing;

impl Handler for Nothing {
    fn call(&self, _: &mut dyn FnMut(&[u8]) -> bool, _: i64, _: &[u64; 6]) -> Option<i64> {
        None
    }

    fn deliver(&self, _: &[u8]) {}

    fn part(&self, _: &[u8], _: Part, _: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        true
    }

    fn claims(&self, _: &[u8]) -> usize {
        0
    }

    fn meet<'a>(&self, _: u32, _: &'a [u8], _: &mut [u64]) -> Option<(u32, &'a [u8])> {
        None
    }

    fn merged(&self, _: &[u8]) {}

    fn before_fork(&self) {}

    fn child_ends(&self) {}
    fn child_faulted(&self, _: &mut dyn FnMut(&[u8]) -> bool) {}
}

static NOTHING: &dyn Handler = &Nothing;

/// Tries to become a master.
///
/// # Errors
/// Why the running space cannot.
pub fn become_master() -> Result<(), Error> {
    let config = Config {
        workers: 1,
        seed: 0,
        chaos: 0,
        origins: false,
        check: false,
        patience: 0,
        reads: 0,
        scan: Scan::Auto,
        huge: false,
        tsc_traps: false,
        trace: None,
    };
    // SAFETY: on the main thread; where there are others it is refused.
    unsafe { master::run(config, &NOTHING, &mut || {}) }
}
