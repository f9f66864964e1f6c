//! Random operations, and what they answer, in a form that two file systems can be compared by.

use crate::random::Random;
use std::io;

/// How a file is opened.
#[derive(Clone, Copy, Debug)]
pub struct Flags {
    pub read: bool,
    pub write: bool,
    pub append: bool,
    pub create: bool,
    pub create_new: bool,
    pub truncate: bool,
}

/// An operation. Slots are open files.
#[derive(Clone, Debug)]
pub enum Op {
    Open { slot: usize, path: String, flags: Flags },
    Close { slot: usize },
    Read { slot: usize, len: usize },
    ReadAt { slot: usize, len: usize, at: u64 },
    Write { slot: usize, len: usize, byte: u8 },
    WriteAt { slot: usize, len: usize, at: u64, byte: u8 },
    Seek { slot: usize, to: io::SeekFrom },
    SeekData { slot: usize, from: u64, data: bool },
    SetLen { slot: usize, len: u64 },
    StatFile { slot: usize },
    Stat { path: String, follow: bool },
    Mkdir { path: String },
    Rmdir { path: String },
    Unlink { path: String },
    Rename { from: String, to: String },
    Link { old: String, new: String },
    Symlink { target: String, path: String },
    Readlink { path: String },
    List { path: String },
    Chmod { path: String, mode: u32 },
}

/// What is compared of a file's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    pub mode: u32,
    /// Not of directories: how long those are is a file system's own matter.
    pub len: u64,
    pub nlink: u64,
}

/// What an operation answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    Number(u64),
    Bytes(Vec<u8>),
    Stat(Stat),
    /// Sorted names, with the type's letter.
    Names(Vec<String>),
    Error(i32),
    NotOpen,
}

/// A file system to be tried.
pub trait Subject {
    fn apply(&mut self, op: &Op) -> Answer;
}

pub const SLOTS: usize = 6;

/// Where paths begin: below some directories, since `..` behind links leads out of any.
pub const BASE: &str = "w/w/w/w/w/w";

fn path(r: &mut Random) -> String {
    let mut path = String::new();
    if r.one_in(300) {
        return String::new();
    }
    let depth = 1 + r.below(4);
    for i in 0..depth {
        let name = match r.below(40) {
            0 => ".".to_string(),
            // Below the subject's own root, or it would be left.
            1 if i > 1 => "..".to_string(),
            2 => format!("{}{}", "n".repeat(254), r.below(3)),
            3 if r.one_in(4) => "l".repeat(256),
            _ => ["a", "b", "c", "d", "e", "f", "g", "h"][r.below(8) as usize].to_string(),
        };
        path.push_str(&name);
        if i + 1 < depth {
            path.push('/');
        }
    }
    if r.one_in(25) {
        path.push('/');
    }
    if r.one_in(1000) {
        path.push_str(&"/q".repeat(2048));
    }
    path
}

fn place(r: &mut Random) -> u64 {
    match r.below(20) {
        0 => r.below(1 << 20),
        1 => r.below(1 << 30),
        2 => 4096 * r.below(40),
        _ => r.below(60_000),
    }
}

fn len(r: &mut Random) -> usize {
    match r.below(8) {
        0 => 4096 * r.below(5) as usize,
        1 => r.below(30_000) as usize,
        _ => r.below(300) as usize,
    }
}

/// The next operation.
pub fn next(r: &mut Random) -> Op {
    let slot = r.below(SLOTS as u64) as usize;
    let byte = 1 + r.below(255) as u8;
    match r.below(44) {
        0..=6 => {
            let access = r.below(4);
            let flags = Flags {
                read: access != 1 && access != 3,
                write: access == 1 || access == 2,
                append: access == 3,
                create: access != 0 && r.below(3) > 0,
                create_new: access != 0 && r.one_in(6),
                truncate: (access == 1 || access == 2) && r.one_in(3),
            };
            Op::Open { slot, path: path(r), flags }
        }
        7 | 8 => Op::Close { slot },
        9 | 10 => Op::Read { slot, len: len(r) },
        11 | 12 => Op::ReadAt { slot, len: len(r), at: place(r) },
        13..=15 => Op::Write { slot, len: len(r), byte },
        16..=18 => Op::WriteAt { slot, len: len(r), at: place(r), byte },
        19 => {
            let by = r.below(9000) as i64 - 4500;
            let to = match r.below(3) {
                0 => io::SeekFrom::Start(place(r)),
                1 => io::SeekFrom::Current(by),
                _ => io::SeekFrom::End(by),
            };
            Op::Seek { slot, to }
        }
        20 => Op::SeekData { slot, from: place(r), data: r.one_in(2) },
        21 => Op::SetLen { slot, len: place(r) },
        22 => Op::StatFile { slot },
        23 | 24 => Op::Stat { path: path(r), follow: r.one_in(2) },
        25..=28 => Op::Mkdir { path: path(r) },
        29 | 30 => Op::Rmdir { path: path(r) },
        31 | 32 => Op::Unlink { path: path(r) },
        33..=36 => Op::Rename { from: path(r), to: path(r) },
        37 | 38 => Op::Link { old: path(r), new: path(r) },
        39 | 40 => {
            let target = if r.one_in(12) { "x/".repeat(80) } else { path(r) };
            Op::Symlink { target, path: path(r) }
        }
        41 => Op::Readlink { path: path(r) },
        42 => Op::List { path: path(r) },
        _ => Op::Chmod { path: path(r), mode: r.below(0o10000) as u32 },
    }
}
