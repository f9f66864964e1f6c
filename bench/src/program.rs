//! Where the other program is. `cargo run` builds the one that it runs and no other, so the
//! other is built here.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const BASELINE: &str = "detpar-bench-baseline";

/// The two programs.
#[derive(Debug)]
pub struct Programs {
    /// This one.
    pub detpar: PathBuf,
    /// The one that does not link detpar.
    pub baseline: PathBuf,
}

impl Programs {
    /// Finds both, and builds the second where cargo runs the first.
    ///
    /// # Errors
    /// Where it cannot be built, or is not there.
    pub fn find() -> Result<Programs, String> {
        let detpar = env::current_exe().map_err(|e| format!("finding this program: {e}"))?;
        let baseline = detpar.with_file_name(BASELINE);
        if let Some(mut command) = cargo_build(&detpar, &["--bin", BASELINE]) {
            let done = command.output().map_err(|e| format!("cargo build: {e}"))?;
            if !done.status.success() {
                let why = String::from_utf8_lossy(&done.stderr);
                return Err(format!("{BASELINE} cannot be built:\n{why}"));
            }
        }
        if !baseline.is_file() {
            let build = "cargo build --release -p detpar-bench";
            let path = baseline.display();
            return Err(format!("{path} is missing: build both programs with `{build}`"));
        }
        Ok(Programs { detpar, baseline })
    }
}

/// Where cargo runs this program: how it builds `what` beside it, from this package's folder.
pub(crate) fn cargo_build(detpar: &Path, what: &[&str]) -> Option<Command> {
    let cargo = env::var_os("CARGO")?;
    let package = env::var_os("CARGO_PKG_NAME")?;
    if package != env!("CARGO_PKG_NAME") { None } else { build(Path::new(&cargo), detpar, what) }
}

/// Builds beside this program, in the profile that its folder is named after.
fn build(cargo: &Path, detpar: &Path, what: &[&str]) -> Option<Command> {
    let folder = detpar.parent()?;
    let profile = match folder.file_name()?.to_str()? {
        "debug" => "dev",
        other => other,
    };
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet"]).args(what).args(["--profile", profile]);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("--target-dir").arg(folder.parent()?);
    command.stdin(Stdio::null());
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(program: &str) -> String {
        let what = ["--bin", BASELINE];
        let command = build(Path::new("/bin/cargo"), Path::new(program), &what).unwrap();
        let all: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
        all.join(" ")
    }

    #[test]
    fn the_profile_is_that_of_this_program() {
        let release = arguments("/t/release/detpar-bench");
        assert!(release.contains("--profile release") && release.ends_with("--target-dir /t"));
        assert!(arguments("/t/debug/detpar-bench").contains("--profile dev"));
        assert!(arguments("/t/other/detpar-bench").contains("--profile other"));
        assert!(build(Path::new("cargo"), Path::new("/"), &[]).is_none());
    }
}
