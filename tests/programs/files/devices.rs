//! The system's devices, by name: beside the host's, without a tree and with one.
use super::host::said;
use detpar::fs as tree;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};

/// What a program can ask of a device that says the same to everybody.
fn everything() -> String {
    let mut out = String::new();
    let mut say = |what: String| {
        let _ = writeln!(out, "{what}");
    };
    for name in ["/dev/null", "/dev/zero", "/dev/full"] {
        say(name.into());
        say(said(fs::metadata(name).map(|m| (m.file_type().is_char_device(), m.mode(), m.rdev()))));
        say(said(fs::symlink_metadata(name).map(|m| (m.nlink(), m.len()))));
        say(said(fs::exists(name)));
        let mut how = OpenOptions::new();
        let mut both = how.read(true).write(true).open(name).expect("open");
        let mut bytes = [7; 5];
        say(said(both.read(&mut bytes)));
        say(format!("{bytes:?}"));
        say(said(both.read_at(&mut bytes, 100)));
        say(said(both.write(b"abc")));
        say(said(both.write_vectored(&[io::IoSlice::new(b"a"), io::IoSlice::new(b"bc")])));
        say(said(both.write(b"")));
        say(said(both.seek(SeekFrom::Start(10))));
        say(said(both.metadata().map(|m| (m.mode(), m.rdev()))));
        say(said(both.set_len(0)));
        let twin = both.try_clone().expect("clone");
        drop(both);
        say(said((&twin).write(b"twin")));
        say(said(File::open(name).and_then(|mut f| f.write(b"x"))));
        say(said(how.read(false).open(name).and_then(|mut f| f.read(&mut bytes))));
        say(said(File::create(name).and_then(|mut f| f.flush())));
        say(said(File::create_new(name).map(drop)));
        say(said(fs::read_dir(name).map(drop)));
        say(said(fs::metadata(format!("{name}/x")).map(drop)));
    }
    say(said(fs::read("/dev/null")));
    say(said(fs::write("/dev/null", "gone")));
    say(said(fs::write("/dev/full", "no room")));
    out
}

pub fn devices() {
    let host = everything();
    let in_child = || detpar::join(everything, || ()).0;
    compare(&host, &in_child());
    // Two of them in a child whose parent has one open that this may drop.
    let within = || {
        let null = File::open("/dev/null").expect("open");
        let other = || {
            let own = File::open("/dev/zero").expect("open");
            drop(super::unsafe_copy(&null));
            let mut byte = [1];
            (&own).read_exact(&mut byte).expect("still open");
            byte
        };
        (detpar::join(other, other), null.as_raw_fd() > 2)
    };
    println!("{:?}", detpar::join(within, within));
    println!("{:?}", detpar::join(random, random));
    streams();
    let e = detpar::try_join(|| fs::write("/f", "x").is_ok(), || ()).expect_err("refused");
    println!("{}", e.to_string().contains("give children a tree of files in memory"));
    tree::write("/f", "x").expect("write");
    compare(&host, &in_child());
    println!("{:?}", detpar::join(within, within));
    streams();
}

fn compare(host: &str, child: &str) {
    for (host, child) in host.lines().zip(child.lines()) {
        assert_eq!(host, child);
    }
    println!("{} answers", child.lines().count());
}

/// Not of the machine: of the seed and the child.
fn random() -> [u8; 4] {
    let mut bytes = [0; 4];
    let mut from = File::open("/dev/urandom").expect("open");
    from.read_exact(&mut bytes).expect("read");
    bytes
}

/// Standard streams by their names.
fn streams() {
    let print = |text: &'static str| {
        move || {
            println!("{text} 1");
            let mut out = OpenOptions::new().append(true).open("/dev/stdout").expect("open");
            writeln!(out, "{text} 2").expect("write");
            assert!(out.metadata().expect("of a pipe").file_type().is_fifo());
            fs::write("/dev/stdout", format!("{text} 3\n")).expect("write");
            fs::write("/dev/stderr", format!("{text} to stderr\n")).expect("write");
            println!("{text} 4");
            said(fs::read("/dev/stdout").map(drop))
        }
    };
    println!("{:?}", detpar::join(print("a"), print("b")));
    let line = || {
        let mut line = String::new();
        let input = File::open("/dev/stdin").expect("open");
        BufReader::new(input).read_line(&mut line).expect("read");
        line
    };
    println!("{:?}", detpar::join(line, line));
}
