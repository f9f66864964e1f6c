//! Runs clippy, which knows types, with the refused names as its configuration.
use super::config::{self, LINTS};
use super::{Finding, Package};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `cargo` of this toolchain.
pub(super) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.stdin(Stdio::null());
    command
}

/// Whether clippy is installed.
pub(super) fn is_installed() -> bool {
    let mut command = cargo();
    command.args(["clippy", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What clippy finds in a package, wherever it stands.
pub(super) fn run(package: &Package) -> Result<Vec<Finding>, String> {
    let configuration = config::directory(&package.directory)?;
    let mut command = cargo();
    command
        .args(["clippy", "--all-targets", "--keep-going", "--message-format", "json", "--quiet"])
        .arg("--manifest-path")
        .arg(&package.manifest)
        .arg("--target-dir")
        .arg(package.target.join("detpar-lint"))
        .env("CLIPPY_CONF_DIR", configuration.path())
        .args(["--", "--cap-lints", "warn"]);
    for (lint, _, _) in LINTS {
        command.args(["-W", lint]);
    }
    let output = command.output().map_err(|e| format!("cargo clippy: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let messages: Vec<Value> = text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    let messages = messages.iter().filter(|m| m["reason"] == "compiler-message");
    let messages: Vec<&Value> = messages.map(|m| &m["message"]).collect();
    if !output.status.success() {
        let errors = messages.iter().filter(|m| m["level"] == "error");
        let mut why: String = errors.filter_map(|m| m["rendered"].as_str()).collect();
        if why.is_empty() {
            why = String::from_utf8_lossy(&output.stderr).into_owned();
        }
        return Err(format!("clippy cannot check {}:\n{why}", package.name));
    }
    Ok(messages.iter().filter_map(|m| finding(m, package)).collect())
}

fn finding(message: &Value, package: &Package) -> Option<Finding> {
    let code = message["code"]["code"].as_str()?;
    LINTS.iter().find(|(lint, _, _)| *lint == code)?;
    // "use of a disallowed method `std::time::Instant::now`"
    let path = message["message"].as_str()?.split('`').nth(1)?;
    let group = config::group_of(path)?;
    let spans = message["spans"].as_array()?;
    let mut span = spans.iter().find(|s| s["is_primary"] == true)?;
    loop {
        let number = |key: &str| span[key].as_u64().map(|n| n as usize);
        let file = resolve(Path::new(span["file_name"].as_str()?), package);
        if let Some(file) = file {
            let one_line = number("line_start") == number("line_end");
            let column = number("column_start")?;
            let end = if one_line { number("column_end")? } else { column + 1 };
            return Some(Finding {
                file,
                line: number("line_start")?,
                columns: (column, end),
                group: group.name,
                name: path.to_string(),
                message: format!("`{path}` {}", group.reason),
                help: group.instead,
                chain: Vec::new(),
            });
        }
        // Inside of a macro of another crate: where that was called.
        span = &span["expansion"]["span"];
    }
}

/// A file of the package, by the name that the compiler gives it.
fn resolve(name: &Path, package: &Package) -> Option<PathBuf> {
    let path = package.workspace.join(name);
    path.starts_with(&package.directory).then_some(path)
}
