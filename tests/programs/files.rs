//! Files of children: `std::fs` on the tree in memory, and how changes come together.
use detpar::{JoinError, fs as tree};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::process::ExitCode;

#[path = "files/devices.rs"]
mod devices;
#[path = "files/host.rs"]
mod host;
#[path = "files/links.rs"]
mod links;
#[path = "files/policies.rs"]
mod policies;
#[path = "files/random.rs"]
mod random;

type Case = fn();

const CASES: &[(&str, Case)] = &[
    ("same_as_host", host::same_as_host),
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
    ("devices", devices::devices),
    ("image_in_memory", image_in_memory),
    ("links", links::links),
    ("links_within", links::links_within),
    ("policies", policies::policies),
    ("random", random::random),
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

/// Without a tree nothing is answered, and nothing of the host ever.
fn refused() {
    let e = detpar::try_join(|| fs::write("/f", "x").is_ok(), || ()).expect_err("refused");
    println!("{e}");
    tree::write("/f", "x").expect("write");
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

/// The image of a tree with room for 4 GiB is holes for the most part.
fn image_in_memory() {
    let shared = || {
        let status = fs::read_to_string("/proc/self/status").expect("status");
        let line = status.lines().find_map(|l| l.strip_prefix("RssShmem:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
    };
    tree::write("/f", "text").expect("write");
    let mut image = Vec::new();
    tree::save(&mut image).expect("save");
    assert!(image.len() > 4_000_000_000 && shared() < 100_000, "{} kB", shared());
    tree::write("/g", vec![7; 10_000]).expect("write");
    tree::save(&mut image).expect("save again");
    tree::load(&mut image).expect("load");
    assert!(shared() < 100_000, "{} kB", shared());
    let (text, ()) = detpar::join(|| fs::read_to_string("/f").expect("read"), || ());
    println!("{text} {}", tree::read("/g").expect("read").len());
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
