//! Recorded inputs: a replay gives the same output on other inputs, and says where it cannot.
use detpar_tests::harness::{Program, Run};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

const PROGRAM: &str = env!("CARGO_BIN_EXE_inputs");

/// A directory that is gone after its test, with a record and the program's files.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let dir = std::env::temp_dir().join(format!("detpar-inputs-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        let place = Place(dir);
        place.set("one", "two");
        place
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path in UTF-8").into()
    }

    /// Sets what the file and standard input hold.
    fn set(&self, file: &str, input: &str) {
        fs::write(self.path("file"), file).expect("a file");
        fs::write(self.path("input"), input).expect("a file");
    }

    fn program(&self, case: &str) -> Program {
        self.started_as(PROGRAM, case)
    }

    fn started_as(&self, program: &str, case: &str) -> Program {
        let input = File::open(self.path("input")).expect("the input");
        Program::new(program).called(PROGRAM).arg(case).arg(self.path("file")).workers(2).before(
            move || {
                // SAFETY: has no memory operands.
                detpar_tests::harness::check(unsafe {
                    libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&input), 0)
                })
                .map(drop)
            },
        )
    }

    fn record(&self, case: &str) -> Program {
        self.program(case).env("DETPAR_RECORD", &self.path("record"))
    }

    fn replay(&self, case: &str) -> Program {
        self.program(case).env("DETPAR_REPLAY", &self.path("record"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn refused(run: Run, code: i32, words: &[&str]) {
    let run = run.expect(code);
    let said = String::from_utf8_lossy(&run.err);
    for word in words {
        assert!(said.contains(word), "{word} in {said}");
    }
}

#[test]
fn a_bad_pointer_is_the_calls_error() {
    let place = Place::new("pointers");
    let plain = place.program("pointers").run().expect(0);
    let recorded = place.record("pointers").run().expect(0);
    let replayed = place.replay("pointers").run().expect(0);
    let last = |run: &[u8]| {
        let text = String::from_utf8_lossy(run).into_owned();
        text.lines().last().unwrap_or_default().to_owned()
    };
    // The last is a write whose second part is bad from its fourth byte on: systems differ in how
    // much of it they print; the record prints what is there, and no part after it.
    let answers = |run: &[u8]| {
        let said = last(run);
        said[said.find('[').unwrap_or(0)..said.rfind(',').unwrap_or(0)].to_owned()
    };
    let (said, fault) = (answers(&plain.out), libc::EFAULT.to_string());
    assert_eq!(said.matches(&fault).count(), 9, "{said}");
    assert_eq!(answers(&recorded.out), said);
    let said = last(&recorded.out);
    assert!(said.starts_with("there was some abc[") && said.ends_with(", 18]"), "{said}");
    assert_eq!(replayed.out, recorded.out);
}

#[test]
fn a_program_that_closes_all_numbers_is_recorded_all_the_same() {
    let place = Place::new("numbers");
    let recorded = place.record("numbers").run().expect(0);
    assert!(recorded.out.ends_with(b", 499500)\n"));
    let replayed = place.replay("numbers").run().expect(0);
    assert_eq!(replayed.out, recorded.out);
}

#[test]
fn a_replay_gives_the_same_output_on_other_inputs() {
    let place = Place::new("same");
    let recorded = place.record("plain").env("MINE", "then").run().expect(0);
    let again = place.program("plain").env("MINE", "then").run().expect(0);
    assert_ne!(recorded.out, again.out, "its inputs are never the same");
    place.set("something else", "and longer than before");
    for workers in [1, 2, 8] {
        let replay = place.replay("plain").workers(workers).env("MINE", "now").env("NEW", "x");
        let run = replay.run().expect(0);
        assert_eq!((&run.out, &run.err), (&recorded.out, &recorded.err), "{workers} workers");
    }
    fs::remove_file(place.path("file")).expect("the file");
    assert_eq!(place.replay("plain").chaos(3).run().expect(0).out, recorded.out);
}

#[test]
fn an_exit_code_is_the_recorded_one() {
    let place = Place::new("code");
    for (case, code) in [("fails", 3), ("leaves", 4)] {
        place.record(case).run().expect(code);
        place.replay(case).run().expect(code);
    }
}

/// What a signal ends has an end in its record, and ends so once more.
#[test]
fn a_run_that_ends_by_a_signal_is_replayed() {
    for (case, signal) in [("aborts", libc::SIGABRT), ("faults", libc::SIGSEGV)] {
        let place = Place::new(case);
        let recorded = place.record(case).run().expect_signal(signal);
        place.set("else", "where");
        let again = place.replay(case).run().expect_signal(signal);
        assert_eq!((again.out, again.err), (recorded.out, recorded.err), "{case}");
    }
}

/// What a handler of faults calls is trapped on its stack: std gives that 8 KiB.
#[test]
fn handlers_of_faults_have_room_for_their_calls() {
    let place = Place::new("stack");
    let recorded = place.record("stack").run().expect(0);
    let text = recorded.text();
    let size: usize = text.lines().last().expect("lines").parse().expect("a number");
    assert!(size >= 256 << 10, "{size}");
    assert_eq!(place.replay("stack").run().expect(0).out, recorded.out);
}

#[test]
fn a_handler_of_faults_may_block_all_signals() {
    let place = Place::new("handler");
    let recorded = place.record("handler").run().expect(7);
    assert!(recorded.text().contains("a fault in"), "{}", recorded.text());
    assert_eq!(place.replay("handler").run().expect(7).out, recorded.out);
}

/// What a poll finds depends on the machine.
#[test]
fn polls_find_what_they_found() {
    let place = Place::new("polls");
    let recorded = place.record("polls").run().expect(0);
    for workers in [1, 2, 8] {
        let run = place.replay("polls").workers(workers).chaos(workers as u64).run().expect(0);
        assert_eq!(run.out, recorded.out, "{workers} workers");
    }
}

/// Which signals are ignored and blocked at the start is an input.
#[test]
fn inherited_signals_are_the_recorded_ones() {
    let set = |p: Program| {
        // SAFETY: plain calls of libc, before the program is started.
        p.before(|| unsafe {
            libc::signal(libc::SIGUSR1, libc::SIG_IGN);
            let mut set = std::mem::zeroed();
            libc::sigaddset(&mut set, libc::SIGUSR2);
            detpar_tests::harness::check(libc::sigprocmask(libc::SIG_BLOCK, &set, &mut set))
                .map(drop)
        })
    };
    let place = Place::new("signals");
    let recorded = set(place.record("signals")).run().expect(0);
    assert!(recorded.text().ends_with("(true, 1)\n"), "{}", recorded.text());
    assert_eq!(place.replay("signals").run().expect(0).out, recorded.out);
    let other = place.record("signals").run().expect(0);
    assert!(other.text().ends_with("(false, 0)\n"), "{}", other.text());
    assert_eq!(set(place.replay("signals")).run().expect(0).out, other.out);
}

/// A record over a file that others may read is its owner's alone.
#[test]
fn a_record_is_private() {
    let place = Place::new("private");
    fs::write(place.path("record"), "old").expect("room");
    fs::set_permissions(place.path("record"), Permissions::from_mode(0o644)).expect("a mode");
    place.record("plain").run().expect(0);
    let mode = fs::metadata(place.path("record")).expect("the record").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_run_that_leaves_its_record_is_ended_there() {
    let place = Place::new("differs");
    place.record("differs").run().expect(0);
    place.replay("differs").run().expect(0);
    let other = place.path("other");
    symlink(PROGRAM, &other).expect("a name");
    let run = place.started_as(&other, "differs").env("DETPAR_REPLAY", &place.path("record"));
    let run = run.env("DETPAR_ASLR", "keep").run();
    refused(run, 65, &["differs from its record at call", "recorded was", "the program made open"]);
}

#[test]
fn another_program_or_other_arguments_are_named() {
    let place = Place::new("other");
    place.record("plain").run().expect(0);
    refused(place.replay("fails").run(), 78, &["other arguments", "\"plain\"", "\"fails\""]);
    let copy = place.path("copy");
    let mut bytes = fs::read(PROGRAM).expect("the program");
    bytes.push(0);
    fs::write(&copy, bytes).expect("room");
    fs::set_permissions(&copy, fs::metadata(PROGRAM).expect("the program").permissions())
        .expect("a mode");
    let run = place.started_as(&copy, "plain").env("DETPAR_REPLAY", &place.path("record")).run();
    refused(run, 78, &["another program", "its build was"]);
}

#[test]
fn damaged_records_are_refused_at_the_start() {
    let place = Place::new("damaged");
    place.record("plain").run().expect(0);
    let whole = fs::read(place.path("record")).expect("the record");
    let write = |bytes: &[u8]| fs::write(place.path("record"), bytes).expect("room");
    write(&whole[..whole.len() - 5]);
    refused(place.replay("plain").run(), 78, &["cut off"]);
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    write(&flipped);
    refused(place.replay("plain").run(), 78, &["damaged at byte"]);
    write(b"#!/bin/sh\necho no record\n");
    refused(place.replay("plain").run(), 78, &["no record of a run"]);
    fs::remove_file(place.path("record")).expect("the record");
    refused(place.replay("plain").run(), 78, &["No such file"]);
}

#[test]
fn what_cannot_be_recorded_is_named() {
    let place = Place::new("refused");
    refused(place.record("socket").run(), 69, &["socket cannot be recorded", "a file or a pipe"]);
    refused(place.record("duplicate").run(), 69, &["fcntl", "output and error stay what they are"]);
    refused(place.record("command").run(), 69, &["cannot be recorded", "other programs"]);
    refused(place.record("thread").run(), 69, &["clone", "cannot be recorded"]);
    refused(place.replay("thread").run(), 78, &["cut off"]);
    let both = place.replay("plain").env("DETPAR_RECORD", &place.path("record"));
    refused(both.run(), 78, &["are both set"]);
    refused(place.record("plain").env("DETPAR_ENGINE", "serial").run(), 78, &["engine spaces"]);
}
