//! The book's C track: its programs are compiled and run as the book shows it.

#[path = "support/cc.rs"]
mod cc;

use detpar_tutorials::{difference, pages, root};
use std::fs;
use std::process::{Command, Stdio};

/// Runs a command in the repository; what it prints.
fn run(command: &mut Command) -> String {
    let out = command.current_dir(root()).stdin(Stdio::null()).output();
    let out = out.unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}\n{err}");
    String::from_utf8_lossy(&out.stdout).into_owned() + &err
}

/// Chapter 2 installs, and all others use what it has installed.
#[test]
fn commands_print_what_is_shown() {
    let mut compiled = Vec::new();
    for page in pages().unwrap() {
        for shown in page.commands().unwrap() {
            let typed = &shown.typed;
            let workers = match typed.split(' ').next() {
                Some("gcc") => {
                    compiled.extend(typed.split(' ').find(|w| w.ends_with(".c")).map(String::from));
                    &["1"][..]
                }
                Some(program) if program.starts_with("target/c/") => &["1", "2", "8"],
                _ if typed.starts_with("cargo xtask install-c ") => &["1"],
                _ => continue,
            };
            for count in workers {
                let mut sh = Command::new("sh");
                if typed.starts_with("cargo ") {
                    // Installs what this test was built with.
                    sh.args(["-c", &format!("{typed} --built \"$0\"")]).arg(cc::built());
                } else if typed.starts_with("gcc ") {
                    sh.args(["-c", &format!("{typed} -Werror")]);
                } else {
                    sh.args(["-c", typed]).env("DETPAR_WORKERS", count);
                }
                if let Some(difference) = difference(&shown.output, &run(&mut sh)) {
                    let (page, line) = (page.path.display(), shown.line);
                    panic!("{page}:{line}: $ {typed}\nat {count} workers, {difference}");
                }
            }
        }
    }
    for entry in fs::read_dir(root().join("tutorials/c")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("tutorials/c/{name}");
        assert!(!name.ends_with(".c") || compiled.contains(&path), "no page compiles {path}");
    }
}
