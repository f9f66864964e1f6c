//! `detpar lint` on a small package with marks where findings belong.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The package, copied to where clippy may build it.
struct Fixture(tempfile::TempDir);

impl Fixture {
    fn new() -> Fixture {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture");
        let dir = tempfile::tempdir().expect("a temporary directory");
        copy(&from, dir.path());
        Fixture(dir)
    }

    fn lint(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_detpar"));
        command.arg("lint").args(arguments).current_dir(self.0.path());
        // What cargo sets for this test is not meant for the fixture.
        for name in ["CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CLIPPY_CONF_DIR"]
        {
            command.env_remove(name);
        }
        command.output().expect("detpar")
    }

    /// `file:line: group` of all marks, or of those that names alone show.
    fn marks(&self, by_names: bool) -> BTreeSet<String> {
        let mut marks = BTreeSet::new();
        for file in ["src/main.rs", "src/helpers.rs"] {
            let text = fs::read_to_string(self.0.path().join(file)).expect("the fixture");
            for (i, line) in text.lines().enumerate() {
                // Types are needed to know whose method this is.
                let typed = line.contains(".lock()") || line.contains(".elapsed()");
                if let Some((_, group)) = line.split_once("// FIND ")
                    && !(by_names && typed)
                {
                    marks.insert(format!("{file}:{}: {group}", i + 1));
                }
            }
        }
        marks
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the fixture") {
        let path: PathBuf = entry.expect("the fixture").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            fs::create_dir(&to).expect("a directory");
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("a copy");
        }
    }
}

#[track_caller]
fn json(output: &Output) -> serde_json::Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{e}\n{text}{}", String::from_utf8_lossy(&output.stderr)))
}

fn found(report: &serde_json::Value) -> BTreeSet<String> {
    let findings = report["findings"].as_array().expect("findings");
    let word = |f: &serde_json::Value, key: &str| f[key].as_str().expect(key).to_string();
    findings
        .iter()
        .map(|f| format!("{}:{}: {}", word(f, "file"), f["line"], word(f, "group")))
        .collect()
}

fn clippy_is_installed() -> bool {
    Command::new("cargo").args(["clippy", "--version"]).output().is_ok_and(|o| o.status.success())
}

#[test]
fn findings_are_where_the_marks_are() {
    if !clippy_is_installed() {
        println!("skipped: clippy is not installed (rustup component add clippy)");
        return;
    }
    let fixture = Fixture::new();
    let output = fixture.lint(&["--json"]);
    let report = json(&output);
    assert_eq!(found(&report), fixture.marks(false));
    assert_eq!((output.status.code(), &report["clippy"]), (Some(1), &true.into()));
    let by_type = |f: &&serde_json::Value| f["name"] == "std::sync::Mutex::lock";
    let lock = report["findings"].as_array().and_then(|all| all.iter().find(by_type));
    let lock = lock.expect("a finding that only types tell");
    assert_eq!(lock["reached"].as_array().map(Vec::len), Some(2), "{lock}");
}

#[test]
fn names_alone() {
    let fixture = Fixture::new();
    let output = fixture.lint(&["--no-clippy", "--json"]);
    let report = json(&output);
    assert_eq!(found(&report), fixture.marks(true));
    assert_eq!((output.status.code(), &report["clippy"]), (Some(1), &false.into()));
    assert!(!fixture.0.path().join("target").exists(), "nothing was compiled");
}

#[test]
fn kinds_can_be_left_out() {
    let fixture = Fixture::new();
    let kinds = ["env", "atomics", "locks", "addresses", "files", "process"];
    let mut arguments = vec!["--no-clippy"];
    arguments.extend(kinds.iter().flat_map(|k| ["--allow", k]));
    let output = fixture.lint(&arguments);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.starts_with("no findings in ") && text.contains("clippy was not asked"), "{text}");
    let output = fixture.lint(&["--allow", "clocks"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("`static_mut`") && output.status.code() == Some(64), "{error}");
}

#[test]
fn findings_look_like_the_compilers() {
    let output = Fixture::new().lint(&["--no-clippy"]);
    let text = String::from_utf8_lossy(&output.stdout);
    for part in [
        "error[env]: `std::env::var` reads or changes the environment of the process\n  --> \
         src/main.rs:17:12\n",
        "17 |         || std::env::var(\"A\").is_ok(), // FIND env\n   |            ^^^^^^^^^^^^^\n",
        "= help: read it in the master",
        "= note: runs in a child: a closure in `main`, which calls `used_in_closures`",
        "6 findings in ",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert!(!text.contains('\x1b'), "colours, on a pipe");
}

#[test]
fn what_is_no_package() {
    let output = Fixture::new().lint(&["nowhere"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.starts_with("detpar lint: nowhere: ") && output.status.code() == Some(66),
        "{error}"
    );
}

/// A package that does not compile is no package without findings.
#[test]
fn what_does_not_compile() {
    if !clippy_is_installed() {
        println!("skipped: clippy is not installed (rustup component add clippy)");
        return;
    }
    let fixture = Fixture::new();
    let helpers = fixture.0.path().join("src/helpers.rs");
    let text = fs::read_to_string(&helpers).expect("the fixture");
    fs::write(&helpers, text + "fn broken() -> u8 { \"text\" }\n").expect("the fixture");
    let output = fixture.lint(&[]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("mismatched types"), "{error}");
    assert_eq!(output.status.code(), Some(69));
}

/// Clippy by itself, with the printed configuration as the user's.
#[test]
fn printed_configuration() {
    if !clippy_is_installed() {
        println!("skipped: clippy is not installed (rustup component add clippy)");
        return;
    }
    let fixture = Fixture::new();
    let printed = fixture.lint(&["--print-clippy-config"]);
    assert_eq!(printed.status.code(), Some(0));
    fs::write(fixture.0.path().join("clippy.toml"), &printed.stdout).expect("the fixture");
    let mut command = Command::new("cargo");
    let command = command.args(["clippy", "--offline"]).current_dir(fixture.0.path());
    for name in ["CARGO_TARGET_DIR", "RUSTFLAGS", "CLIPPY_CONF_DIR"] {
        command.env_remove(name);
    }
    let output = command.output().expect("clippy");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    for part in [
        "use of a disallowed method `std::time::Instant::now`",
        "use of a disallowed type `std::sync::Mutex`",
        "use of a disallowed method `std::sync::Mutex::lock`",
        "which only the master may do: return a value or an error",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    // A name that clippy cannot find would be a warning of its own.
    assert!(!text.contains("clippy.toml"), "{text}");
}
