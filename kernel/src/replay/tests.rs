//! Files that are no good: every one is a typed error.

use super::file::{self, Chunk, END, Failure, Hash};
use super::{Inputs, Mode};
use crate::sys;

/// A record of one call, `bytes` that are told of the run and an end.
fn record(about: &[u8]) -> i32 {
    let fd = sys::memory_file(c"record", 0).expect("a file");
    file::begin(fd, 7, about).expect("the beginning");
    let mut at = file::FIRST + size_of::<Chunk>() + about.len();
    for (number, nr) in [(1, 39), (2, END)] {
        let mut chunk = Chunk { nr, len: 3, result: 5, key: 9, sum: 0 };
        let mut sum = chunk.head(number);
        sum.bytes(b"abc");
        chunk.sum = sum.0;
        file::write(fd, &chunk.to_bytes(), at).expect("its head");
        file::write(fd, b"abc", at + size_of::<Chunk>()).expect("its bytes");
        at += size_of::<Chunk>() + 3;
    }
    fd
}

fn bytes(fd: i32) -> Vec<u8> {
    let len = file::FIRST + 3 * size_of::<Chunk>() + 5 + 6;
    let mut bytes = vec![0; len];
    file::read(fd, &mut bytes, 0).expect("the record");
    bytes
}

fn opened(bytes: &[u8]) -> Result<Inputs, Failure> {
    let fd = sys::memory_file(c"copy", 0).expect("a file");
    file::write(fd, bytes, 0).expect("room");
    let result = Inputs::replay(fd);
    result.inspect(|i| sys::close(i.fd)).inspect_err(|_| sys::close(fd))
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let inputs = Inputs::replay(record(b"hello")).expect("a record");
    assert_eq!((inputs.mode(), inputs.pid), (Mode::Replay, 7));
    assert_eq!(inputs.about().expect("readable"), b"hello");
}

#[test]
fn every_cut_and_every_flipped_bit_is_seen() {
    let whole = bytes(record(b"hello"));
    assert!(opened(&whole).is_ok());
    for n in 0..whole.len() {
        let failure = opened(&whole[..n]).expect_err("a cut record");
        let short = n < file::FIRST;
        assert_eq!(matches!(failure, Failure::NotARecord), short, "{n}: {failure}");
        assert_eq!(matches!(failure, Failure::Cut { .. }), !short, "{n}: {failure}");
    }
    for bit in 0..whole.len() * 8 {
        let mut other = whole.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(opened(&other).is_err(), "bit {bit}");
    }
}

#[test]
fn another_version_is_named() {
    let mut other = bytes(record(b"hello"));
    other[8] = 1;
    assert_eq!(opened(&other).expect_err("another version"), Failure::Version { found: 1 });
}

#[test]
fn the_hash_is_that_of_its_authors() {
    let mut hash = Hash::NEW;
    hash.bytes(b"foobar");
    assert_eq!(hash.0, 0x8594_4171_f739_67e8);
}
