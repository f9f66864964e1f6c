//! Programs in C (`bench/c`): built here, with libdet-c and, as their twins, with threads.

use crate::program::cargo_build;
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The sources, one for each case of the suite.
const SOURCES: [&str; 4] = ["md5", "qsort", "matmult", "lu"];

/// Where the work of the sources is, and the library's header.
const INCLUDE: [&str; 2] = ["../libdet-c/include", "../libdet-c/examples"];

/// The library as cargo names it, and as programs find it.
const LIBRARY: &str = "libdetpar_c.so";
const NAMES: [&str; 2] = ["libdetpar.so", "libdetpar.so.0"];

/// The folder of the built programs.
#[derive(Debug)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds all of them in a folder beside this program.
    ///
    /// # Errors
    /// Where there is no C compiler or no library, or something does not compile.
    pub fn build() -> Result<Programs, String> {
        let this = env::current_exe().map_err(|e| format!("finding this program: {e}"))?;
        let beside = this.parent().ok_or("this program has no folder")?;
        let library = beside.join(LIBRARY);
        if let Some(mut command) = cargo_build(&this, &["--package", "libdet-c", "--lib"]) {
            done(&mut command, "libdet-c cannot be built")?;
        }
        if !library.is_file() {
            let build = "cargo build --release -p libdet-c";
            return Err(format!("{} is missing: build it with `{build}`", library.display()));
        }
        let folder = beside.join("detpar-bench-c");
        let wrong = |e| format!("{}: {e}", folder.display());
        fs::create_dir_all(&folder).map_err(wrong)?;
        for name in NAMES {
            let _ = fs::remove_file(folder.join(name));
            symlink(&library, folder.join(name)).map_err(wrong)?;
        }
        let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
        for source in SOURCES {
            for threads in [false, true] {
                let why = format!("bench/c/{source}.c cannot be compiled");
                done(&mut compile(&compiler, &folder, source, threads), &why)?;
            }
        }
        Ok(Programs { folder })
    }

    /// The program of a case: with the library, or its twin.
    pub fn path(&self, case: &str, threads: bool) -> PathBuf {
        self.folder.join(name(case, threads))
    }
}

fn name(case: &str, threads: bool) -> String {
    format!("{case}{}", if threads { "_pthread" } else { "" })
}

/// The library is linked as `pkg-config --libs detpar` says.
fn compile(compiler: &str, folder: &Path, source: &str, threads: bool) -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cc = Command::new(compiler);
    cc.args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"]);
    for path in INCLUDE {
        cc.arg("-I").arg(here.join(path));
    }
    cc.arg(here.join("c").join(source).with_extension("c"));
    cc.arg("-o").arg(folder.join(name(source, threads)));
    if threads {
        cc.args(["-DTHREADS", "-pthread"]);
    } else {
        cc.arg("-L").arg(folder).arg(format!("-Wl,-rpath,{}", folder.display()));
        cc.args(["-Wl,-z,now", "-ldetpar"]);
    }
    cc
}

/// Runs a command that prints nothing of use where it succeeds.
fn done(command: &mut Command, wrong: &str) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| {
        let program = command.get_program().to_string_lossy();
        format!(
            "{program}: {e}; the programs of this suite are C: install a C compiler (gcc or clang), \
             or name it in CC"
        )
    })?;
    let why = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{wrong}:\n{}", why.trim_end())) }
}
