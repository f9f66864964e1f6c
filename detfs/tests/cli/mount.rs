//! Images as directories. Where the system offers no FUSE, that is what is said.
use crate::{Room, errors};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A mounted image.
struct Mounted {
    process: Child,
    directory: PathBuf,
}

/// Mounts `a.img` at `m`; `None`: the system does not let us, which was said as it should be.
fn mount(room: &Room, arguments: &[&str]) -> Option<Mounted> {
    let directory = room.path("m");
    fs::create_dir_all(&directory).expect("a directory");
    let device = |path: &Path| fs::metadata(path).map(|m| m.dev()).ok();
    let before = device(&directory);
    let mut command = room.command();
    command.args(["mount", "a.img", "m"]).args(arguments).stderr(Stdio::piped());
    let mut process = command.spawn().expect("detfs");
    while device(&directory) == before {
        if process.try_wait().expect("detfs").is_some() {
            let output = process.wait_with_output().expect("detfs");
            assert_eq!(output.status.code(), Some(69), "{}", errors(&output));
            assert!(errors(&output).contains("`detfs cp`"), "{}", errors(&output));
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Some(Mounted { process, directory })
}

impl Mounted {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        Command::new("kill").args([name, &id]).status().expect("kill");
    }

    /// Ends it as Ctrl-C does.
    #[track_caller]
    fn end(mut self) {
        self.signal("-INT");
        let status = self.process.wait().expect("an end");
        let mut said = String::new();
        self.process.stderr.take().expect("errors").read_to_string(&mut said).expect("errors");
        assert_eq!((status.code(), said), (Some(0), String::new()));
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
        // Nothing is mounted any more after an orderly end.
        for (tool, flags) in [("umount", "-l"), ("fusermount3", "-uz")] {
            let mut command = Command::new(tool);
            let _ = command.arg(flags).arg(&self.directory).stderr(Stdio::null()).status();
        }
    }
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().expect("a command");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn ordinary_programs_use_an_image() {
    let room = Room::with_image();
    let Some(mounted) = mount(&room, &[]) else { return };
    // A tree in, out, and the same all the way.
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    run(Command::new("cp").arg("-a").arg(source).arg(mounted.path("tree")));
    run(Command::new("diff").arg("-r").arg(source).arg(mounted.path("tree")));
    run(Command::new("cp").arg("-a").arg(mounted.path("tree")).arg(room.path("out")));
    run(Command::new("diff").arg("-r").arg(source).arg(room.path("out")));
    // A repository.
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(mounted.path("tree")).env("GIT_CONFIG_GLOBAL", "/dev/null");
        run(command.args(["-c", "user.name=n", "-c", "user.email=e@e"]).args(arguments));
    };
    if Command::new("git").arg("--version").output().is_ok() {
        git(&["init", "-q", "."]);
        git(&["add", "."]);
        git(&["commit", "-qm", "all"]);
        git(&["fsck", "--strict"]);
        git(&["gc", "-q"]);
        git(&["diff", "--exit-code", "HEAD"]);
    }
    mounted.end();
    assert_eq!(room.fine(["fsck", "a.img"]), "a.img: whole\n");
    let tree = room.fine(["diff", "a.img:/tree/src", source.join("src").to_str().expect("text")]);
    assert_eq!(tree, "");
}

#[test]
fn files_are_what_files_are() {
    let room = Room::with_image();
    let Some(mounted) = mount(&room, &[]) else { return };
    let path = |name: &str| mounted.path(name);
    fs::write(path("f"), "hello").expect("a file");
    fs::hard_link(path("f"), path("g")).expect("a link");
    symlink("g", path("h")).expect("a link");
    fs::create_dir(path("d")).expect("a directory");
    fs::rename(path("f"), path("d/f")).expect("a rename");
    fs::rename(path("d"), path("e")).expect("a rename");
    assert_eq!(fs::read_to_string(path("h")).expect("a file"), "hello");
    let [f, g] = ["e/f", "g"].map(|name| fs::metadata(path(name)).expect("a file"));
    assert_eq!((f.ino(), f.nlink()), (g.ino(), 2));
    // Renaming one name of a file to another does nothing.
    fs::rename(path("g"), path("e/f")).expect("a rename");
    assert!(path("g").exists());

    // An open file lives on without a name, and its number may be another's name afterwards.
    let open = File::options().read(true).write(true).create_new(true).open(path("u"));
    let mut open = open.expect("a file");
    fs::remove_file(path("u")).expect("gone");
    fs::write(path("v"), "other").expect("a file");
    open.write_all(b"data").expect("a write");
    open.set_len(6).expect("a length");
    open.seek(SeekFrom::Start(0)).expect("a seek");
    let mut text = String::new();
    open.read_to_string(&mut text).expect("a read");
    assert_eq!((text.as_str(), open.metadata().expect("a file").nlink()), ("data\0\0", 0));

    fs::set_permissions(path("g"), fs::Permissions::from_mode(0o640)).expect("permissions");
    let sparse = File::create(path("sparse")).expect("a file");
    sparse.set_len(1 << 30).expect("a length");
    sparse.write_all_at(b"x", 1 << 29).expect("a write");
    assert!(sparse.metadata().expect("a file").blocks() < 100);
    // A directory with open files stays mounted.
    drop((open, sparse));
    let kind = |e: std::io::Error| e.kind();
    use std::io::ErrorKind as K;
    let exists = File::options().write(true).create_new(true).open(path("g"));
    assert_eq!(exists.map_err(kind).err(), Some(K::AlreadyExists));
    assert_eq!(fs::remove_dir(path("e")).map_err(kind), Err(K::DirectoryNotEmpty));
    assert_eq!(fs::rename(path("e"), path("e/x")).map_err(kind), Err(K::InvalidInput));
    assert_eq!(fs::read(path("nope")).map_err(kind), Err(K::NotFound));
    let full = fs::write(path("full"), vec![1; 20 << 20]).map_err(kind);
    assert_eq!(full, Err(K::StorageFull));
    fs::remove_file(path("full")).expect("gone");
    let many = (0..500).map(|n| format!("{n:0200}")).collect::<Vec<_>>();
    many.iter().for_each(|name| fs::write(path(&format!("e/{name}")), "").expect("a file"));
    let mut listed: Vec<String> = fs::read_dir(path("e"))
        .expect("a directory")
        .map(|e| e.expect("an entry").file_name().into_string().expect("text"))
        .filter(|name| name != "f")
        .collect();
    listed.sort();
    assert!(listed == many);
    mounted.end();
    assert_eq!(room.fine(["fsck", "a.img"]), "a.img: whole\n");
    assert_eq!(room.fine(["ls", "a.img"]), "e\ng\nh\nsparse\nv\n");
    assert_eq!(room.fine(["cat", "a.img:/e/f"]), "hello");
}

#[test]
fn what_was_synced_survives_a_kill() {
    let room = Room::with_image();
    let Some(mounted) = mount(&room, &[]) else { return };
    // Mounted images are in use.
    assert_eq!(room.fails("ls a.img").0, 75);
    let mut file = File::create(mounted.path("kept")).expect("a file");
    file.write_all(b"synced").expect("a write");
    file.sync_all().expect("a sync");
    mounted.signal("-KILL");
    drop(file);
    drop(mounted);
    assert_eq!(room.fine(["fsck", "a.img"]), "a.img: whole\n");
    assert_eq!(room.fine(["cat", "a.img:/kept"]), "synced");
}

#[test]
fn read_only_is_read_only() {
    let room = Room::with_image();
    room.write("file", "1");
    room.fine(["cp", "file", "a.img:/"]);
    let before = room.bytes("a.img");
    let Some(mounted) = mount(&room, &["--read-only"]) else { return };
    assert_eq!(fs::read(mounted.path("file")).expect("a file"), b"1");
    let refused = fs::write(mounted.path("file"), "2").map_err(|e| e.kind());
    assert_eq!(refused, Err(std::io::ErrorKind::ReadOnlyFilesystem));
    // Others may read it meanwhile.
    assert_eq!(room.fine(["ls", "a.img"]), "file\n");
    mounted.end();
    assert!(room.bytes("a.img") == before);
}

#[test]
fn what_cannot_be_mounted_is_said() {
    let room = Room::with_image();
    room.write("file", "1");
    assert_eq!(room.fails("mount a.img nope").0, 66);
    assert_eq!(room.fails("mount a.img file"), (66, "detfs: file: not a directory".into()));
    assert_eq!(room.fails("mount file .").0, 65);
}
