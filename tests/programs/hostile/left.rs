//! What native code in a child can do all the same, as UNSAFE.md lists it: each done once, so that
//! the list is neither longer nor shorter than what is so.
use super::{Exposed, call, exposed, read, told, word, write};
use detpar::try_join;
use kernel::master::exposed::MAIL;
use std::arch::x86_64::{__rdtscp, _rdtsc};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

const PAGE: usize = 4096;
const IMAGE: usize = 0x1600_0000_0000;

/// A name, and what says whether it could be done.
pub type Left = (&'static str, fn() -> bool);

/// Each by its name; says what the master found.
pub const ALL: &[Left] = &[
    ("frames_of_the_parent", frames_of_the_parent),
    ("heap_behind_a_join_that_fails", heap_behind_a_join_that_fails),
    ("heap_given_back", heap_given_back),
    ("image_file", image_file),
    ("input_of_its_siblings", input_of_its_siblings),
    ("busy_workers", busy_workers),
    ("time_stamps", time_stamps),
    ("processor_time", processor_time),
    ("processor", processor),
    ("random_bytes_of_the_first_stack", random_bytes_of_the_first_stack),
    ("page_map", page_map),
];

/// Runs code in the second child; its result, where the join succeeds.
fn child<R: Send>(body: impl FnOnce(&Exposed) -> R + Send) -> Option<R> {
    let run = try_join(|| (), || body(&exposed()));
    run.map_err(|e| println!("{}", told(Err(e)))).ok().map(|(_, r)| r)
}

/// A local variable of the parent that no reference leads to.
fn frames_of_the_parent() -> bool {
    let local = AtomicU64::new(1);
    let at = local.as_ptr() as usize;
    child(|_| write(at, 2u64)).is_some() && local.load(Relaxed) == 2
}

/// A page of the parent's heap, filled.
fn page_of_heap() -> (Vec<AtomicU64>, usize) {
    let page: Vec<AtomicU64> = (0..3 * PAGE / 8).map(|_| AtomicU64::new(1)).collect();
    let at = (page.as_ptr() as usize).next_multiple_of(PAGE);
    (page, at)
}

/// The image's heap can be mapped shared, as grants are.
fn heap_behind_a_join_that_fails() -> bool {
    let (page, at) = page_of_heap();
    let failed = child(|e| {
        let rights = (libc::PROT_READ | libc::PROT_WRITE) as usize;
        let flags = (libc::MAP_FIXED | libc::MAP_NORESERVE | libc::MAP_SHARED) as usize;
        let image = e.fds[0] as usize;
        call(e, libc::SYS_mmap, [at, PAGE, rights, flags, image, at - IMAGE]);
        write(at, 2u64);
        std::process::abort();
    });
    failed.is_none() && page.iter().map(|word| word.load(Relaxed)).max() == Some(2)
}

fn heap_given_back() -> bool {
    let (page, at) = page_of_heap();
    let failed = child(|e| {
        let punch = (libc::FALLOC_FL_KEEP_SIZE | libc::FALLOC_FL_PUNCH_HOLE) as usize;
        call(e, libc::SYS_fallocate, [e.fds[0] as usize, punch, at - IMAGE, PAGE, 0, 0]);
        std::process::abort();
    });
    failed.is_none() && page.iter().any(|word| word.load(Relaxed) == 0)
}

/// What the file holds at an offset, by the gate.
fn by_file(e: &Exposed, fd: i32, offset: usize) -> Option<u64> {
    let mut value = 0u64;
    let to = (&raw mut value) as usize;
    let n = call(e, libc::SYS_pread64, [fd as usize, to, 8, offset, 0, 0]);
    (n == 8).then_some(value)
}

/// What a sibling has in memory that is granted to it, as the file has it: nothing, or something.
fn image_file() -> bool {
    let (page, at) = page_of_heap();
    page.iter().for_each(|word| word.store(0x5eed, Relaxed));
    child(|e| by_file(e, e.fds[0], at - IMAGE)) == Some(Some(0x5eed))
}

/// What the master has read for the child before it, which has its turn.
fn input_of_its_siblings() -> bool {
    const LINE: &[u8] = b"of a sibling\n";
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(LINE).expect("room");
    // SAFETY: the program has not read its standard input.
    assert_eq!(unsafe { libc::dup2(reader.as_raw_fd(), 0) }, 0);
    let first = || std::io::stdin().lines().next().expect("a line").expect("text");
    let second = || {
        let e = exposed();
        let (first, each) = (e.mail.0 + word(MAIL, "line"), e.own_mail.1);
        let lines: Vec<usize> = (0..e.mail.1 / each).map(|i| first + i * each).collect();
        let is_there = |at: &usize| (0..LINE.len()).all(|i| read::<u8>(at + i) == LINE[i]);
        // In vain it would take some seconds.
        (0..1_000_000).any(|_| lines.iter().any(is_there))
    };
    try_join(first, second).is_ok_and(|(_, found)| found)
}

/// The slot of its worker, and the states of all.
fn busy_workers() -> bool {
    let found = child(|e| {
        let (first, each) = (e.mail.0 + word(MAIL, "state"), e.own_mail.1);
        let states = (0..e.mail.1 / each).map(|i| read::<u32>(first + i * each));
        (e.slot as usize, e.mail.1 / each, states.filter(|s| *s != 0).count())
    });
    found.is_some_and(|(slot, all, busy)| slot < all && busy > 0)
}

fn time_stamps() -> bool {
    // SAFETY: every 64-bit processor has the instruction.
    let now = || unsafe { _rdtsc() };
    let before = now();
    child(|_| now()).is_some_and(|then| before < then && then < now())
}

/// Of the worker, which other children have used as well.
fn processor_time() -> bool {
    let spent = |e: &Exposed| {
        // SAFETY: zero is a valid value of every field.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        let to = (&raw mut usage) as usize;
        call(e, libc::SYS_getrusage, [libc::RUSAGE_THREAD as usize, to, 0, 0, 0, 0]);
        usage.ru_utime.tv_sec as u64 * 1_000_000 + usage.ru_utime.tv_usec as u64
    };
    let differ = child(|e| {
        let before = spent(e);
        while spent(e) == before {
            (0..1000).for_each(|i| _ = std::hint::black_box(i));
        }
    });
    differ.is_some()
}

fn processor() -> bool {
    let found = child(|_| {
        let mut number = 0;
        // SAFETY: every processor of the last fifteen years has the instruction.
        unsafe { __rdtscp(&mut number) };
        i64::from(number & 0xfff)
    });
    // SAFETY: has no memory operands.
    found.is_some_and(|n| n < unsafe { libc::sysconf(libc::_SC_NPROCESSORS_CONF) })
}

/// Sixteen that the system drew at the start of the program, and their address.
fn random_bytes_of_the_first_stack() -> bool {
    // SAFETY: has no memory operands.
    let place = || unsafe { libc::getauxval(libc::AT_RANDOM) } as usize;
    let all = |at: usize| [read::<u64>(at), read(at + 8)];
    let here = (place(), all(place()));
    child(|_| (place(), all(place()))) == Some(here) && here.1 != [0; 2]
}

/// Which of its pages are there, changed or in other hands.
fn page_map() -> bool {
    const PRESENT: u64 = 1 << 63;
    static SOME: AtomicUsize = AtomicUsize::new(1);
    let entry = child(|e| {
        SOME.store(2, Relaxed);
        by_file(e, e.fds[2], SOME.as_ptr() as usize / PAGE * 8)
    });
    entry.flatten().is_some_and(|e| e & PRESENT != 0)
}
