//! Streams of operations, on trees that fork and come together again.

use crate::input::Input;
use detpar_fs::{File, Fs, Mkfs, OpenOptions, Policy};
use std::ffi::OsStr;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Parts of paths that a stream names by one byte; all else is spelled out.
const NAMES: [&str; 14] = [
    "a", "b", "c", "short", "small", "sparse", "large", ".", "..", "", "new", "a/b", "x/../a", "y/",
];

fn path(input: &mut Input<'_>) -> PathBuf {
    let mut all = Vec::new();
    let how = input.byte();
    if how & 4 != 0 {
        all.push(b'/');
    }
    for i in 0..1 + how % 4 {
        if i > 0 {
            all.push(b'/');
        }
        let part = input.byte();
        match NAMES.get(usize::from(part)) {
            Some(name) => all.extend(name.bytes()),
            None if part < 200 => all.extend(NAMES[usize::from(part) % NAMES.len()].bytes()),
            None if part < 250 => all.extend(input.bytes(usize::from(part - 199))),
            None => all.extend(std::iter::repeat_n(b'n', usize::from(input.short()) % 5000)),
        }
    }
    OsStr::from_bytes(&all).into()
}

/// Does what the input says, up to a number of operations; errors are answers as any other.
pub fn change(fs: &Fs, input: &mut Input<'_>) {
    let mut open: Vec<File> = Vec::new();
    for _ in 0..64 {
        if input.is_empty() {
            break;
        }
        one(fs, input, &mut open);
    }
}

fn one(fs: &Fs, input: &mut Input<'_>, open: &mut Vec<File>) {
    let what = input.byte();
    match what % 25 {
        0 => drop(fs.create_dir(path(input))),
        1 => drop(fs.create_dir_all(path(input))),
        2 => drop(fs.write(path(input), vec![what; input.size()])),
        3 => drop(fs.remove_file(path(input))),
        4 => drop(fs.remove_dir(path(input))),
        5 => drop(fs.remove_dir_all(path(input))),
        6 => drop(fs.rename(path(input), path(input))),
        7 => drop(fs.hard_link(path(input), path(input))),
        8 => drop(fs.symlink(path(input), path(input))),
        9 => drop(fs.read_link(path(input))),
        10 => drop(fs.metadata(path(input))),
        11 => drop(fs.symlink_metadata(path(input))),
        12 => {
            if let Ok(mut list) = fs.read_dir(path(input)) {
                list.seek(input.number());
                drop(list.take(100).collect::<Vec<_>>());
            }
        }
        13 => drop(fs.set_permissions(path(input), input.word())),
        14 => {
            let policy = [Policy::Conflict, Policy::Last, Policy::Append];
            drop(fs.set_policy(path(input), policy[usize::from(input.byte()) % 3]));
        }
        15 => {
            let bits = input.byte();
            let file = OpenOptions::new()
                .read(bits & 1 != 0)
                .write(bits & 2 != 0)
                .append(bits & 4 != 0)
                .create(bits & 8 != 0)
                .create_new(bits & 16 != 0)
                .truncate(bits & 32 != 0)
                .open(fs, path(input));
            open.extend(file.ok().filter(|_| open.len() < 8));
        }
        16 => drop(fs.grow(input.word() % 384)),
        17 => drop(open.pop()),
        op => {
            let which = usize::from(input.byte()) % open.len().max(1);
            let Some(file) = open.get_mut(which) else { return };
            let number = input.number();
            let len = input.size();
            match op {
                18 => drop(file.write_at(&vec![what; len], number)),
                19 => drop(file.read_at(&mut vec![0; len], number)),
                20 => drop(file.set_len(number)),
                21 => drop(file.seek(SeekFrom::End(number as i64))),
                22 => drop(file.write(&vec![what; len])),
                23 => drop(file.read(&mut vec![0; len])),
                _ => drop((file.seek_data(number), file.seek_hole(number))),
            }
        }
    }
}

/// A tree and its children, twice; then it is saved and loaded.
pub fn run(input: &mut Input<'_>) {
    let fs = Mkfs::new().blocks(128).inodes(64).mkfs().expect("there is room");
    change(&fs, input);
    for _ in 0..2 {
        let children: Vec<Fs> = (0..1 + input.byte() % 3).map(|_| fs.fork()).collect();
        for child in &children {
            change(child, input);
            let grandchild = child.fork();
            change(&grandchild, input);
            drop(child.reconcile(&[&grandchild]));
        }
        let before = fs.usage();
        if fs.reconcile(&children.iter().collect::<Vec<_>>()).is_err() {
            let after = fs.usage();
            let room = |u: &detpar_fs::Usage| (u.blocks, u.free_blocks, u.free_inodes);
            assert_eq!(room(&before), room(&after), "a failed reconcile changes nothing");
        }
        assert_eq!(fs.check(), [], "after a reconcile");
    }
    let mut store = Vec::new();
    fs.save(&mut store).expect("memory does not fail");
    let loaded = Fs::load(&mut store, || 0).expect("what was saved can be loaded");
    assert_eq!(loaded.check(), [], "after loading");
}
