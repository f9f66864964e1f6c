//! Files of children: `std::fs` on the tree in memory, and how changes come together.
use detpar::{JoinError, fs as tree};
use detpar_tests::program::digest;
use std::fmt::Write as _;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

type Case = fn();

const CASES: &[(&str, Case)] = &[
    ("same_as_host", same_as_host),
    ("merged", merged),
    ("appended", appended),
    ("conflicts", conflicts),
    ("rolled_back", rolled_back),
    ("nested", nested),
    ("open_children", open_children),
    ("phases", phases),
    ("many", many),
    ("inherited", inherited),
    ("refused", refused),
    ("import_export", import_export),
    ("checked", checked),
    ("deep_stack", deep_stack),
    ("overfull", overfull),
];

#[detpar::main]
fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    match CASES.iter().find(|(name, _)| *name == wanted) {
        Some((_, case)) => case(),
        None => return ExitCode::from(64),
    }
    ExitCode::SUCCESS
}

/// The kind of an error and its number, or the value.
fn said<T: std::fmt::Debug>(r: io::Result<T>) -> String {
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
fn same_as_host() {
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

/// The whole tree as text.
fn show() {
    fn below(path: &str, to: &mut String) {
        for name in tree::list(path).expect("list") {
            let path = format!("{}/{}", path.trim_end_matches('/'), name.display());
            let meta = tree::metadata(&path).expect("metadata");
            if meta.is_dir() {
                let _ = writeln!(to, "{path}/");
                below(&path, to);
            } else {
                let text = tree::read(&path).expect("read");
                let text = String::from_utf8_lossy(&text).replace('\n', "|");
                let _ = writeln!(to, "{path}: {text}");
            }
        }
    }
    let mut text = String::new();
    below("/", &mut text);
    print!("{text}");
}

fn merged() {
    tree::write("/in/a", "first").expect("write");
    tree::write("/in/b", "second").expect("write");
    let (a, b) = detpar::join(
        || {
            fs::write("/in/a", "changed").expect("write");
            fs::create_dir("/left").expect("mkdir");
            fs::write("/left/x", "1").expect("write");
            fs::read_to_string("/in/b").expect("read")
        },
        || {
            fs::remove_file("/in/b").expect("remove");
            fs::write("right", "relative to the root").expect("write");
            fs::read_to_string("/in/a").expect("read")
        },
    );
    println!("{a} {b}");
    show();
}

fn append(path: &str, text: &str) {
    let mut f = OpenOptions::new().append(true).open(path).expect("open");
    f.write_all(text.as_bytes()).expect("append");
}

fn appended() {
    tree::write("/log", "start\n").expect("write");
    for round in 0..3 {
        detpar::join(
            || {
                detpar::join(
                    || append("/log", &format!("{round} a\n")),
                    || append("/log", &format!("{round} b\n")),
                );
                append("/log", &format!("{round} ab\n"));
            },
            || append("/log", &format!("{round} c\n")),
        );
    }
    show();
}

fn conflict(e: JoinError) -> String {
    match &e {
        JoinError::File(c) => format!("{:?} {:?}", c.path(), c.children()),
        _ => panic!("{e}"),
    }
}

fn meet(a: fn(), b: fn()) {
    tree::remove("/d").ok();
    tree::write("/d/f", "as it was").expect("write");
    let mut value = 0;
    let met = detpar::try_join(
        || {
            a();
            value += 1;
        },
        b,
    );
    match met {
        Ok(_) => println!("both"),
        Err(e) => {
            println!("{}", conflict(e));
            assert_eq!(value, 0, "memory is not merged where files conflict");
            assert_eq!(tree::read_to_string("/d/f").expect("read"), "as it was");
            assert_eq!(tree::list("/d").expect("list").len(), 1);
        }
    }
}

fn write_f() {
    fs::write("/d/f", "new").expect("write");
}

/// Into a directory that each makes where it is not there.
fn write_to_common(name: &str) {
    fs::create_dir_all("/d/out/of").expect("mkdir");
    fs::write(format!("/d/out/of/{name}"), name).expect("write");
}

fn conflicts() {
    meet(write_f, write_f);
    meet(write_f, || append("/d/f", "more"));
    meet(|| append("/d/f", "a"), || append("/d/f", "b"));
    meet(write_f, || fs::remove_file("/d/f").expect("remove"));
    meet(|| fs::remove_file("/d/f").expect("remove"), || fs::remove_file("/d/f").expect("remove"));
    meet(|| fs::create_dir("/d/x").expect("mkdir"), || fs::write("/d/x", "").expect("write"));
    meet(|| write_to_common("a"), || write_to_common("b"));
    meet(
        || fs::create_dir("/d/x").expect("mkdir"),
        || fs::create_dir("/d/x").and_then(|()| fs::remove_dir("/d/x")).expect("removed again"),
    );
    meet(|| fs::write("/d/x", "").expect("write"), || fs::write("/d/y", "").expect("write"));
    meet(|| fs::rename("/d", "/e").expect("rename"), || fs::write("/d/y", "").expect("write"));
    meet(|| symlink("f", "/d/l").and_then(|()| fs::write("/d/l", "x")).expect("link"), write_f);
    meet(|| drop(fs::read("/d/f").expect("read")), write_f);
    let e = detpar::try_join(write_f, write_f).expect_err("a conflict");
    println!("{e}");
}

/// Whatever fails a join, no file changes.
fn rolled_back() {
    tree::write("/f", "before").expect("write");
    let change = || fs::write("/f", "after").expect("write");
    let e = detpar::try_join(change, || panic!("no")).expect_err("a panic");
    println!("{e}");
    show();
    let e = detpar::try_join(change, || {
        fs::read("/f").map(|_| std::process::id()).map(|_| {
            let _ = std::net::TcpStream::connect("127.0.0.1:1");
        })
    })
    .expect_err("refused");
    println!("{}", matches!(e, JoinError::Forbidden(_)));
    show();
    // A child whose own join fails goes on without what its children did.
    detpar::join(
        || {
            fs::write("/g", "kept").expect("write");
            let failed = detpar::try_join(change, || panic!("inside"));
            assert!(failed.is_err());
            assert_eq!(fs::read_to_string("/f").expect("read"), "before");
        },
        || (),
    );
    show();
    detpar::join(change, || ());
    show();
}

/// A tree of children, each with a file of its own, three deep; every one sees what its own have
/// done, and nothing of others.
fn grow(path: String, depth: u32) -> u64 {
    fs::create_dir(&path).expect("mkdir");
    fs::write(format!("{path}/own"), format!("{depth}")).expect("write");
    if depth > 0 {
        let (a, b) = detpar::join(
            || grow(format!("{path}/a"), depth - 1),
            || grow(format!("{path}/b"), depth - 1),
        );
        let names = fs::read_dir(&path).expect("list").count();
        assert_eq!(names, 3);
        let deep = fs::read_to_string(format!("{path}/b/own")).expect("read");
        fs::write(format!("{path}/sum"), format!("{a} {b} {deep}")).expect("write");
        append(&format!("{path}/a/own"), "!");
        fs::rename(format!("{path}/b"), format!("{path}/c")).expect("rename");
        return a + b + 1;
    }
    1
}

fn nested() {
    tree::create_dir_all("/t").expect("mkdir");
    let (a, b) = detpar::join(|| grow("/t/x".into(), 3), || grow("/t/y".into(), 2));
    println!("{a} {b}");
    show();
    // Below one that uses no file itself, and beside one that only reads.
    detpar::join(
        || detpar::join(|| detpar::join(|| fs::write("/deep", "1").expect("write"), || ()), || ()),
        || {
            detpar::join(
                || fs::read("/t/x/own").expect("read"),
                || fs::read("/t/y/own").expect("read"),
            )
        },
    );
    // A conflict two levels apart.
    let e = detpar::try_join(
        || detpar::join(|| fs::write("/deep", "2").expect("write"), || ()),
        || detpar::join(|| (), || fs::write("/deep", "3").expect("write")),
    );
    println!("{}", conflict(e.expect_err("a conflict")));
    println!("{}", tree::read_to_string("/deep").expect("read"));
}

fn open_children() {
    tree::write("/f", "0").expect("write");
    tree::write("/g", "0").expect("write");
    detpar::scope(|s| {
        s.spawn(|_| fs::write("/a", "a").expect("write"));
        tree::write("/b", "b").expect("write");
        s.spawn(|_| {
            assert_eq!(fs::read("/b").expect("as of its start"), b"b");
            assert!(fs::read("/a").is_err());
            fs::write("/c", "c").expect("write");
        });
    });
    show();
    // The parent changed it after the child started; then, before.
    let child = detpar::fork(1, || fs::write("/f", "child").expect("write")).expect("fork");
    tree::write("/f", "parent").expect("write");
    println!("{}", conflict(child.join().expect_err("a conflict")));
    tree::write("/g", "parent").expect("write");
    let child = detpar::fork(1, || fs::write("/g", "child").expect("write")).expect("fork");
    child.join().expect("no conflict");
    // Two children one after the other, both from before.
    let write = |text: &'static str| move || fs::write("/f", text).expect("write");
    let first = detpar::fork(1, write("first")).expect("fork");
    let second = detpar::fork(2, write("second")).expect("fork");
    first.join().expect("the first is merged");
    println!("{}", conflict(second.join().expect_err("a conflict")));
    show();
}

/// Files come together at the end, not at barriers; what was said before one counts.
fn phases() {
    tree::write("/f", "0").expect("write");
    let barrier = || kernel::call::barrier().expect("a barrier");
    detpar::join(
        || {
            fs::write("/f", "1").expect("write");
            barrier();
            assert_eq!(fs::read("/f").expect("its own"), b"1");
            append("/f", "2");
            barrier();
            append("/f", "3");
        },
        || {
            barrier();
            assert_eq!(fs::read("/f").expect("as at the start"), b"0");
            fs::write("/g", "g").expect("write");
        },
    );
    show();
    let e = detpar::try_join(
        || fs::write("/f", "ended before").expect("write"),
        || {
            barrier();
            fs::write("/f", "late").expect("write");
        },
    );
    println!("{}", conflict(e.expect_err("a conflict")));
    show();
}

fn many() {
    use detpar::prelude::*;
    tree::create_dir_all("/out").expect("mkdir");
    tree::write("/all", "").expect("write");
    for round in 0..3 {
        (0..300usize).into_par_iter().for_each(|i| {
            fs::write(format!("/out/{round}.{i}"), i.to_string()).expect("write");
            if i % 50 == 0 {
                append("/all", &format!("{i} "));
            }
        });
    }
    println!("{}", tree::list("/out").expect("list").len());
    println!("{}", tree::read_to_string("/all").expect("read"));
}

/// A file that a parent has open is not a child's: used it is refused, dropped it stays open.
fn inherited() {
    tree::write("/f", "abc").expect("write");
    detpar::join(
        || {
            let mut file = File::open("/f").expect("open");
            let copy = unsafe_copy(&file);
            detpar::join(
                || {
                    drop(copy);
                    let own = File::open("/f").expect("open");
                    assert_eq!(io::read_to_string(own).expect("read"), "abc");
                },
                || (),
            );
            let mut text = String::new();
            file.read_to_string(&mut text).expect("still open");
            assert_eq!(text, "abc");
            let e = detpar::try_join(|| (&file).read(&mut [0; 1]).is_ok(), || ());
            println!("{}", matches!(e, Err(JoinError::Forbidden(_))));
        },
        || (),
    );
}

/// Another handle of the same number, to be dropped elsewhere.
fn unsafe_copy(file: &File) -> File {
    use std::os::fd::{AsRawFd, FromRawFd};
    // SAFETY: dropped in a child only, which has its own copy of the number.
    unsafe { File::from_raw_fd(file.as_raw_fd()) }
}

/// Without a tree nothing is answered, and hard links never.
fn refused() {
    let e = detpar::try_join(|| fs::write("/f", "x").is_ok(), || ()).expect_err("refused");
    println!("{e}");
    tree::write("/f", "x").expect("write");
    let (said, ()) = detpar::join(|| said(fs::hard_link("/f", "/g")), || ());
    println!("{said}");
    let host = std::env::current_exe().expect("exe");
    let (there, ()) = detpar::join(|| host.exists(), || ());
    println!("{there}");
}

fn import_export() {
    let host = std::env::temp_dir().join(format!("detpar-import-{}", std::process::id()));
    fs::create_dir_all(host.join("d/e")).expect("mkdir");
    fs::write(host.join("d/a"), "a").expect("write");
    fs::write(host.join("d/e/large"), vec![7; 2_500_000]).expect("write");
    symlink("a", host.join("d/link")).expect("link");
    tree::import(host.join("d"), "/in/d").expect("import");
    let (sum, ()) = detpar::join(
        || {
            fs::write("/in/d/a", "changed").expect("write");
            fs::read("/in/d/e/large").expect("read").iter().map(|b| u64::from(*b)).sum::<u64>()
        },
        || fs::rename("/in/d/e", "/in/d/f").expect("rename"),
    );
    println!("{sum} {}", fs::read_to_string(host.join("d/a")).expect("the host's is as it was"));
    tree::export("/in/d", host.join("out")).expect("export");
    println!("{}", fs::read_to_string(host.join("out/link")).expect("read"));
    println!("{}", fs::metadata(host.join("out/f/large")).expect("there").len());
    // A file, since most of an image is holes.
    let mut how = OpenOptions::new();
    how.read(true).write(true).create_new(true);
    let mut image = how.open(host.join("image")).expect("create");
    tree::save(&mut image).expect("save");
    tree::remove("/in").expect("remove");
    tree::load(&mut image).expect("load");
    let (text, ()) = detpar::join(|| fs::read_to_string("/in/d/a").expect("read"), || ());
    println!("{text}");
    fs::remove_dir_all(host).expect("clean");
}

/// Each child has room for what it writes; both together need more than their parent has.
fn overfull() {
    let mut image = Vec::new();
    let small = detpar_fs::Mkfs::new().blocks(200).inodes(64).mkfs().expect("mkfs");
    small.save(&mut image).expect("save");
    tree::load(&mut image).expect("load");
    let fill = |name: &'static str| move || fs::write(name, vec![7; 120 * 4096]).expect("write");
    detpar::join(fill("/a"), fill("/b"));
    let more = || fs::write("/c", vec![7; 500 * 4096]).expect_err("no room").raw_os_error();
    let (full, whole) = detpar::join(more, || fs::read("/b").expect("read").len());
    assert_eq!((full, whole), (Some(28), 120 * 4096));
    println!("room was made");
}

/// Children that read the same files, and write others: nothing that checking mode finds.
fn checked() {
    tree::write("/in", "shared").expect("write");
    for round in 0..3 {
        let work = |i: usize| {
            move || {
                let text = fs::read_to_string("/in").expect("read");
                fs::write(format!("/{round}.{i}"), text.repeat(i + 1)).expect("write");
                let again = || fs::read_dir("/").expect("list").count();
                detpar::join(again, again)
            }
        };
        let counts = detpar::join(work(0), work(1));
        println!("{counts:?}");
    }
    show();
}

/// A call of a child whose stack has little left.
fn deep_stack() {
    fn down(depth: usize, f: &mut dyn FnMut()) -> u8 {
        let room = std::hint::black_box([depth as u8; 4096]);
        if depth == 0 {
            f();
            return room[0];
        }
        room[1] ^ down(depth - 1, f)
    }
    tree::write("/f", "x".repeat(100_000)).expect("write");
    let (len, ()) = detpar::join(
        || {
            let mut len = 0;
            down(1500, &mut || len = fs::read("/f").expect("read").len());
            len
        },
        || (),
    );
    println!("{len}");
}
