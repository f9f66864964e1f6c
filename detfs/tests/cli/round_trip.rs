//! Trees in, out and within: nothing is lost on the way.
use crate::{Room, code, errors, json};
use std::ffi::OsStr;
use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

/// A tree with everything that an image can hold.
fn make_tree(room: &Room) {
    let root = room.path("src");
    let dir = |name: &str| fs::create_dir(root.join(name)).expect("a directory");
    let file = |name: &OsStr, contents: &[u8]| {
        fs::write(root.join(name), contents).expect("a file");
    };
    fs::create_dir(&root).expect("a directory");
    dir("empty");
    dir("deep");
    (0..30).fold(root.join("deep"), |above, n| {
        let below = above.join(n.to_string());
        fs::create_dir(&below).expect("a directory");
        below
    });
    file(OsStr::new("nothing"), b"");
    file(OsStr::new("deep/line"), b"one line\n");
    let many: Vec<u8> =
        (0u32..700_000).flat_map(|i| i.wrapping_mul(77_777).to_le_bytes()).collect();
    file(OsStr::new("megabytes"), &many);
    file(OsStr::from_bytes(b"odd \n\xff\x1b name"), b"odd");
    file(OsStr::new(&"n".repeat(255)), b"long name");
    file(OsStr::new("secret"), b"keys");
    for (name, mode) in [("secret", 0o600), ("deep/line", 0o4751), ("empty", 0o1777)] {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(root.join(name), permissions).expect("permissions");
    }
    let mut sparse = File::create(root.join("sparse")).expect("a file");
    sparse.set_len(200 << 20).expect("a length");
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"far out", 100 << 20).expect("a write");
    sparse.write_all(b"start").expect("a write");
    for (target, link) in [("deep/line", "link"), ("nowhere", "broken"), ("deep", "to-dir")] {
        symlink(target, root.join(link)).expect("a link");
    }
    symlink("x".repeat(3000), root.join("long-link")).expect("a link");
    fs::hard_link(root.join("deep/line"), root.join("same")).expect("a hard link");
    for (name, seconds) in [("secret", 1_000_000_000), ("empty", 86_400), ("deep", 7)] {
        let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, 123_456_789);
        let times = FileTimes::new().set_accessed(time).set_modified(time);
        File::open(root.join(name)).and_then(|f| f.set_times(times)).expect("times");
    }
}

/// Compares contents with `diff`, and all else.
#[track_caller]
fn assert_same(a: &Path, b: &Path) {
    let diff = Command::new("diff").args(["-r", "--no-dereference"]).args([a, b]).output();
    let diff = diff.expect("diff");
    assert!(diff.status.success(), "{}", String::from_utf8_lossy(&diff.stdout));
    let mut paths = vec![String::new()];
    while let Some(path) = paths.pop() {
        let [a, b] = [a, b].map(|root| root.join(&path));
        let [m, n] = [&a, &b].map(|path| fs::symlink_metadata(path).expect("a file"));
        let known = |m: &fs::Metadata| (m.mode(), m.mtime(), m.mtime_nsec());
        assert_eq!(known(&m), known(&n), "{path}");
        if !m.is_dir() {
            assert_eq!((m.nlink(), m.len()), (n.nlink(), n.len()), "{path}");
            continue;
        }
        for entry in fs::read_dir(&a).expect("a directory") {
            // `diff` has looked at the others.
            if let Ok(name) = entry.expect("an entry").file_name().into_string() {
                let below = if path.is_empty() { name } else { format!("{path}/{name}") };
                paths.push(below);
            }
        }
    }
}

#[test]
fn trees_come_out_as_they_went_in() {
    let room = Room::with_image();
    make_tree(&room);
    room.fine(["cp", "-r", "src", "a.img:/"]);
    assert_eq!(room.fine(["fsck", "a.img"]), "a.img: whole\n");
    assert_eq!(room.fine(["diff", "--times", "src", "a.img:/src"]), "");
    room.fine(["cp", "-r", "a.img:/src", "out"]);
    assert_same(&room.path("src"), &room.path("out"));
    assert!(fs::metadata(room.path("out/sparse")).expect("a file").blocks() < 100);

    // Over what is there, within the image, and to another image.
    room.fine(["cp", "-r", "src", "a.img:/"]);
    room.fine(["cp", "-r", "a.img:/src", "a.img:/src/deep/again"]);
    room.fine(["mkfs", "b.img"]);
    room.fine(["mkdir", "-p", "b.img:/x/y"]);
    room.fine(["cp", "-r", "a.img:/src/deep/again", "b.img:/x/y"]);
    room.fine(["cp", "-r", "b.img:/x/y/again", "out2"]);
    assert_same(&room.path("src"), &room.path("out2"));
    assert_eq!(room.fine(["fsck", "a.img"]), "a.img: whole\n");
    assert_eq!(room.fine(["fsck", "b.img"]), "b.img: whole\n");
}

#[test]
fn copies_go_into_directories_and_over_files() {
    let room = Room::with_image();
    room.write("one", "1");
    room.write("two", "22");
    room.fine(["mkdir", "a.img:/d"]);
    room.fine(["cp", "one", "two", "a.img:/d"]);
    room.fine(["cp", "one", "a.img:/three"]);
    room.fine(["cp", "two", "a.img:/three"]);
    room.fine(["cp", "a.img:/d/one", "a.img:/d/two"]);
    assert_eq!(room.fine(["cat", "a.img:/d/one", "a.img:/d/two", "a.img:/three"]), "1122");
    assert_eq!(
        room.fine(["ls", "a.img", "a.img:/d"]),
        "a.img:/:\nd\nthree\n\na.img:/d:\none\ntwo\n"
    );
    assert_eq!(
        room.fine(["tree", "a.img"]),
        "a.img:/\n├── d\n│   ├── one\n│   └── two\n└── three\n\n1 directories, 3 files and links\n"
    );
    // A link is replaced; what it names stays.
    symlink("one", room.path("link")).expect("a link");
    room.fine(["cp", "a.img:/three", "link"]);
    assert_eq!((room.bytes("one"), room.bytes("link")), (b"1".to_vec(), b"22".to_vec()));
    room.fine(["rm", "a.img:/three"]);
    room.fine(["rm", "-r", "a.img:/d"]);
    assert_eq!(room.fine(["ls", "a.img"]), "");
}

#[test]
fn an_image_is_not_copied_into_itself() {
    let room = Room::with_image();
    room.write("one", "1");
    let output = room.run(["cp", "-r", ".", "a.img:/"]);
    assert_eq!(code(&output), 0);
    assert!(errors(&output).contains("a.img: left out: it is the image itself"));
    assert_eq!(room.fine(["ls", "a.img"]), "one\n");
}

#[test]
fn listings_tell_what_is_known() {
    let room = Room::with_image();
    room.change("a.img", |fs| {
        fs.write("/file", "four").expect("a file");
        fs.set_permissions("/file", 0o640).expect("permissions");
        fs.symlink("file", "/link").expect("a link");
    });
    let lines = room.fine(["ls", "-l", "a.img"]);
    assert_eq!(
        lines,
        "-rw-r-----    1            4 2023-11-14 22:13:20 file\n\
         lrwxrwxrwx    1            4 2023-11-14 22:13:20 link -> file\n"
    );
    let all = json(&room.fine(["ls", "--json", "a.img"]));
    assert_eq!((&all[0]["name"], &all[0]["mode"]), (&"file".into(), &"0640".into()));
    assert_eq!((&all[1]["kind"], &all[1]["target"]), (&"link".into(), &"file".into()));
    let stat = room.fine(["stat", "a.img:/file"]);
    assert!(stat.contains("permissions 0640 (-rw-r-----)"), "{stat}");
    assert_eq!(json(&room.fine(["stat", "--json", "a.img:/file"]))[0], all[0].clone().rename());
    let before = json(&room.fine(["df", "--json", "a.img"]));
    room.fine(["grow", "a.img", "64M"]);
    let after = json(&room.fine(["df", "--json", "a.img"]));
    let blocks = |df: &serde_json::Value| df[0]["blocks"].as_u64().expect("blocks");
    assert!(blocks(&after) > 3 * blocks(&before), "{before} {after}");
    assert_eq!(room.fine(["cat", "a.img:/file"]), "four");
}

/// `stat` names a file by its path.
trait Rename {
    fn rename(self) -> Self;
}

impl Rename for serde_json::Value {
    fn rename(mut self) -> Self {
        self["name"] = format!("/{}", self["name"].as_str().expect("a name")).into();
        self
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let room = Room::with_image();
    room.write("big", vec![b'x'; 4 << 20]);
    room.fine(["cp", "big", "a.img:/"]);
    let mut cat = room.command();
    let mut cat = cat.args(["cat", "a.img:/big"]).stdout(Stdio::piped()).spawn().expect("detfs");
    drop(cat.stdout.take());
    assert_eq!(cat.wait().expect("an end").code(), Some(0));
}

#[test]
fn images_are_the_same_bytes_at_a_fixed_time() {
    let room = Room::new();
    make_tree(&room);
    for image in ["a.img", "b.img"] {
        let target = format!("{image}:/");
        for arguments in
            [vec!["mkfs", "-s", "16M", "-i", "100", image], vec!["cp", "-r", "src", &target]]
        {
            let mut command = room.command();
            let done = command.args(arguments).env("SOURCE_DATE_EPOCH", "1700000000").status();
            assert!(done.expect("detfs").success());
        }
    }
    assert!(room.bytes("a.img") == room.bytes("b.img"));
    assert!(room.fine(["stat", "a.img:/src"]).contains("created     2023-11-14 22:13:20 UTC"));
}
