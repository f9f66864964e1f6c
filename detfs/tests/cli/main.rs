//! The command as users run it.
mod damage;
mod errors;
mod mount;
mod reconcile;
mod round_trip;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory with images.
struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Room {
        Room(tempfile::tempdir().expect("a temporary directory"))
    }

    /// With an image `a.img` of 16 MiB.
    fn with_image() -> Room {
        let room = Room::new();
        room.fine(["mkfs", "--size", "16M", "--inodes", "1000", "a.img"]);
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_detfs"));
        command.current_dir(self.0.path()).env_remove("SOURCE_DATE_EPOCH");
        command
    }

    fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        self.command().args(arguments).output().expect("detfs")
    }

    /// What a command prints that must be fine.
    #[track_caller]
    fn fine<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        let output = self.run(arguments);
        assert_eq!((code(&output), errors(&output)), (0, String::new()));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Exit code and first line of the errors of a command.
    fn fails(&self, line: &str) -> (i32, String) {
        let output = self.run(line.split(' '));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{line}");
        (code(&output), errors(&output).lines().next().unwrap_or_default().to_string())
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), contents).expect("a file");
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("a file")
    }

    fn copy(&self, from: &str, to: &str) {
        std::fs::copy(self.path(from), self.path(to)).expect("a copy");
    }

    /// Changes an image as a program would that uses the library.
    fn change(&self, name: &str, change: impl FnOnce(&detpar_fs::Fs)) {
        let path: &Path = &self.path(name);
        let mut file = std::fs::File::options().read(true).write(true).open(path).expect("image");
        let fs = detpar_fs::Fs::load(&mut file, || 1_700_000_000_000_000_000).expect("an image");
        change(&fs);
        fs.save(&mut file).expect("a save");
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}
