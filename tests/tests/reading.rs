//! Standard input in children: line by line, in program order, however it arrives.
use detpar_tests::harness::{self, Program, Run, WORKERS};
use std::fs::File;
use std::io::{PipeReader, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

const CASES: [&str; 12] = [
    "lines",
    "nested",
    "of_the_master_too",
    "streams_of_c",
    "open",
    "at_barriers",
    "failed",
    "pieces",
    "again",
    "polled",
    "about",
    "all_at_once",
];

fn program(case: &str) -> Program {
    Program::new(env!("CARGO_BIN_EXE_reading")).arg(case)
}

/// Numbers in lines; for the case that reads pieces lines of all lengths, and bytes without one.
fn input(case: &str) -> Vec<u8> {
    if case != "pieces" {
        return (1..=60).flat_map(|i| format!("{i}00\n").into_bytes()).collect();
    }
    let lines = [0usize, 1, 5, 2047, 2048, 2049, 6000, 90, 3, 3].iter().enumerate();
    let text = lines.flat_map(|(i, len)| {
        let line = (0..*len).map(move |k| b'a' + ((i + k) % 26) as u8);
        line.chain([b'\n'])
    });
    text.chain((0..9000u32).map(|i| (i * 7 % 251) as u8).filter(|b| *b != b'\n')).collect()
}

/// Makes an open file the program's standard input.
fn reads(program: Program, from: impl AsRawFd + Send + Sync + 'static) -> Program {
    program.before(move || {
        // SAFETY: has no memory operands.
        harness::check(unsafe { libc::dup2(from.as_raw_fd(), 0) }).map(drop)
    })
}

/// A pipe into which bytes go in pieces of some size, with pauses.
fn pipe(bytes: Vec<u8>, piece: usize, pause: Duration) -> PipeReader {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    thread::spawn(move || {
        for piece in bytes.chunks(piece) {
            if writer.write_all(piece).is_err() {
                // The program has ended before all was read.
                return;
            }
            thread::sleep(pause);
        }
    });
    reader
}

/// A file that is gone after its test.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, bytes: &[u8]) -> Temporary {
        let name = format!("detpar-reading-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).expect("a file");
        Temporary(path)
    }

    fn open(&self) -> File {
        File::open(&self.0).expect("a file")
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What it prints with a file as its input.
fn reference(case: &str) -> Run {
    let file = Temporary::new(&format!("reference-{case}"), &input(case));
    reads(program(case).workers(2), file.open()).run().expect(0)
}

#[test]
fn children_read_in_program_order() {
    let text = |case| reference(case).text();
    let lines = text("lines");
    assert!(lines.contains("3: [\"400\\n\", \"500\\n\", \"600\\n\"]\n"), "{lines}");
    assert!(lines.contains("11: [\"1600\\n\", \"1700\\n\", \"1800\\n\"]\n"), "{lines}");
    assert_eq!(
        text("of_the_master_too"),
        "\"100\\n\" '2' (\"00\\n\", (\"300\\n\", \"400\\n\"))\n\"500\\n\"\n\
         ([54, 48, 48, 10], [55, 48, 48])\n\"\\n\"\n\"800\\n\"\nof_the_master_too: ok\n"
    );
    assert_eq!(
        text("streams_of_c"),
        "'1' \"00\\n\"\n(((1, 200), (1, 300)), (\"400\\n\", (1, 500)))\n\"600\\n\"\n\
         ((\"700\\n\", \"800\\n\"), \"900\\n\") \"1000\\n\"\nstreams_of_c: ok\n"
    );
    assert_eq!(
        text("at_barriers"),
        "0: \"100\\n\" \"400\\n\" \"600\\n\"\n1: \"200\\n\" \"nothing\" \"700\\n\"\n\
         2: \"300\\n\" \"500\\n\" \"800\\n\"\n\"900\\n\"\nat_barriers: ok\n"
    );
    assert_eq!(
        text("failed"),
        "\"100\\n\"\n\"200\\n\"\n\"300\\n\"\n\"400\\n\"\n\"500\\n\"\nfailed: ok\n"
    );
    assert_eq!(
        text("open"),
        "\"100\\n\" (\"200\\n\", \"300\\n\") \"400\\n\" \"500\\n\" \"600\\n\"\n\
         \"700\\n\" [90800, 111000, 131200, 151400]\nopen: ok\n"
    );
}

/// Whatever the number of workers, the schedule, checking mode.
#[test]
fn the_same_everywhere() {
    for case in CASES {
        let expected = reference(case);
        let file = Temporary::new(&format!("everywhere-{case}"), &input(case));
        let same = |program: Program, what: &str| {
            let run = reads(program, file.open()).run().expect(0);
            assert_eq!(run.text(), expected.text(), "{case}, {what}");
        };
        for workers in WORKERS {
            same(program(case).workers(workers), &format!("{workers} workers"));
        }
        for seed in 1..=4 {
            let workers = 1 + seed as usize % 3;
            same(program(case).workers(workers).chaos(seed), &format!("seed {seed}"));
        }
        same(program(case).workers(2).env("DETPAR_CHECK", "1"), "checking mode");
    }
}

/// From a pipe, in pieces of any size, with and without pauses.
#[test]
fn however_it_arrives() {
    for case in CASES {
        let expected = reference(case).text();
        for (piece, pause) in [(1 << 20, 0), (7, 300), (1, 0), (4096, 2000)] {
            let pipe = pipe(input(case), piece, Duration::from_micros(pause));
            let run = reads(program(case).workers(2), pipe).run().expect(0);
            assert_eq!(run.text(), expected, "{case}, pieces of {piece}");
        }
    }
}

/// A terminal gives its lines one by one, and children see none.
#[test]
fn from_a_terminal() {
    for case in ["lines", "nested", "open", "at_barriers", "streams_of_c"] {
        let (mut master, mut slave) = (0, 0);
        let none = std::ptr::null_mut();
        // SAFETY: two numbers are written; nothing else is passed.
        let made = unsafe {
            libc::openpty(&raw mut master, &raw mut slave, none, none.cast(), none.cast())
        };
        harness::check(made).expect("a terminal");
        // SAFETY: just opened, and nobody else's.
        let (mut keyboard, screen) = unsafe {
            use std::os::fd::FromRawFd;
            (File::from_raw_fd(master), File::from_raw_fd(slave))
        };
        let running = reads(program(case).workers(2), screen).start();
        for line in input(case).split_inclusive(|b| *b == b'\n') {
            keyboard.write_all(line).expect("a line typed");
            thread::sleep(Duration::from_micros(200));
        }
        let run = running.wait().expect(0);
        assert_eq!(run.text(), reference(case).text(), "{case}");
    }
}

/// A record has what children read, and a replay needs no input.
#[test]
fn recorded_and_replayed() {
    for case in CASES {
        let record = Temporary::new(&format!("record-{case}"), b"");
        std::fs::remove_file(&record.0).expect("the file");
        let path = record.0.to_str().expect("a path in UTF-8");
        let pipe = pipe(input(case), 90, Duration::from_micros(100));
        let run = reads(program(case).workers(2).env("DETPAR_RECORD", path), pipe).run().expect(0);
        assert_eq!(run.text(), reference(case).text(), "{case}");
        for workers in [1, 3] {
            let again = program(case).workers(workers).env("DETPAR_REPLAY", path).run().expect(0);
            assert_eq!(again.text(), run.text(), "{case}, {workers} workers");
        }
    }
}

/// What is kept for those that run once more has an end, and input is not lost by that.
#[test]
fn more_than_is_kept() {
    const ALL: u64 = 300 << 20;
    let file = Temporary::new("large", b"");
    let large = File::options().write(true).open(&file.0).expect("a file");
    large.set_len(ALL).expect("a hole");
    let run = reads(program("too_much").workers(2), file.open()).run().expect(0);
    assert_eq!(run.text(), format!("{ALL} 0\ntoo_much: ok\n"));
}

/// Nothing is there, or nothing can be read.
#[test]
fn without_input() {
    let run = program("lines").workers(2).run().expect(0);
    assert!(run.text().contains("3: [\"\", \"\", \"\"]\n"), "{}", run.text());
    let closed = program("lines").workers(2).before(|| {
        // SAFETY: has no memory operands.
        harness::check(unsafe { libc::close(0) }).map(drop)
    });
    // std takes a closed descriptor for the end, and C's calls are told.
    assert_eq!(closed.run().expect(0).text(), run.text());
}

/// While children wait for their lines others go on, and whoever is killed is missed at once.
#[test]
fn workers_killed_while_they_wait() {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(b"100\n2").expect("the beginning");
    let running = reads(program("nested").workers(2), reader).start();
    thread::sleep(Duration::from_millis(300));
    for worker in harness::children(running.pid()) {
        // SAFETY: has no memory operands.
        unsafe { libc::kill(worker as i32, libc::SIGKILL) };
    }
    let run = running.wait();
    assert_eq!(run.code(), Some(101), "{}", run.err_text());
    assert!(run.err_text().contains("SIGKILL"), "{}", run.err_text());
    drop(writer);
}
