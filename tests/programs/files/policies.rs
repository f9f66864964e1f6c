//! What is done with what two changed, by policy.
use super::{append, conflict, show};
use detpar::fs::{self as tree, Policy};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// A tree in which `/d`, and what was made in it, has a policy.
fn fresh(policy: Policy) {
    tree::remove("/d").ok();
    tree::create_dir_all("/d").expect("mkdir");
    tree::set_policy("/d", policy).expect("policy");
    tree::write("/d/f", "as it was").expect("write");
}

/// Two children, and what comes of it.
fn meet(what: &str, a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    match detpar::try_join(a, b) {
        Ok(_) => {
            println!("{what}:");
            show();
        }
        Err(e) => {
            println!("{what}: {}", conflict(e));
            assert_eq!(tree::list("/d").expect("list"), ["f"]);
            assert_eq!(tree::read_to_string("/d/f").expect("read"), "as it was");
        }
    }
}

/// Overwrites some bytes of a file.
fn patch(path: &str, at: u64, text: &str) {
    let mut file = OpenOptions::new().write(true).open(path).expect("open");
    file.seek(SeekFrom::Start(at)).expect("seek");
    file.write_all(text.as_bytes()).expect("write");
}

fn write(path: &str, text: &str) {
    fs::write(path, text).expect("write");
}

fn cut(path: &str, len: u64) {
    OpenOptions::new().write(true).open(path).expect("open").set_len(len).expect("cut");
}

fn last() {
    let case = |what: &str, a: fn(), b: fn()| {
        fresh(Policy::Last);
        meet(what, a, b);
    };
    case("both write", || write("/d/f", "longer than it was"), || write("/d/f", "b"));
    case("part of it", || write("/d/f", "longer than it was"), || patch("/d/f", 3, "IT"));
    case("parts", || patch("/d/f", 0, "AS"), || patch("/d/f", 3, "IT"));
    case("write, cut", || write("/d/f", "new"), || cut("/d/f", 5));
    case("write, grow", || write("/d/f", "longer than it was"), || cut("/d/f", 10));
    case("write, empty", || write("/d/f", "new"), || write("/d/f", ""));
    case(
        "empty what was empty",
        || write("/d/f", "new"),
        || {
            cut("/d/f", 0);
            cut("/d/f", 0);
        },
    );
    case("both append", || append("/d/f", ", 1"), || append("/d/f", ", 2"));
    case("write, append", || write("/d/f", "new"), || append("/d/f", ", 2"));
    case("both make", || write("/d/g", "longer"), || write("/d/g", "b"));
    case("both make to append", || log("/d/g", "longer"), || log("/d/g", "b"));
    case("make, make a directory", || write("/d/g", "new"), || fs::create_dir("/d/g").expect("g"));
    case("write, remove", || write("/d/f", "new"), || fs::remove_file("/d/f").expect("remove"));
    case("write, rename", || write("/d/f", "new"), || fs::rename("/d/f", "/d/g").expect("rename"));
    case("below", || write_below("1"), || write_below("2"));
    case("copies", || drop(fs::copy("/d/f", "/d/g")), || drop(fs::copy("/d/f", "/d/g")));
    case("permissions", || write_with("/d/g", 0o600), || write_with("/d/g", 0o640));
    println!("{:o}", tree::metadata("/d/g").expect("is").mode() & 0o777);
}

/// Makes a file with permissions of its own.
fn write_with(path: &str, mode: u32) {
    write(path, "text");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permit");
}

/// Appends to a file that is made where it is not there.
fn log(path: &str, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("open");
    file.write_all(text.as_bytes()).expect("append");
}

/// In a directory that both make.
fn write_below(text: &str) {
    fs::create_dir_all("/d/e/e").expect("mkdir");
    write("/d/e/e/f", text);
}

fn appended() {
    let case = |what: &str, a: fn(), b: fn()| {
        fresh(Policy::Append);
        meet(what, a, b);
    };
    case("write, append", || write("/d/f", "new"), || append("/d/f", ", 2"));
    case("append, write", || append("/d/f", ", 1"), || write("/d/f", "new"));
    case("both write", || write("/d/f", "new"), || write("/d/f", "b"));
    case("both make", || log("/d/log", "1"), || log("/d/log", "2"));
    case("make, make to append", || write("/d/log", "1"), || log("/d/log", "2"));
    case("make to append, make", || log("/d/log", "1"), || write("/d/log", "2"));
}

/// Holes of a file that is noted as a whole stay holes.
fn holes() {
    fresh(Policy::Last);
    patch_master("/d/f", 1 << 30);
    detpar::join(
        || write("/d/f", "new"),
        || {
            let mut file = File::options().read(true).write(true).open("/d/f").expect("open");
            let mut text = [0; 2];
            file.read_exact(&mut text).expect("read");
            file.write_all(b"!").expect("write");
        },
    );
    let shape = || {
        let meta = fs::metadata("/d/f").expect("is");
        (meta.len(), meta.blocks())
    };
    println!("bytes, and blocks of 512: {:?}", detpar::join(shape, || ()).0);
}

/// Puts a byte at a place far out.
fn patch_master(path: &'static str, at: u64) {
    detpar::join(move || patch(path, at, "x"), || ());
}

/// Children of children, four at once, and the parent beside an open child.
fn deeper() {
    fresh(Policy::Last);
    let pair = |n: u32| {
        detpar::join(
            || patch("/d/f", 0, &format!("{n}")),
            || patch("/d/f", 3, &format!("{}", n + 1)),
        );
        patch("/d/f", 6, &n.to_string());
    };
    detpar::join(|| pair(1), || pair(5));
    show();
    let open = detpar::fork(0, || patch("/d/f", 0, "child")).expect("fork");
    tree::write("/d/f", "the parent's").expect("write");
    open.join().expect("join");
    show();
    // The policy itself is no contents.
    fresh(Policy::Last);
    let open = detpar::fork(0, || patch("/d/f", 0, "child")).expect("fork");
    tree::set_policy("/d/f", Policy::Append).expect("policy");
    println!("policy, write: {}", conflict(open.join().expect_err("a conflict")));
    assert_eq!(tree::metadata("/d/f").expect("is").policy(), Policy::Append);
}

pub fn policies() {
    last();
    appended();
    holes();
    deeper();
}
