//! Building programs in C against this library.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// How a program is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// With the shared library, at any address.
    Shared,
    /// With the shared library, at a fixed address.
    SharedFixed,
    /// With the static library, at any address.
    Static,
    /// With the static library, at a fixed address.
    StaticFixed,
    /// Without this library, with threads.
    Threads,
}

/// A folder of its own with the libraries under their names.
#[derive(Debug)]
pub struct Build {
    dir: PathBuf,
    link: Link,
    compiler: &'static str,
    flags: Vec<String>,
}

/// What the static library needs of the system.
const SYSTEM: [&str; 5] = ["-lgcc_s", "-lpthread", "-ldl", "-lm", "-lc"];

/// Where cargo has put the libraries: beside this test.
pub fn built() -> PathBuf {
    let exe = std::env::current_exe().expect("this test's path");
    exe.parent().expect("its folder").to_path_buf()
}

impl Build {
    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.dir
    }

    /// A build in a folder of this name.
    pub fn new(name: &str, link: Link) -> Build {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&dir).expect("a folder for a build");
        let names = [("so", "libdetpar.so"), ("so", "libdetpar.so.0"), ("a", "libdetpar.a")];
        for (kind, name) in names {
            let to = dir.join(name);
            let _ = std::fs::remove_file(&to);
            let from = built().join(format!("libdetpar_c.{kind}"));
            std::os::unix::fs::symlink(&from, &to).expect("a library under its name");
        }
        Build { dir, link, compiler: "gcc", flags: Vec::new() }
    }

    /// Adds a flag.
    pub fn flag(mut self, flag: &str) -> Build {
        self.flags.push(flag.into());
        self
    }

    /// Takes another compiler than gcc.
    pub fn compiler(self, compiler: &'static str) -> Build {
        Build { compiler, ..self }
    }

    /// Builds `tests/c/NAME.c`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.source(&Path::new("tests/c").join(name).with_extension("c"))
    }

    /// Builds a source of this package.
    pub fn source(&self, source: &Path) -> PathBuf {
        self.try_source(source).unwrap_or_else(|why| panic!("{why}"))
    }

    /// The same; what the compiler says where it fails.
    pub fn try_source(&self, source: &Path) -> Result<PathBuf, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let to = self.dir.join(source.file_stem().expect("a source's name"));
        let mut cc = Command::new(self.compiler);
        cc.args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-g"]).args(&self.flags);
        cc.current_dir(folder).arg("-I").arg(folder.join("include"));
        cc.arg(folder.join(source)).arg("-o").arg(&to);
        match self.link {
            Link::Shared | Link::Static | Link::Threads => cc.args(["-fPIE", "-pie"]),
            Link::SharedFixed | Link::StaticFixed => cc.args(["-fno-pie", "-no-pie"]),
        };
        match self.link {
            Link::Shared | Link::SharedFixed => {
                cc.arg("-L").arg(&self.dir).arg("-ldetpar");
                cc.arg(format!("-Wl,-rpath,{}", self.dir.display()))
            }
            Link::Threads => cc.arg("-pthread"),
            Link::Static | Link::StaticFixed => {
                cc.arg(self.dir.join("libdetpar.a"));
                let whole = self.flags.iter().any(|f| f.starts_with("-static"));
                cc.args(SYSTEM.map(|l| if whole && l == "-lgcc_s" { "-lgcc_eh" } else { l }))
            }
        };
        let out = cc.output().expect(self.compiler);
        let why = || format!("{cc:?}\n{}", String::from_utf8_lossy(&out.stderr));
        if out.status.success() { Ok(to) } else { Err(why()) }
    }
}
