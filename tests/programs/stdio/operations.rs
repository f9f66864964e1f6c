//! Random operations on streams: a child's answers are those of the host, error numbers included.
use detpar::fs as tree;
use detpar_tests::harness::Numbers;
use libc::{FILE, c_int};
use std::ffi::{CStr, CString};
use std::fmt::Write as _;
use std::ptr::null_mut;

const MODES: [&CStr; 9] = [c"r", c"w", c"a", c"r+", c"w+", c"a+", c"wx", c"rb", c"q"];
const NAMES: [&str; 6] = ["a", "b", "c", "d", "none/a", "."];
const BUFFERINGS: [c_int; 3] = [libc::_IOFBF, libc::_IOLBF, libc::_IONBF];

/// Two million answers, compared in stretches.
pub fn operations_long() {
    compare(2000, 1000);
}

pub fn operations() {
    compare(30, 400);
}

fn compare(streams: u64, len: usize) {
    let host = format!("/dev/shm/detpar-stdio-{}", std::process::id());
    for seed in 0..streams {
        std::fs::create_dir(&host).expect("a directory on the host");
        let theirs = answers(&host, seed, len);
        std::fs::remove_dir_all(&host).expect("clean");
        tree::create_dir_all("/s").expect("tree");
        let (ours, ()) = detpar::join(|| answers("/s", seed, len), || ());
        tree::remove("/s").expect("clean");
        for (i, (a, b)) in ours.lines().zip(theirs.lines()).enumerate() {
            let before = || ours.lines().take(i).collect::<Vec<_>>().join("\n");
            assert_eq!(a, b, "child, host: stream {seed}, after\n{}", before());
        }
        assert_eq!(ours.lines().count(), theirs.lines().count());
    }
}

/// Does so many operations below a directory, and writes down what they answer.
fn answers(at: &str, seed: u64, len: usize) -> String {
    let mut n = Numbers(seed);
    let mut open = [null_mut::<FILE>(); 3];
    let mut last = [Last::Opened; 3];
    let mut said = String::new();
    for _ in 0..len {
        let slot = n.below(3) as usize;
        // SAFETY: the streams are open, or made by this operation; names and texts are C strings.
        unsafe {
            *libc::__errno_location() = 0;
            let line = match open[slot].is_null() {
                true => {
                    last[slot] = Last::Opened;
                    without(at, &mut n, &mut open[slot])
                }
                false => with(at, &mut n, &mut open[slot], &mut last[slot]),
            };
            let _ = writeln!(said, "{slot}: {line}");
        }
    }
    for stream in open.into_iter().filter(|s| !s.is_null()) {
        // SAFETY: open, and not used again.
        let _ = writeln!(said, "{}", unsafe { libc::fclose(stream) });
    }
    said
}

/// What a stream did last. Where C leaves open what comes of two operations in a row, glibc's answer
/// may depend on where its buffers lie.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Opened,
    Read,
    Wrote,
    Moved,
}

/// An answer, with the error number where it is a failure.
fn told(name: &str, answer: i64) -> String {
    // SAFETY: libc's own word.
    let number = if answer < 0 { unsafe { *libc::__errno_location() } } else { 0 };
    format!("{name} {answer} {number}")
}

fn path(at: &str, n: &mut Numbers) -> CString {
    let name = NAMES[n.below(6) as usize];
    CString::new(format!("{at}/{name}")).expect("no zero in it")
}

/// A name and a mode; directories are opened to be written, which fails.
fn named(at: &str, n: &mut Numbers) -> (CString, &'static CStr) {
    let (name, mode) = (path(at, n), MODES[n.below(9) as usize]);
    let is_dir = name.as_bytes().ends_with(b".");
    (name, if is_dir { c"w" } else { mode })
}

/// # Safety
/// `slot` is to hold a stream.
unsafe fn without(at: &str, n: &mut Numbers, slot: &mut *mut FILE) -> String {
    let (name, mode) = named(at, n);
    // SAFETY: C strings, and records large enough.
    unsafe {
        match n.below(8) {
            0 => told("remove", libc::remove(name.as_ptr()).into()),
            1 => told("rename", libc::rename(name.as_ptr(), path(at, n).as_ptr()).into()),
            2 => told("rmdir", libc::rmdir(name.as_ptr()).into()),
            3 => told("access", libc::access(name.as_ptr(), libc::F_OK).into()),
            4 => {
                *slot = libc::tmpfile();
                told("tmpfile", opened(*slot))
            }
            5 => {
                let fd = libc::open(name.as_ptr(), libc::O_RDWR | libc::O_CREAT, 0o644);
                if fd < 0 {
                    return told("open", fd.into());
                }
                *slot = libc::fdopen(fd, mode.as_ptr());
                let line = told("fdopen", opened(*slot));
                if slot.is_null() {
                    libc::close(fd);
                }
                line
            }
            _ => {
                *slot = libc::fopen(name.as_ptr(), mode.as_ptr());
                told(
                    &format!("fopen {} {mode:?}", &name.to_string_lossy()[at.len()..]),
                    opened(*slot),
                )
            }
        }
    }
}

fn opened(stream: *mut FILE) -> i64 {
    if stream.is_null() { -1 } else { 0 }
}

/// # Safety
/// `slot` holds an open stream.
unsafe fn with(at: &str, n: &mut Numbers, slot: &mut *mut FILE, last: &mut Last) -> String {
    let f = *slot;
    let mut room = [0u8; 9000];
    let amount = match n.below(8) {
        0 => 4096 + n.below(4900),
        _ => n.below(40),
    } as usize;
    room[..amount].iter_mut().for_each(|b| *b = b"abc 12\n"[n.below(7) as usize]);
    let (mut what, before) = (n.below(20), *last);
    let next = match what {
        2..=4 | 8 | 18 => Last::Wrote,
        5..=7 | 9 | 10 | 19 => Last::Read,
        1 => Last::Opened,
        17 if *last != Last::Opened => *last,
        11 | 12 | 16 => Last::Moved,
        _ => *last,
    };
    if what == 17 && *last != Last::Opened
        || matches!((*last, next), (Last::Read, Last::Wrote) | (Last::Wrote, Last::Read))
    {
        (what, *last) = (16, Last::Moved);
    } else {
        *last = next;
    }
    // SAFETY: an open stream, buffers of the sizes that are told, C strings.
    unsafe {
        match what {
            0 => {
                *slot = null_mut();
                told("fclose", libc::fclose(f).into())
            }
            1 => {
                let (name, mode) = named(at, n);
                *slot = libc::freopen(name.as_ptr(), mode.as_ptr(), f);
                told(
                    &format!("freopen {} {mode:?}", &name.to_string_lossy()[at.len()..]),
                    opened(*slot),
                )
            }
            2..=4 => told("fwrite", libc::fwrite(room.as_ptr().cast(), 1, amount, f) as i64),
            5 | 6 => {
                let got = libc::fread(room.as_mut_ptr().cast(), 1, amount, f);
                format!("fread {got} {:?}", &room[..got.min(30)])
            }
            7 => told("fgetc", libc::fgetc(f).into()),
            8 => told("fputc", libc::fputc(n.below(256) as c_int, f).into()),
            9 => told("ungetc", libc::ungetc(b'u'.into(), f).into()),
            10 => {
                let got = libc::fgets(room.as_mut_ptr().cast(), 20, f);
                let text = (!got.is_null()).then(|| CStr::from_ptr(got));
                format!("fgets {text:?}")
            }
            11 | 12 => {
                let by = n.below(60) as i64 - 20;
                let answer = libc::fseek(f, by, n.below(4) as c_int);
                if answer != 0 {
                    // It has not moved: a write behind a read is as undefined as before.
                    *last = before;
                }
                told("fseek", answer.into())
            }
            13 => told("ftell", libc::ftell(f)),
            14 => told("fflush", libc::fflush(f).into()),
            15 => {
                let (feof, ferror) = (libc::feof(f) != 0, libc::ferror(f) != 0);
                if n.below(2) == 0 {
                    libc::clearerr(f);
                }
                format!("feof {feof} ferror {ferror}")
            }
            16 => {
                libc::rewind(f);
                told("rewind", libc::ftell(f))
            }
            17 => {
                let mode = BUFFERINGS[n.below(3) as usize];
                told("setvbuf", libc::setvbuf(f, null_mut(), mode, 0).into())
            }
            18 => {
                let value = n.below(1000) as c_int;
                told(
                    "fprintf",
                    libc::fprintf(f, c"%d,%-5s|".as_ptr(), value, c"xy".as_ptr()).into(),
                )
            }
            _ => {
                let (mut number, mut word) = (0, [0u8; 12]);
                let format = c"%d%11s".as_ptr();
                let got = libc::fscanf(f, format, &raw mut number, word.as_mut_ptr());
                format!("fscanf {got} {number} {word:?}")
            }
        }
    }
}
