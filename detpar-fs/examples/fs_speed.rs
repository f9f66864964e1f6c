//! How long it takes to write and read a file, to make, look at and remove many, and to fork a
//! file system and reconcile: beside the host's tmpfs in the same run where there is the same thing.
//!
//! `cargo run --release -p detpar-fs --example fs_speed`

use detpar_fs::Mkfs;
use std::io::{Read, Write};
use std::time::Instant;

const FILE: usize = 256 << 20;
const FILES: usize = 100_000;

/// Milliseconds, the best of some rounds.
fn best(rounds: usize, mut f: impl FnMut()) -> f64 {
    let round = |_| {
        let start = Instant::now();
        f();
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..rounds).map(round).fold(f64::MAX, f64::min)
}

fn main() -> std::io::Result<()> {
    let host = std::path::Path::new("/dev/shm/detpar-fs-speed");
    std::fs::create_dir_all(host)?;
    let fs = Mkfs::new().inodes(1 << 18).mkfs()?;
    println!("{:28} {:>10} {:>10}", "milliseconds", "detpar-fs", "tmpfs");
    let row = |what: &str, a: f64, b: f64| println!("{what:28} {a:10.2} {b:10.2}");
    for chunk in [4096, 65_536, 1 << 20] {
        let data = vec![7u8; chunk];
        let mut to = vec![0u8; chunk];
        let name = host.join("file");
        let ours = best(3, || {
            let mut f = fs.create("file").unwrap();
            (0..FILE / chunk).for_each(|_| f.write_all(&data).unwrap());
        });
        let theirs = best(3, || {
            let mut f = std::fs::File::create(&name).unwrap();
            (0..FILE / chunk).for_each(|_| f.write_all(&data).unwrap());
        });
        row(&format!("write 256 MiB by {chunk}"), ours, theirs);
        let ours = best(3, || {
            let mut f = fs.open("file").unwrap();
            (0..FILE / chunk).for_each(|_| f.read_exact(&mut to).unwrap());
        });
        let theirs = best(3, || {
            let mut f = std::fs::File::open(&name).unwrap();
            (0..FILE / chunk).for_each(|_| f.read_exact(&mut to).unwrap());
        });
        row(&format!("read 256 MiB by {chunk}"), ours, theirs);
    }
    let names: Vec<String> = (0..FILES).map(|i| format!("d/file-number-{i}")).collect();
    fs.create_dir("d")?;
    std::fs::create_dir_all(host.join("d"))?;
    let at = |n: &String| host.join(n);
    let ours = best(1, || names.iter().for_each(|n| drop(fs.create(n).unwrap())));
    let theirs = best(1, || names.iter().for_each(|n| drop(std::fs::File::create(at(n)).unwrap())));
    row("create 100,000 files", ours, theirs);
    let ours = best(1, || names.iter().for_each(|n| _ = fs.metadata(n).unwrap()));
    let theirs = best(1, || names.iter().for_each(|n| _ = std::fs::metadata(at(n)).unwrap()));
    row("stat 100,000 files", ours, theirs);
    let ours = best(1, || assert_eq!(fs.read_dir("d").unwrap().count(), FILES));
    let theirs = best(1, || assert_eq!(std::fs::read_dir(host.join("d")).unwrap().count(), FILES));
    row("list 100,000 files", ours, theirs);
    for (files, what) in [(100, "100 files"), (FILES, "100,000 files")] {
        let fs = Mkfs::new().inodes(1 << 18).mkfs()?;
        fs.create_dir("d")?;
        names[..files].iter().for_each(|n| fs.write(n, b"as it was").unwrap());
        let rounds = best(5, || {
            (0..100).for_each(|i| {
                let child = fs.fork();
                (0..10).for_each(|k| child.write(&names[i % 7 * 10 + k], b"changed").unwrap());
                fs.reconcile(&[&child]).unwrap();
            });
        });
        println!("fork, change 10, join: {what:14} {:.4}", rounds / 100.0);
    }
    let ours = best(1, || names.iter().for_each(|n| fs.remove_file(n).unwrap()));
    let theirs = best(1, || names.iter().for_each(|n| std::fs::remove_file(at(n)).unwrap()));
    row("unlink 100,000 files", ours, theirs);
    std::fs::remove_dir_all(host)
}
