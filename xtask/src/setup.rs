//! What the other commands need of the system, and how to get it.
use crate::run::{self, Result, cargo};
use std::fs;
use std::process::{Command, Stdio};

/// Kernel with PAGEMAP_SCAN.
const KERNEL: (u32, u32) = (6, 7);

/// What all steps of `cargo xtask test` build, in bytes; half of it where debug information is
/// compressed, as `.ci/run` asks for.
const DISK: u64 = 12 << 30;

/// Whether a tool answers.
pub(crate) fn has(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether cargo has a subcommand.
pub(crate) fn has_cargo(subcommand: &str) -> bool {
    let mut command = cargo(&[subcommand, "--version"]);
    run::run_quietly(&mut command).is_ok_and(|outcome| outcome.success)
}

/// Makes sure of a cargo subcommand that comes as a package; says so where it cannot.
pub(crate) fn install(subcommand: &str) -> bool {
    if has_cargo(subcommand) {
        return true;
    }
    let package = format!("cargo-{subcommand}");
    println!("{package} is missing: installing it");
    // The tool is built beside the workspace, not in it.
    let mut command = cargo(&["install", "--locked", &package]);
    command.env_remove("RUSTFLAGS");
    let installed = run::run(&mut command).is_ok_and(|o| o.success) && has_cargo(subcommand);
    if !installed {
        println!("{package} could not be installed");
    }
    installed
}

/// The book's tool in the version that the book was looked at with.
const MDBOOK: &str = "0.5.4";

/// Makes sure of mdbook; says so where it cannot.
pub(crate) fn mdbook() -> bool {
    let answers = || has("mdbook", &["--version"]);
    if answers() {
        return true;
    }
    println!("mdbook is missing: installing it");
    // Without what serves the book to a browser: it is files.
    let wanted = ["--no-default-features", "--features", "search", "--version", MDBOOK, "mdbook"];
    let mut command = cargo(&["install", "--locked"]);
    command.args(wanted).env_remove("RUSTFLAGS");
    let installed = run::run(&mut command).is_ok_and(|o| o.success) && answers();
    if !installed {
        println!("mdbook could not be installed (its folder, ~/.cargo/bin, must be in PATH)");
    }
    installed
}

/// Makes sure of a component of the toolchain; says so where it cannot.
pub(crate) fn component(subcommand: &str, component: &str) -> bool {
    if has_cargo(subcommand) {
        return true;
    }
    println!("{component} is missing: adding it to the toolchain");
    let mut command = Command::new("rustup");
    command.args(["component", "add", component]);
    let added = run::run(&mut command).is_ok_and(|o| o.success) && has_cargo(subcommand);
    if !added {
        println!("{component} could not be added (with rustup: rustup component add {component})");
    }
    added
}

/// Checks what no command can install.
pub(crate) fn requirements() -> Result {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("the tests need Linux on x86-64".into());
    }
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_err(|e| format!("the kernel's version cannot be read: {e}"))?;
    let release = release.trim();
    if version(release).is_none_or(|v| v < KERNEL) {
        let (major, minor) = KERNEL;
        return Err(format!(
            "the tests need a kernel of version {major}.{minor} or later (PAGEMAP_SCAN), this is \
             {release}"
        ));
    }
    if !has("cc", &["--version"]) {
        return Err("a C linker is missing: install gcc or clang, so that `cc` is found".into());
    }
    println!("Linux {release}, x86-64; cc found");
    if let Some(free) = free()
        && free < DISK
    {
        println!(
            "warning: {} MiB are free for {}; all tests together may need {} MiB (cargo clean, \
             or CARGO_TARGET_DIR on a larger disk)",
            free >> 20,
            run::target().display(),
            DISK >> 20
        );
    }
    Ok(())
}

/// Bytes that are free where cargo puts what it builds.
pub(crate) fn free() -> Option<u64> {
    let target = run::target();
    let there = target.ancestors().find(|a| a.exists())?;
    let disk = rustix::fs::statvfs(there).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Installs all tools.
pub(crate) fn setup() -> Result {
    requirements()?;
    let mut missing = Vec::new();
    for (subcommand, name) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !component(subcommand, name) {
            missing.push(name.to_string());
        }
    }
    for subcommand in ["nextest", "deny"] {
        if !install(subcommand) {
            missing.push(format!("cargo-{subcommand}"));
        }
    }
    if !mdbook() {
        missing.push("mdbook".into());
    }
    if missing.is_empty() {
        println!("all tools are there");
        return Ok(());
    }
    Err(format!("missing: {}", missing.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(version("6.18.44-generic"), Some((6, 18)));
        assert_eq!(version("6.7"), Some((6, 7)));
        assert!(version("6.10.0-rc1") > Some(KERNEL));
        assert!(version("5.15.0") < Some(KERNEL));
        assert_eq!(version("unknown"), None);
    }
}
