//! The engine `serial` for C: what it prints is what `spaces` prints, and sanitizers, Valgrind and
//! gdb work with it, each with the proof that it would find an error.

#[path = "support/cc.rs"]
mod cc;

use cc::{Build, Link, built};
use detpar_tests::harness::Program;
use std::path::{Path, PathBuf};
use std::process::Command;

const SANITIZERS: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"];

/// What a tool is started with so that blocks come from the library.
const VALGRIND: [&str; 4] = [
    "--soname-synonyms=somalloc=nouserintercepts",
    "--leak-check=full",
    "--errors-for-leak-kinds=definite",
    "--error-exitcode=9",
];

fn build(name: &str, program: &str, flags: &[&str]) -> PathBuf {
    let build = Build::new(&format!("tools-{name}"), Link::Shared).flag("-O0");
    flags.iter().fold(build, |b, flag| b.flag(flag)).program(program)
}

fn serial(program: impl AsRef<Path>) -> Program {
    Program::new(program.as_ref()).env("DETPAR_ENGINE", "serial")
}

/// With AddressSanitizer: the library stands first, and a report is a fault of the child.
fn sanitized(path: &Path) -> Program {
    let library = built().join("libdetpar_c.so");
    serial(path).env("LD_PRELOAD", library.to_str().expect("a path in UTF-8")).env(
        "ASAN_OPTIONS",
        "verify_asan_link_order=0:detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=1",
    )
}

/// Whether a tool is there; without it the test says so and does nothing.
fn has(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").output().is_ok_and(|o| o.status.success());
    if !there {
        eprintln!("skipped: {tool} is not installed");
    }
    there
}

#[test]
fn prints_what_spaces_prints() {
    for level in ["-O0", "-O2"] {
        let path = build(&format!("serial{level}"), "fork", &[level]);
        let args = ["one", ""];
        let spaces = Program::new(&path).args(&args).run().expect(0).text();
        assert_eq!(serial(&path).args(&args).run().expect(0).text(), spaces);
    }
}

/// Signals, ends of children, buffers, descriptors, libraries.
#[test]
fn children_disturb_nothing_and_lose_nothing() {
    let path = build("serial-alone", "serial", &[]);
    let library = path.with_file_name("library.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/library.c");
    let gcc =
        Command::new("gcc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(gcc.expect("gcc").success());
    let library = library.to_str().expect("a path in UTF-8");
    for case in ["handlers", "forks", "few"] {
        serial(&path).arg(case).run().expect(0);
    }
    serial(&path).args(&["loaded", library]).run().expect(0);
    serial(&path).arg("streams").arg(&source).run().expect(0);
    for case in ["fails", "ends", "buffer", "mapped"] {
        let spaces = Program::new(&path).arg(case).run().expect(0).text();
        assert_eq!(serial(&path).arg(case).run().expect(0).text(), spaces, "{case}");
    }
}

#[test]
fn raw_calls_and_static_programs_are_refused() {
    let path = build("raw", "planted", &[]);
    assert_eq!(serial(&path).arg("raw").run().expect(0).text(), "planted: ok\n");
    let path = Build::new("tools-static", Link::Static).program("planted");
    let run = serial(&path).arg("none").run().expect(78);
    assert!(run.err_text().contains("shared library"), "{}", run.err_text());
    let path = build("late", "planted", &SANITIZERS);
    let run = serial(&path).arg("none").env("ASAN_OPTIONS", "detect_leaks=0").run().expect(78);
    assert!(run.err_text().contains("LD_PRELOAD"), "{}", run.err_text());
}

#[test]
fn sanitizers_find_what_is_planted_and_nothing_else() {
    // It has a child that writes to null, which is to be a fault.
    let fork = build("sanitized", "fork", &SANITIZERS[..1]);
    let args = ["one", ""];
    let spaces = Program::new(build("plain", "fork", &[])).args(&args).run().expect(0).text();
    assert_eq!(sanitized(&fork).args(&args).run().expect(0).text(), spaces);

    let path = build("planted", "planted", &SANITIZERS);
    let run = sanitized(&path).arg("none").run().expect(0);
    assert_eq!((run.text().as_str(), run.err_text().as_str()), ("planted: ok\n", ""));
    for (error, found) in [
        ("overflow", "use-after-poison"),
        ("freed", "use-after-poison"),
        ("signed", "signed integer overflow"),
    ] {
        let run = sanitized(&path).arg(error).run().expect(3);
        assert!(run.err_text().contains(found), "{error}: {}", run.err_text());
        assert_eq!(run.text(), "child: failed\n");
    }
    // Memory of the tool's own is a child's to use, that of the program is not.
    let mapped = build("sanitized-mapped", "serial", &SANITIZERS[..1]);
    let by_tool = sanitized(&mapped).arg("mapped").run().expect(0);
    let found = by_tool.err_text().matches("SEGV on unknown address").count();
    assert_eq!(found, by_tool.text().matches(": a fault\n").count(), "{}", by_tool.err_text());
    assert_eq!(by_tool.text(), serial(build("mapped", "serial", &[])).arg("mapped").run().text());
    // Behind a block that a child has handed over.
    let run = sanitized(&path).arg("merged").run();
    assert!(run.err_text().contains("use-after-poison"), "{}", run.err_text());
}

#[test]
fn valgrind_finds_what_is_planted_and_nothing_else() {
    if !has("valgrind") {
        return;
    }
    let path = build("valgrind", "planted", &[]);
    let run = |error: &str| {
        let program = serial("valgrind").args(&VALGRIND);
        program.arg(&path).arg(error).run()
    };
    assert_eq!(run("none").expect(0).text(), "planted: ok\n");
    for (error, found) in [
        ("overflow", "0 bytes after a block of size 100"),
        ("freed", "inside a block of size 100 free'd"),
        ("merged", "3 bytes after a block of size 100"),
        ("unset", "uninitialised"),
        ("leak", "100 bytes in 1 blocks are definitely lost"),
    ] {
        let text = run(error).err_text();
        assert!(text.contains(found), "{error}: {text}");
    }
}

/// All of fork and join under Valgrind: half a minute.
#[test]
#[ignore = "long"]
fn fork_and_join_under_valgrind() {
    if !has("valgrind") {
        return;
    }
    let path = build("valgrind-fork", "fork", &[]);
    let run = serial("valgrind").arg(VALGRIND[0]).arg(&path).args(&["one", ""]).run().expect(0);
    assert!(run.text().ends_with("fork: ok\n"));
}

#[test]
fn gdb_stops_in_a_child_and_shows_its_stack() {
    if !has("gdb") {
        return;
    }
    let path = build("gdb", "planted", &[]);
    let script = [
        "set startup-with-shell off",
        "set environment DETPAR_ENGINE=serial",
        "set follow-fork-mode child",
        "break in_a_child",
        "run",
        "backtrace",
    ];
    let mut gdb = Program::new("gdb").args(&["-q", "-batch", "-nx"]);
    for line in script {
        gdb = gdb.args(&["-ex", line]);
    }
    let text = gdb.arg("--args").arg(&path).arg("none").run().text();
    let frames: Vec<&str> = text.lines().filter(|l| l.starts_with('#')).collect();
    let shown = |i: usize, name: &str| frames.get(i).is_some_and(|f| f.contains(name));
    assert!(shown(0, "in_a_child (argv=") && shown(1, "main (argc=2"), "{text}");
}
