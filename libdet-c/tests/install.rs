//! What `cargo xtask install-c` installs can be used from there.

#[path = "support/cc.rs"]
mod cc;

use detpar_tests::harness::Program;
use std::path::{Path, PathBuf};
use std::process::Command;

fn run(command: &mut Command) -> String {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}\n{err}");
    String::from_utf8_lossy(&out.stdout).trim().into()
}

/// Installs into a folder of this test's.
fn install() -> PathBuf {
    let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join("prefix");
    let _ = std::fs::remove_dir_all(&prefix);
    let mut xtask = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    xtask.args(["xtask", "install-c", "--prefix"]).arg(&prefix);
    xtask.arg("--built").arg(cc::built());
    run(xtask.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository")));
    prefix
}

/// Flags of an installed package.
fn flags(prefix: &Path, package: &str) -> Vec<String> {
    let mut config = Command::new("pkg-config");
    config.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    let flags = run(config.args(["--cflags", "--libs", package]));
    flags.split_whitespace().map(String::from).collect()
}

#[test]
fn programs_are_built_by_pkg_config() {
    let prefix = install();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = prefix.join("fork");
    let mut cc = Command::new("cc");
    cc.arg(folder.join("tests/c/fork.c")).arg("-o").arg(&program);
    run(cc.args(flags(&prefix, "detpar")));
    let out = Program::new(&program).args(&["one", ""]).run().expect(0).text();
    assert!(out.ends_with("fork: ok\n"), "{out}");
    // It is this library that it finds, by its soname.
    let found = run(Command::new("ldd").arg(&program));
    let wanted = prefix.join("lib/libdetpar.so.0");
    assert!(found.contains(&format!("libdetpar.so.0 => {}", wanted.display())), "{found}");

    for page in ["man3/det_fork.3", "man3/det_join.3", "man3/det_dput.3", "man7/detpar.7"] {
        assert!(prefix.join("share/man").join(page).is_file(), "{page}");
    }
    assert!(prefix.join("lib/cmake/detpar/detparConfig.cmake").is_file());

    by_cmake(&prefix);
    ordinary_programs(&prefix, &folder.join("tests/c/plain"));
}

/// A project of CMake finds the library, where CMake is installed.
fn by_cmake(prefix: &Path) {
    if Command::new("cmake").arg("--version").output().is_err() {
        eprintln!("skipped: cmake is not installed");
        return;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/fork.c");
    let project = prefix.join("project");
    std::fs::create_dir_all(&project).expect("a folder");
    let text = format!(
        "cmake_minimum_required(VERSION 3.13)\nproject(p C)\nfind_package(detpar REQUIRED)\n\
         add_executable(fork {})\ntarget_link_libraries(fork detpar::detpar)\n",
        source.display()
    );
    std::fs::write(project.join("CMakeLists.txt"), text).expect("a project");
    let path = format!("-DCMAKE_PREFIX_PATH={}", prefix.display());
    run(Command::new("cmake").current_dir(&project).args(["-B", "build", &path]));
    run(Command::new("cmake").current_dir(&project).args(["--build", "build"]));
    let out = Program::new(project.join("build/fork")).args(&["one", ""]).run().expect(0).text();
    assert!(out.ends_with("fork: ok\n"), "{out}");
}

/// Sources that know nothing of this library print by the recipes what they print without.
fn ordinary_programs(prefix: &Path, sources: &Path) {
    let build = |name: &str, kind: &str, flags: &[String]| {
        let program = prefix.join(format!("{name}-{kind}"));
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-Wall", "-Wextra", "-Werror"]).arg("-o").arg(&program);
        run(cc.arg(sources.join(name).with_extension("c")).args(flags));
        program
    };
    let ran = |program: &Path, workers| {
        let program = Program::new(program).args(&["x"]).workers(workers).dir(prefix);
        let run = program.run();
        (run.code(), run.text())
    };
    let compat = flags(prefix, "detpar-compat");
    let child: Vec<_> = compat.iter().cloned().chain(["-DDET_COMPAT_CHILD".into()]).collect();
    for (name, flags) in [
        ("words", &flags(prefix, "detpar")),
        ("words", &child),
        ("greet", &flags(prefix, "detpar")),
        ("greet", &compat),
        ("greet", &child),
        ("forks", &compat),
        ("forks", &child),
    ] {
        let wanted = ran(&build(name, "host", &[]), 1);
        assert!(wanted.1.lines().count() > 2, "{name}: {wanted:?}");
        let program = build(name, "detpar", flags);
        for workers in [1, 2, 8] {
            assert_eq!(ran(&program, workers), wanted, "{name}, {flags:?}");
        }
    }
    // A main of every standard, by every compiler that is here: C23 declares no unknown parameters.
    for compiler in ["cc", "clang"] {
        if Command::new(compiler).arg("--version").output().is_err() {
            eprintln!("skipped: {compiler} is not installed");
            continue;
        }
        for standard in ["-std=gnu11", "-std=gnu2x"] {
            for main in
                ["int main(void) {}", "int main(int n, char **a) { return *a[n - 1] != 'x'; }"]
            {
                let (source, program) = (prefix.join("main.c"), prefix.join("main"));
                std::fs::write(&source, format!("{main}\n")).expect("a source");
                let mut cc = Command::new(compiler);
                cc.args([standard, "-O2", "-Wall", "-Wextra", "-Werror"]).arg(&source);
                run(cc.arg("-o").arg(&program).args(&child));
                assert_eq!(ran(&program, 2), (Some(0), String::new()), "{compiler} {standard}");
            }
        }
    }
    // What differs between runs of the ordinary program does not where main is a child.
    let host = build("clock", "host", &[]);
    assert_ne!(ran(&host, 1), ran(&host, 1));
    let program = build("clock", "detpar", &child);
    let first = ran(&program, 1);
    assert_eq!(first.0, Some(2), "{first:?}");
    for workers in [1, 2, 8] {
        assert_eq!(ran(&program, workers), first);
    }
}
