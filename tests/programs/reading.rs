//! Children that read standard input.
use detpar_tests::program::{self, Case, children};
use kernel::abi::{ChildId, End};
use kernel::call::{self, Get, GetError, Job, Put};
use kernel::error::Error;
use std::ffi::{CStr, c_char, c_int};
use std::io::{self, BufRead, Read};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const CASES: &[Case] = &[
    ("lines", lines),
    ("nested", nested),
    ("of_the_master_too", of_the_master_too),
    ("streams_of_c", streams_of_c),
    ("open", open),
    ("at_barriers", at_barriers),
    ("failed", failed),
    ("pieces", pieces),
    ("again", again),
    ("polled", polled),
    ("about", about),
    ("too_much", too_much),
    ("all_at_once", all_at_once),
];

#[detpar::main]
fn main() -> ExitCode {
    program::run(CASES)
}

/// The next line, by std.
fn line() -> String {
    let mut line = String::new();
    io::stdin().read_line(&mut line).expect("standard input");
    line
}

/// What one call reads, at most so much.
fn call_read(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    // SAFETY: a buffer of that size.
    let n = unsafe { libc::read(0, bytes.as_mut_ptr().cast(), len) };
    bytes.truncate(usize::try_from(n).expect("standard input"));
    bytes
}

fn busy(i: usize) {
    // Those that come first are the last to be ready.
    let rounds = (12 - i.min(12)) as u64 * 20_000;
    std::hint::black_box((0..rounds).fold(1u64, |a, b| a.wrapping_mul(31).wrapping_add(b)));
}

/// Children that read a different number of lines each, in program order; the last find the end.
fn lines() {
    use detpar::prelude::*;
    let read: Vec<Vec<String>> = (0..12usize)
        .into_par_iter()
        .with_max_len(1)
        .map(|i| {
            busy(i);
            (0..i % 4).map(|_| line()).collect()
        })
        .collect();
    for (i, lines) in read.iter().enumerate() {
        println!("{i}: {lines:?}");
    }
}

fn nested() {
    let both = || {
        let before = line();
        let inner = detpar::join(
            || {
                busy(0);
                (line(), detpar::join(line, line))
            },
            || {
                let first = line();
                busy(6);
                (first, line())
            },
        );
        (before, inner, line())
    };
    let all = detpar::join(both, both);
    println!("{all:?} then {:?}", line());
}

/// What the master has read ahead comes first, and what is left is the master's.
fn of_the_master_too() {
    print!("{:?} ", line());
    let mut byte = [0];
    io::stdin().lock().read_exact(&mut byte).expect("standard input");
    print!("{:?} ", byte[0] as char);
    println!("{:?}", detpar::join(line, || (line(), line())));
    println!("{:?}", line());
    // Held by the master: nobody else reads by it.
    let mut held = io::stdin().lock();
    println!("{:?}", detpar::join(|| call_read(100), || call_read(3)));
    let mut rest = String::new();
    held.read_line(&mut rest).expect("standard input");
    println!("{rest:?}");
    drop(held);
    detpar::join(|| (), || ());
    println!("{:?}", line());
}

unsafe extern "C" {
    static mut stdin: *mut libc::FILE;
    fn getchar() -> c_int;
    fn scanf(format: *const c_char, ...) -> c_int;
}

fn line_of_c() -> String {
    let mut bytes = [0 as c_char; 200];
    // SAFETY: a buffer of that size, and libc's own stream.
    let text = unsafe {
        match libc::fgets(bytes.as_mut_ptr(), 200, stdin).is_null() {
            true => c"the end",
            false => CStr::from_ptr(bytes.as_ptr()),
        }
    };
    text.to_string_lossy().into_owned()
}

fn streams_of_c() {
    // SAFETY: plain calls of libc.
    print!("{:?} ", unsafe { getchar() } as u8 as char);
    println!("{:?}", line_of_c());
    let number = || {
        let mut n: c_int = -1;
        // SAFETY: a format with one number.
        let found = unsafe { scanf(c"%d".as_ptr(), &raw mut n) };
        (found, n)
    };
    // What a child leaves of a line ends with it.
    println!("{:?}", detpar::join(|| (number(), number()), || (line_of_c(), number())));
    println!("{:?}", line_of_c());
    let all = detpar::join(|| detpar::join(line_of_c, line_of_c), line_of_c);
    println!("{all:?} {:?}", line_of_c());
}

static READ: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];

fn number() -> u64 {
    line().trim().parse().unwrap_or(0)
}

/// Open children read when their parent waits for them.
fn open() {
    let second = detpar::fork(2, || (busy(3), line()).1).expect("a child");
    let first = detpar::fork(1, || (line(), line())).expect("a child");
    print!("{:?} ", line());
    print!("{:?} ", first.join().expect("a child"));
    print!("{:?} ", line());
    println!("{:?} {:?}", second.join().expect("a child"), line());
    detpar::scope(|s| {
        for word in &READ {
            s.spawn(move |s| {
                word.store(number(), Relaxed);
                s.spawn(move |_| {
                    word.fetch_add(100 * number(), Relaxed);
                });
            });
        }
        print!("{:?} ", line());
    });
    println!("{:?}", READ.each_ref().map(|w| w.load(Relaxed)));
}

fn at_barriers() {
    fn body(i: usize) {
        busy(i * 4);
        let first = line();
        call::barrier().expect("a barrier");
        let second = if i == 1 { String::from("nothing") } else { line() };
        call::barrier().expect("a barrier");
        println!("{i}: {first:?} {second:?} {:?}", line());
    }
    children(3, body).expect("children");
    println!("{:?}", line());
}

/// What children of a join that fails have read stays read; who comes after the one that failed
/// reads nothing.
fn failed() {
    let fails = || {
        println!("{:?}", line());
        busy(0);
        panic!("on purpose");
    };
    let after = || println!("{:?}", line());
    std::panic::set_hook(Box::new(|_| ()));
    assert!(detpar::try_join(|| detpar::join(|| (), fails).1, after).is_err());
    println!("{:?}", line());
    let met = AtomicU64::new(0);
    let meets = || {
        println!("{:?}", line());
        met.fetch_add(1 << 40, Relaxed);
    };
    assert!(detpar::try_join(meets, meets).is_err());
    println!("{:?}", line());
}

fn pieces() {
    use detpar::prelude::*;
    let sizes = [0usize, 1, 3, 100, 5000, 5000, 5000, 2048, 1, 5000, 7];
    let got: Vec<Vec<Vec<u8>>> = (0..3usize)
        .into_par_iter()
        .with_max_len(1)
        .map(|_| sizes.iter().map(|len| call_read(*len)).collect())
        .collect();
    for bytes in got.iter().flatten() {
        let head: Vec<u8> = bytes.iter().copied().take(12).collect();
        println!("{} {} {:x}", bytes.len(), head.escape_ascii(), program::digest(bytes));
    }
}

static MEET: AtomicU64 = AtomicU64::new(0);

/// Two that wrote the same place run again for the report, with what they read before.
fn again() {
    let report = detpar::try_join(
        || {
            let n = number();
            detpar::join(|| MEET.store(n + number(), Relaxed), || ());
        },
        || MEET.store(7 * number(), Relaxed),
    );
    println!("{}", report.expect_err("a conflict"));
    println!("{:?}", line());
}

/// Polls of a child that reads end, as it does.
fn polled() {
    /// # Safety
    /// Needs nothing; the type is that of an entry.
    unsafe extern "C" fn reads(_: *mut (), i: usize, _: *mut u8) -> End {
        READ[i].store(number(), Relaxed);
        READ[i].fetch_add(100 * number(), Relaxed);
        End::Returned
    }
    let job = |i| Job { entry: reads, data: std::ptr::null_mut(), arg: i, out_size: 0 };
    for i in 0..3 {
        // SAFETY: the entry needs nothing and does not unwind; words may hold anything.
        unsafe { Put::new(ChildId(i as u32)).snap().regs(job(i)).start().call() }.expect("a put");
    }
    for i in 0..3u32 {
        let found = loop {
            // SAFETY: as above.
            match unsafe { Get::new(ChildId(i)).merge().dont_wait().call() } {
                Err(GetError::Kernel(Error::Again)) => {}
                found => break found,
            }
        };
        found.expect("a get");
        // SAFETY: no handle names the child.
        unsafe { call::kill(ChildId(i)) }.expect("a child");
    }
    println!("{:?} {:?}", READ.each_ref().map(|w| w.load(Relaxed)), line());
}

/// What calls on descriptor 0 answer beside reads.
fn about() {
    fn answers() -> Vec<i64> {
        let mut bytes = [0u8; 8];
        let (first, rest) = bytes.split_at_mut(3);
        let parts = [&mut [][..], first, rest]
            .map(|p| libc::iovec { iov_base: p.as_mut_ptr().cast(), iov_len: p.len() });
        // SAFETY: buffers of these sizes, or none; a record of that kind.
        unsafe {
            let mut about: libc::stat = std::mem::zeroed();
            assert_eq!(libc::fstat(0, &raw mut about), 0);
            vec![
                (about.st_mode & libc::S_IFMT).into(),
                libc::readv(0, parts.as_ptr(), 3) as i64,
                libc::read(0, bytes.as_mut_ptr().cast(), 0) as i64,
                libc::lseek(0, 0, libc::SEEK_CUR),
                libc::isatty(0).into(),
            ]
        }
    }
    println!("{:?} {:?}", detpar::join(answers, answers), line());
    let mut lines = io::stdin().lock().lines();
    println!("{:?}", lines.next().map(|l| l.expect("standard input")));
}

/// One construct reads more than is kept of it: an error, and no byte is lost.
fn too_much() {
    fn read_on() -> (u64, i32) {
        let (mut bytes, mut all) = ([0u8; 2048], 0);
        loop {
            // SAFETY: a buffer of that size.
            match unsafe { libc::read(0, bytes.as_mut_ptr().cast(), bytes.len()) } {
                n if n > 0 => all += n as u64,
                0 => return (all, 0),
                _ => return (all, io::Error::last_os_error().raw_os_error().unwrap_or(0)),
            }
        }
    }
    let ((first, error), again) = detpar::join(read_on, read_on);
    assert_eq!((error, again), (libc::ENOBUFS, (0, libc::ENOBUFS)));
    // SAFETY: has no memory operands.
    assert_eq!(unsafe { libc::lseek(0, 0, libc::SEEK_CUR) } as u64, first);
    let ((second, end), _) = detpar::join(read_on, || ());
    println!("{} {end}", first + second);
}

/// Many open children wait for their lines, each in a worker, and are joined from the last one on.
fn all_at_once() {
    let children: Vec<_> = (0..100).map(|i| detpar::fork(i, line).expect("a child")).collect();
    let read: Vec<String> = children.into_iter().rev().map(|c| c.join().expect("a line")).collect();
    println!("{:?} {:?} {:?}", read[0], read[59], read[99]);
}
