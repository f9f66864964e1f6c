//! The book and its programs agree: what is quoted exists, and what commands print is what is
//! shown, at 1, 2 and 8 workers.
use detpar_tutorials::{Page, difference, pages, read, root};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

const WORKERS: [&str; 3] = ["1", "2", "8"];

/// Those are tested where what they run is built: with the grader, the side tracks, and libdet-c.
const ELSEWHERE: [&str; 5] = [
    "cargo xtask grade ",
    "cargo run -q --release -p detpar-side ",
    "cargo xtask install-c ",
    "gcc ",
    "target/c/",
];

/// Takes minutes or needs tools that are not built here; `cargo xtask test` has a step for it.
const NOT_HERE: [&str; 2] = ["cargo xtask book", "cargo xtask test"];

/// What cargo built for this profile.
fn built() -> PathBuf {
    let exe = env::current_exe().expect("a test has a path");
    exe.ancestors().nth(2).expect("in target/PROFILE/deps").into()
}

/// The newest test program of a name, which no program has: cargo builds both into one folder.
fn test_program(name: &str) -> Option<PathBuf> {
    let is = |path: &Path| {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        file.rsplit_once('-').is_some_and(|(stem, hash)| stem == name && !hash.contains('.'))
    };
    assert!(!built().join(name).exists(), "a test and a program are both called {name}");
    let entries = fs::read_dir(built().join("deps")).ok()?;
    let found = entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| is(p));
    found.max_by_key(|p| fs::metadata(p).and_then(|m| m.modified()).ok())
}

/// What a typed command runs: `NAME=value` before it, and the built program for
/// `cargo run ... --bin X` and `cargo test ... --test X`, which saves asking cargo.
fn command(typed: &str) -> Command {
    let mut words = typed.split_whitespace().peekable();
    let mut environment = Vec::new();
    while let Some((name, value)) = words.peek().and_then(|w| w.split_once('=')) {
        environment.push((name.to_string(), value.to_string()));
        words.next();
    }
    let words: Vec<&str> = words.collect();
    let after = |flag: &str| words.iter().skip_while(|w| **w != flag).nth(1).copied();
    let arguments = || words.iter().skip_while(|w| **w != "--").skip(1);
    let program = match (&words[..], after("-p")) {
        (["cargo", "run", ..], Some("detpar-tutorials")) => {
            after("--bin").map(|name| built().join(name))
        }
        (["cargo", "run", ..], Some("detpar-cli")) => Some(built().join("detpar")),
        (["cargo", "run", ..], Some("detpar-detfs")) => Some(built().join("detfs")),
        (["cargo", "test", ..], Some("detpar-tutorials")) => after("--test").and_then(test_program),
        _ => None,
    };
    let mut command = match program.filter(|p| p.exists()) {
        Some(program) => {
            let mut command = Command::new(program);
            command.args(arguments());
            command
        }
        None => {
            let mut command = Command::new("sh");
            command.args(["-c", typed]);
            command
        }
    };
    command.current_dir(root()).stdin(Stdio::null()).envs(environment);
    command.env_remove("RUST_BACKTRACE").env("NO_COLOR", "1");
    command
}

/// Both streams, in the order in which they were written.
fn printed(command: Command) -> String {
    run(command).1
}

/// Whether it succeeded, and what it printed.
fn run(mut command: Command) -> (bool, String) {
    let (mut from, to) = io::pipe().expect("a pipe");
    command.stdout(to.try_clone().expect("a descriptor")).stderr(to);
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    drop(command);
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).expect("a pipe can be read");
    let status = child.wait().expect("a child ends");
    assert!(status.code().is_some(), "ended by a signal: {status}");
    (status.success(), String::from_utf8_lossy(&bytes).into_owned())
}

fn check_page(page: &Page) {
    let commands = page.commands().unwrap();
    for shown in &commands {
        let typed = &shown.typed;
        if ELSEWHERE.iter().chain(&NOT_HERE).any(|c| typed.starts_with(c)) {
            continue;
        }
        // A command that says how many workers it wants has them.
        let runs = if typed.contains("DETPAR_WORKERS") { &WORKERS[..1] } else { &WORKERS };
        for workers in runs {
            let mut command = command(typed);
            if !typed.contains("DETPAR_WORKERS") {
                command.env("DETPAR_WORKERS", workers);
            }
            let (succeeded, printed) = run(command);
            let (page, line) = (page.path.display(), shown.line);
            // Any output is like this one, that of a failure as well.
            let is_left_out = shown.output == ["[...]"];
            assert!(succeeded || !is_left_out, "{page}:{line}: $ {typed}\nfailed:\n{printed}");
            if let Some(difference) = difference(&shown.output, &printed) {
                panic!("{page}:{line}: $ {typed}\nat {workers} workers, {difference}");
            }
        }
    }
}

#[test]
fn quotations_exist() {
    for page in pages().unwrap() {
        for (line, include) in page.includes() {
            let text = page.quoted(&include);
            let text = text.unwrap_or_else(|e| panic!("{}:{line}: {e}", page.path.display()));
            assert!(!text.trim().is_empty(), "{}:{line}: it is empty", page.path.display());
        }
    }
}

/// With `DETPAR_UPDATE_DOCS` the outputs are written anew, but for those with `[...]`.
#[test]
fn programs_print_what_is_expected() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut programs = BTreeMap::new();
    for (folder, extension) in [("src/bin", "rs"), ("expected", "txt")] {
        for entry in fs::read_dir(here.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(path.extension().unwrap(), extension, "{}", path.display());
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            *programs.entry(name).or_insert(0) += 1;
        }
    }
    for (name, files) in programs {
        let path = here.join("expected").join(&name).with_extension("txt");
        let run = |workers| {
            let mut command = Command::new(built().join(&name));
            command.current_dir(root()).stdin(Stdio::null()).env("DETPAR_WORKERS", workers);
            command.env_remove("RUST_BACKTRACE").env("NO_COLOR", "1");
            printed(command)
        };
        if env::var_os("DETPAR_UPDATE_DOCS").is_some()
            && !read(&path).is_ok_and(|text| text.contains("[...]"))
        {
            fs::write(&path, run("1")).unwrap();
        } else {
            assert_eq!(files, 2, "a program without expected output, or the reverse: {name}");
        }
        let expected: Vec<String> = read(&path).unwrap().lines().map(String::from).collect();
        for workers in WORKERS {
            if let Some(difference) = difference(&expected, &run(workers)) {
                panic!("{name} at {workers} workers, {difference}");
            }
        }
    }
}

#[test]
fn commands_print_what_is_shown() {
    // Where the book's commands leave files.
    fs::create_dir_all(root().join("target")).unwrap();
    pages().unwrap().iter().for_each(check_page);
}

/// Other blocks than those of the language `console` are not run.
#[test]
fn no_page_shows_a_command_that_is_not_run() {
    for page in pages().unwrap() {
        let others = page.other_commands();
        assert!(others.is_empty(), "{}: not in a console block: {others:?}", page.path.display());
    }
}

/// What the README shows, and has a test of its own.
const README_ELSEWHERE: [&str; 4] = [
    // tests/tests/quickstart.rs
    "cargo run --release --example quickstart -- [DIR]",
    // What runs this test.
    "cargo xtask test",
    // libdet-c/tests/tutorial.rs runs both, with another folder and program.
    "cargo xtask install-c --prefix ~/.local",
    "PKG_CONFIG_PATH=~/.local/lib/pkgconfig cc program.c $(pkg-config --cflags --libs detpar)",
];

#[test]
fn commands_of_the_readme_run() {
    let readme = Page::at(&root().join("README.md")).unwrap();
    let folder = env::temp_dir().join(format!("detpar-readme-{}", std::process::id()));
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/main.rs"), "fn main() {}\n").unwrap();
    let mut elsewhere = Vec::new();
    for (line, typed) in readme.other_commands() {
        if README_ELSEWHERE.contains(&typed) {
            elsewhere.push(typed);
            continue;
        }
        let known = |what: &&str| typed.starts_with(&format!("cargo {what} "));
        let Some(what) = ["build", "run"].into_iter().find(known) else {
            panic!("README.md:{line}: nobody runs {typed}");
        };
        let rest = &typed[format!("cargo {what} ").len()..];
        let manifest = root().join("Cargo.toml");
        let from_here = format!("cargo {what} --manifest-path '{}' {rest}", manifest.display());
        let mut command = command(&from_here);
        command.current_dir(&folder);
        let (succeeded, printed) = run(command);
        assert!(succeeded, "README.md:{line}: $ {typed}\n{printed}");
    }
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(elsewhere, README_ELSEWHERE);
}

/// `cargo run` builds one program of a package, and doctor starts another one. Here both are there,
/// in a clean clone they are not.
#[test]
fn doctor_is_built_whole_before_it_runs() {
    let mut shown = 0;
    for path in ["README.md", "tutorials/src/introduction.md", "docs/troubleshooting.md"] {
        let text = read(&root().join(path)).unwrap();
        for (at, _) in text.match_indices("-p detpar-cli -- doctor") {
            let before: Vec<&str> = text[..at].lines().rev().take(2).collect();
            let is_built = before.iter().any(|line| {
                line.contains("cargo build ") && line.contains("--release -p detpar-cli")
            });
            assert!(is_built, "{path}: no build of detpar-cli before doctor: {before:?}");
            shown += 1;
        }
    }
    assert_eq!(shown, 3, "doctor is shown elsewhere");
}

#[test]
fn every_program_is_quoted() {
    let pages = pages().unwrap();
    let quoted: Vec<String> =
        pages.iter().flat_map(|p| p.includes()).map(|(_, include)| include.path).collect();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("../programs/src/bin/{name}");
        assert!(quoted.contains(&path), "no page quotes {name}");
    }
}
