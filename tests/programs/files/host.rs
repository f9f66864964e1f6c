//! All of `std::fs` in a child, beside the host.
use detpar::fs as tree;
use detpar_tests::program::digest;
use std::fmt::Write as _;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The kind of an error and its number, or the value.
pub fn said<T: std::fmt::Debug>(r: io::Result<T>) -> String {
    match r {
        Ok(v) => format!("{v:?}"),
        Err(e) => format!("{:?} {:?}", e.kind(), e.raw_os_error()),
    }
}

/// Does all of `std::fs` below a directory, and writes down what it answers.
fn everything(at: &Path) -> String {
    let p = |name: &str| at.join(name);
    let mut out = String::new();
    let mut line = 0;
    let mut say = |what: String| {
        line += 1;
        let _ = writeln!(out, "{line}: {what}");
    };
    say(said(fs::create_dir(p("d"))));
    say(said(fs::create_dir(p("d"))));
    say(said(fs::create_dir(p("none/d"))));
    say(said(fs::create_dir_all(p("d/e/f"))));
    say(said(fs::create_dir_all(p("d/e/f"))));
    say(said(fs::write(p("d/a"), "hello world")));
    say(said(fs::write(p("none/a"), "x")));
    say(said(fs::write(p("d"), "x")));
    say(said(fs::read_to_string(p("d/a"))));
    say(said(fs::read(p("none"))));
    say(said(fs::read(p("d"))));
    say(said(fs::read(p("d/a/b"))));
    say(said(fs::write(p("bad"), [0xff, 0xfe])));
    say(said(fs::read_to_string(p("bad"))));
    say(said(fs::metadata(p("d/a")).map(|m| (m.len(), m.is_file(), m.is_dir(), m.nlink()))));
    say(said(fs::metadata(p("d")).map(|m| (m.is_dir(), m.mode() & 0o170_777))));
    say(said(fs::metadata(p("none")).map(|m| m.len())));
    say(format!("{} {}", p("d/a").exists(), p("none").exists()));
    say(said(p("d/a").try_exists()));
    // Reading and writing in places.
    let mut f = OpenOptions::new().read(true).write(true).open(p("d/a")).expect("open");
    let mut five = [0; 5];
    say(said(f.read_exact(&mut five).map(|()| five)));
    say(said(f.seek(SeekFrom::Current(1))));
    say(said(f.write(b"WORLD!")));
    say(said(f.stream_position()));
    say(said(f.seek(SeekFrom::End(-3))));
    let mut rest = String::new();
    say(said(f.read_to_string(&mut rest).map(|n| (n, rest))));
    say(said(f.seek(SeekFrom::Current(-1000))));
    say(said(f.rewind()));
    say(said(f.write_all_at(b"J", 0)));
    say(said(f.read_at(&mut five, 1).map(|n| (n, five))));
    say(said(f.set_len(4)));
    say(said(f.metadata().map(|m| m.len())));
    say(said(f.set_len(8)));
    say(said(fs::read(p("d/a"))));
    say(said(f.sync_all()));
    say(said(f.sync_data()));
    say(said(f.set_permissions(fs::Permissions::from_mode(0o600))));
    say(said(fs::metadata(p("d/a")).map(|m| m.permissions().mode())));
    say(said(fs::set_permissions(p("d/a"), fs::Permissions::from_mode(0o640))));
    say(said(f.metadata().map(|m| m.mode())));
    drop(f);
    say(said(f_read_only(&p("d/a"))));
    say(said(OpenOptions::new().write(true).create_new(true).open(p("d/a")).map(drop)));
    say(said(OpenOptions::new().write(true).create_new(true).open(p("d/new")).map(drop)));
    say(said(OpenOptions::new().append(true).open(p("none")).map(drop)));
    let mut log = OpenOptions::new().append(true).create(true).open(p("log")).expect("log");
    say(said(log.write_all(b"one\ntwo\n")));
    say(said(log.seek(SeekFrom::Start(0))));
    say(said(log.write_vectored(&[io::IoSlice::new(b"th"), io::IoSlice::new(b"ree\n")])));
    // Linux appends, whatever the place.
    say(said(log.write_at(b"at 0\n", 0)));
    say(said(log.stream_position()));
    say(said(
        BufReader::new(File::open(p("log")).expect("log")).lines().collect::<Result<Vec<_>, _>>(),
    ));
    // Copies, links, names.
    say(said(fs::copy(p("log"), p("copy"))));
    say(said(fs::read(p("copy"))));
    say(said(fs::copy(p("none"), p("copy2"))));
    say(said(fs::metadata(p("copy2")).map(drop)));
    say(said(symlink("d/a", p("link"))));
    say(said(symlink("d/a", p("link"))));
    say(said(fs::read_link(p("link"))));
    say(said(fs::read_link(p("d/a"))));
    say(said(fs::read(p("link"))));
    say(said(fs::write(p("link"), "by the link")));
    say(said(fs::read_to_string(p("d/a"))));
    say(said(fs::symlink_metadata(p("link")).map(|m| (m.is_symlink(), m.len()))));
    say(said(symlink("loop", p("loop"))));
    say(said(fs::read(p("loop"))));
    say(said(symlink("nowhere", p("dangling"))));
    say(said(fs::read(p("dangling"))));
    say(said(fs::write(p("dangling"), "made")));
    say(said(fs::read_to_string(p("nowhere"))));
    say(said(fs::canonicalize(p("d/../link")).map(|c| c.strip_prefix(at).map(Path::to_owned))));
    say(said(fs::canonicalize(p("none"))));
    // Other names of the same file.
    let names = |name: &str| fs::symlink_metadata(p(name)).map(|m| m.nlink());
    say(said(fs::hard_link(p("copy"), p("other"))));
    say(said(fs::hard_link(p("copy"), p("other"))));
    say(said(fs::hard_link(p("none"), p("another"))));
    say(said(fs::hard_link(p("d"), p("another"))));
    say(said(fs::hard_link(p("link"), p("linked"))));
    say(said(names("link")));
    say(said(names("copy")));
    say(said(fs::write(p("other"), "by the other name")));
    say(said(fs::read_to_string(p("copy"))));
    say(said(fs::rename(p("copy"), p("other"))));
    say(said(names("copy")));
    say(said(fs::remove_file(p("linked"))));
    say(said(fs::remove_file(p("other"))));
    say(said(names("copy")));
    say(said(fs::rename(p("copy"), p("d/moved"))));
    say(said(fs::rename(p("copy"), p("d/moved"))));
    say(said(fs::rename(p("d/moved"), p("d/new"))));
    say(said(fs::rename(p("d"), p("d/e/inside"))));
    say(said(fs::rename(p("log"), p("d"))));
    say(said(fs::rename(p("d/e"), p("e"))));
    // Times, locks, and two handles with one position.
    let then = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_007, 89);
    let times = FileTimes::new().set_accessed(then).set_modified(then + Duration::from_secs(1));
    let file = File::options().read(true).write(true).open(p("d/new")).expect("open");
    say(said(file.set_times(times)));
    let told = |m: fs::Metadata| (m.accessed().ok(), m.modified().ok());
    say(said(file.metadata().map(told)));
    say(said(file.set_modified(then)));
    say(said(fs::metadata(p("d/new")).map(told)));
    say(said(file.lock()));
    say(said(file.unlock()));
    let mut twin = file.try_clone().expect("clone");
    say(said(twin.seek(SeekFrom::Start(3))));
    say(said((&file).stream_position()));
    drop(file);
    say(said(twin.write_all(b"twin")));
    say(said(fs::read(p("d/new"))));
    // An open file lives on without its name, and under another.
    let mut open = File::options().read(true).write(true).open(p("d/new")).expect("open");
    say(said(fs::remove_file(p("d/new"))));
    say(said(open.write_all(b"unseen")));
    say(said(open.metadata().map(|m| (m.len(), m.nlink()))));
    say(said(fs::read(p("d/new"))));
    let mut open = File::options().append(true).open(p("log")).expect("open");
    say(said(fs::rename(p("log"), p("e/log"))));
    say(said(open.write_all(b"four\n")));
    say(said(fs::read_to_string(p("e/log"))));
    // Listings, and the end.
    let names = |path: &Path| {
        fs::read_dir(path).and_then(|entries| {
            let mut names = entries
                .map(|e| {
                    e.and_then(|e| {
                        Ok((e.file_name(), e.file_type()?.is_dir(), e.metadata()?.is_file()))
                    })
                })
                .collect::<io::Result<Vec<_>>>()?;
            names.sort();
            Ok(names)
        })
    };
    say(said(names(at)));
    say(said(names(&p("none"))));
    say(said(names(&p("e/log"))));
    for i in 0..300 {
        fs::write(p(&format!("e/a rather long name for an entry, number {i}")), [i as u8])
            .expect("write");
    }
    say(said(names(&p("e")).map(|n| n.len())));
    say(said(fs::remove_dir(p("e"))));
    say(said(fs::remove_dir(p("d/a"))));
    say(said(fs::remove_file(p("d"))).replace("PermissionDenied Some(1)", "IsADirectory Some(21)"));
    say(said(fs::remove_file(p("none"))));
    say(said(fs::remove_dir_all(p("e"))));
    say(said(fs::remove_dir_all(p("none"))));
    say(said(fs::write(p("x".repeat(256).as_str()), "")));
    say(said(names(at)));
    let large: Vec<u8> = (0..3_000_000u32).map(|i| (i / 7) as u8).collect();
    say(said(fs::write(p("large"), &large)));
    say(format!("{:x}", digest(&fs::read(p("large")).expect("large"))));
    out
}

/// What a write to a file says that is open for reading.
fn f_read_only(path: &Path) -> io::Result<usize> {
    File::open(path)?.write(b"x")
}

/// Everything of `std::fs` in a child answers as on the host, error numbers included, and leaves
/// the same files.
pub fn same_as_host() {
    let host = std::env::temp_dir().join(format!("detpar-files-{}", std::process::id()));
    fs::create_dir(&host).expect("a directory on the host");
    let theirs = everything(&host);
    tree::create_dir_all("/t/t").expect("tree");
    let (ours, ()) = detpar::join(|| everything(Path::new("/t/t")), || ());
    for (a, b) in ours.lines().zip(theirs.lines()) {
        assert_eq!(a, b, "child, host");
    }
    assert_eq!(ours.lines().count(), theirs.lines().count());
    println!("{} answers", ours.lines().count());
    let back = host.with_extension("back");
    tree::export("/t/t", &back).expect("export");
    assert_eq!(all_below(&back), all_below(&host));
    fs::remove_dir_all(&host).expect("clean");
    fs::remove_dir_all(&back).expect("clean");
}

/// Names, permissions and contents below a directory of the host.
fn all_below(at: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let mut all = Vec::new();
    let mut left = vec![at.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(&dir).expect("list") {
            let entry = entry.expect("entry");
            let (path, kind) = (entry.path(), entry.file_type().expect("kind"));
            let contents = match () {
                () if kind.is_dir() => Vec::new(),
                () if kind.is_symlink() => {
                    fs::read_link(&path).expect("link").into_os_string().into_encoded_bytes()
                }
                () => fs::read(&path).expect("read"),
            };
            let mode = fs::symlink_metadata(&path).expect("mode").mode();
            all.push((path.strip_prefix(at).expect("below").display().to_string(), mode, contents));
            if kind.is_dir() {
                left.push(path);
            }
        }
    }
    all.sort();
    all
}
