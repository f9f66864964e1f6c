//! Programs in C, at all levels of optimisation and in all ways to link.

#[path = "support/cc.rs"]
mod cc;

use cc::{Build, Link};
use detpar_tests::harness::{Program, check};
use std::fs;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::Command;

/// Runs a program at 1, 2 and 8 workers, and under a perturbed schedule; what it prints is the same
/// in all runs.
fn same_at_all(path: &Path, args: &[&str]) -> String {
    let folder = path.parent().expect("a folder");
    let run = |p: Program| p.dir(folder).args(args).run().expect(0).text();
    let first = run(Program::new(path).workers(1));
    for workers in [2, 8] {
        assert_eq!(run(Program::new(path).workers(workers)), first, "{workers} workers");
    }
    assert_eq!(run(Program::new(path).workers(3).chaos(1)), first, "a perturbed schedule");
    first
}

/// Builds a program at all levels and in all ways; the first runs at all numbers of workers.
fn in_all_builds(name: &str, args: &[&str]) {
    let paths = BUILDS.map(|(level, link)| {
        Build::new(&format!("{name}{level}-{link:?}"), link).flag(level).program(name)
    });
    let first = same_at_all(&paths[0], args);
    assert!(first.ends_with(&format!("{name}: ok\n")), "{first}");
    for path in &paths[1..] {
        let out = Program::new(path).workers(2).args(args).run().expect(0).text();
        assert_eq!(out, first, "{}", path.display());
    }
}

/// The levels, each with one of the ways to link, so that every way and every level is there.
const BUILDS: [(&str, Link); 5] = [
    ("-O0", Link::Shared),
    ("-O1", Link::SharedFixed),
    ("-O2", Link::Shared),
    ("-O2", Link::Static),
    ("-O3", Link::StaticFixed),
];

#[test]
fn fork_and_join() {
    in_all_builds("fork", &["one", ""]);
}

/// What children print is delivered when they are waited for, once, and what they read is read then.
#[test]
fn standard_streams_of_those_that_are_waited_for() {
    let path = Build::new("wait", Link::Shared).flag("-O2").program("wait");
    let expected = include_str!("c/wait.out");
    for workers in [1, 2, 8] {
        assert_eq!(with_lines(&path, false, |p| p.workers(workers)), expected, "{workers} workers");
    }
    for seed in [1, 2] {
        let out = with_lines(&path, true, |p| p.workers(4 - seed).chaos(seed as u64));
        assert_eq!(out, expected, "seed {seed}");
    }
}

/// Runs a program whose standard input is a file of lines, or such a pipe.
fn with_lines(path: &Path, pipe: bool, around: impl Fn(Program) -> Program) -> String {
    let lines: String = (1..=12).map(|i| format!("line {i}\n")).collect();
    let input: OwnedFd = if pipe {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        writer.write_all(lines.as_bytes()).expect("room");
        reader.into()
    } else {
        let input = path.with_file_name("lines");
        fs::write(&input, lines).expect("a file");
        fs::File::open(&input).expect("a file").into()
    };
    let program = Program::new(path).before(move || {
        // SAFETY: has no memory operands.
        check(unsafe { libc::dup2(input.as_raw_fd(), 0) }).map(drop)
    });
    around(program).run().expect(0).text()
}

/// Children read by getline, scanf and getchar: the same with the library's buffer, with one of the
/// program's, in which they would meet, and with none; from a file and from a pipe.
#[test]
fn standard_input_by_lines_numbers_and_characters() {
    let path = Build::new("input", Link::Shared).flag("-O2").program("input");
    let expected = with_lines(&path, false, |p| p.workers(1).arg("common"));
    let read = ["child 3 has line 5\n", "1: 3, scanned\n", "then line 6\n", "at last line 12\n"];
    assert!(read.iter().all(|line| expected.contains(line)), "{expected}");
    for buffer in ["common", "own", "none"] {
        for pipe in [false, true] {
            let runs = [1, 2, 8].map(|n| with_lines(&path, pipe, |p| p.workers(n).arg(buffer)));
            assert!(runs.iter().all(|out| *out == expected), "{buffer}, {pipe}: {runs:?}");
            let out = with_lines(&path, pipe, |p| p.workers(3).chaos(1).arg(buffer));
            assert_eq!(out, expected, "{buffer}, {pipe}, a perturbed schedule");
            // What a buffer of the program's has read ahead of a pipe cannot be given back.
            if !(pipe && buffer == "own") {
                let serial = |p: Program| p.env("DETPAR_ENGINE", "serial").arg(buffer);
                assert_eq!(with_lines(&path, pipe, serial), expected, "{buffer}, {pipe}, serial");
            }
        }
    }
}

#[test]
fn put_get_and_ret() {
    in_all_builds("raw", &[]);
}

#[test]
fn signals_handlers_and_forks_of_the_master() {
    in_all_builds("master", &[]);
}

#[test]
fn wrong_arguments_are_refused() {
    in_all_builds("wrong", &[]);
}

/// Another compiler, where it is installed.
#[test]
fn with_clang() {
    if Command::new("clang").arg("--version").output().is_err() {
        eprintln!("skipped: clang is not installed");
        return;
    }
    for (level, link) in BUILDS {
        let build = Build::new(&format!("clang{level}-{link:?}"), link);
        let build = build.compiler("clang").flag(level);
        for (name, args) in [("fork", &["one", ""][..]), ("raw", &[]), ("master", &[])] {
            let path = build.program(name);
            let out = Program::new(&path).workers(2).args(args).run().expect(0).text();
            assert!(out.ends_with(&format!("{name}: ok\n")), "{}: {out}", path.display());
        }
    }
}

/// What docs/c.md says of it: the linker refuses, by a name that libc and the library both define.
#[test]
fn a_fully_static_program_is_refused() {
    let build = Build::new("refused", Link::StaticFixed).flag("-static");
    let why = build.try_source(Path::new("tests/c/planted.c")).expect_err("it links");
    assert!(why.contains("multiple definition of `__libc_start_main'"), "{why}");
}

/// Each function of stdio, and what libc keeps in static memory, answers in three children at once what
/// it answers the master on the host.
#[test]
fn stdio_and_hidden_state_of_children() {
    let path = Build::new("stdio", Link::Shared).flag("-O2").program("stdio");
    let out = same_at_all(&path, &[]);
    assert!(out.ends_with("stdio: ok\n"), "{out}");
}

#[test]
fn files_of_children() {
    let path = Build::new("files", Link::Static).flag("-O2").program("files");
    assert_eq!(same_at_all(&path, &[]), "files: ok\n");
}

/// Every build at every number of workers and under fifty schedules.
#[test]
#[ignore = "long"]
fn in_all_builds_and_schedules() {
    for (name, args) in [("fork", &["one", ""][..]), ("raw", &[])] {
        for (level, link) in BUILDS {
            let build = Build::new(&format!("long-{name}{level}-{link:?}"), link).flag(level);
            let path = build.program(name);
            same_at_all(&path, args);
            for seed in 2..=50 {
                Program::new(&path).workers(3).chaos(seed).args(args).run().expect(0);
            }
        }
    }
}
