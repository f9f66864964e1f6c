//! The examples: what they print is what their twins of threads print.

#[path = "support/cc.rs"]
mod cc;

use cc::{Build, Link};
use detpar_tests::harness::Program;
use std::path::{Path, PathBuf};
use std::process::Command;

const EXAMPLES: [&str; 8] =
    ["actors", "life", "lu", "make", "matmult", "md5", "quicksort", "wordcount"];

fn example(build: &Build, name: &str) -> PathBuf {
    build.source(&Path::new("examples").join(name).with_extension("c"))
}

/// What a twin prints; it runs without the library.
fn twin(build: &Build, name: &str) -> String {
    let program = example(build, &format!("{name}_pthread"));
    let out = Command::new(&program).current_dir(build.folder()).output().expect("a program");
    assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text")
}

fn strict(name: &str, link: Link) -> Build {
    let flags = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2"];
    flags.iter().fold(Build::new(name, link), |build, flag| build.flag(flag))
}

#[test]
fn print_what_threads_print() {
    let (shared, threads) = (strict("examples", Link::Shared), strict("threads", Link::Threads));
    for name in EXAMPLES {
        let wanted = twin(&threads, name);
        assert!(!wanted.is_empty(), "{name}");
        let program = example(&shared, name);
        for workers in [1, 2, 8] {
            let run = Program::new(&program).dir(shared.folder()).workers(workers).run();
            assert_eq!(run.expect(0).text(), wanted, "{name}, {workers} workers");
        }
    }
}

/// A forgotten join is a wrong result, and the same one whatever happens.
#[test]
fn a_missing_join_is_as_wrong_every_time() {
    let build = strict("missing-join", Link::Shared);
    let lu = example(&build, "lu");
    let right = Program::new(&lu).run().expect(0).text();
    let run = |p: Program| p.args(&["missing-join"]).run().expect(0).text();
    let wrong = run(Program::new(&lu).workers(1));
    assert_ne!(wrong, right);
    for workers in [1, 2, 8] {
        for seed in 1..=3 {
            assert_eq!(run(Program::new(&lu).workers(workers).chaos(seed)), wrong);
        }
    }
}

/// The programs of `detpar-bench c-four`: each contender's does its work, and has the malloc that it
/// should have. One that is told another name does nothing.
#[test]
fn what_is_measured_is_right() {
    let bench = |name: &str, link: Link| {
        let build = Build::new(name, link).flag("-std=c11").flag("-O2").flag("-Iexamples");
        if link == Link::Threads { build.flag("-DTHREADS") } else { build }
    };
    let (detpar, threads) = (bench("measured", Link::Shared), bench("twins", Link::Threads));
    for case in ["md5", "qsort", "matmult", "lu"] {
        let source = Path::new("../bench/c").join(case).with_extension("c");
        let programs = [(detpar.source(&source), true), (threads.source(&source), false)];
        for (program, owns) in programs {
            let run = |who: &str| {
                let args = ["--measure", "c-four", case, "64", who, "2", "1000"];
                Program::new(&program).args(&args).workers(2).run()
            };
            let ways = if owns { ["detpar", "det_fork"] } else { ["pthread", "sequential"] };
            for who in ways {
                let answer = run(who).expect(0).text();
                assert!(answer.contains(&format!("\"owns_malloc\":{owns}}}")), "{who}: {answer}");
            }
            assert!(run("nobody").expect(64).text().is_empty());
        }
    }
}

/// All files of the folder are examples, twins, or what both include; the table names them all.
#[test]
fn the_table_has_all() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(folder.join("../docs/c.md")).expect("docs/c.md");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.join("examples")).expect("the examples").flatten() {
        let path = entry.path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        names.push(name.strip_suffix("_pthread").unwrap_or(&name).to_string());
    }
    names.sort();
    names.dedup();
    assert_eq!(names, EXAMPLES);
    for name in names {
        assert!(table.contains(&format!("| `{name}.c` |")), "docs/c.md lacks {name}.c");
    }
}
