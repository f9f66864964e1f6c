//! The file of a record: a magic, a version, then a chunk for each call, each with a checksum
//! over its number in the file, its head and its bytes. Read by system calls alone, without the
//! heap: the program's memory is to be the same in both runs.

use crate::sys;
use std::fmt;

const MAGIC: [u8; 8] = *b"detparR\n";
const VERSION: u64 = 2;

/// Place of the first chunk.
pub(super) const FIRST: usize = 16;

/// Number of the first chunk, which says what run it is, and of the last, with what it printed.
pub(super) const ABOUT: u32 = u32::MAX;
pub(super) const END: u32 = u32::MAX - 1;

/// Numbers of chunks that are no calls: what of signals was inherited, what a poll found, and what
/// was read for a child.
pub(super) const SIGNALS: u32 = u32::MAX - 2;
pub(super) const POLL: u32 = u32::MAX - 3;
pub(super) const INPUT: u32 = u32::MAX - 4;

/// Why a record cannot be made or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The file is no record.
    NotARecord,
    /// It was made by another version.
    Version {
        /// Which.
        found: u64,
    },
    /// It ends before the recorded run does.
    Cut {
        /// After so many bytes.
        at: usize,
    },
    /// Its bytes are not those that were written.
    Damaged {
        /// In the chunk that begins here.
        at: usize,
    },
    /// The system refuses to read or to write it.
    System {
        /// Error number.
        errno: i32,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotARecord => f.write_str(
                "this is no record of a run: give the name of a file that DETPAR_RECORD wrote",
            ),
            Failure::Version { found } => {
                write!(
                    f,
                    "a record of version {found}, and this program reads version {VERSION}: \
                           record the run again"
                )
            }
            Failure::Cut { at } => write!(
                f,
                "the record is cut off after {at} bytes: the recorded run was killed, or the \
                 file was not copied whole; record the run again"
            ),
            Failure::Damaged { at } => write!(
                f,
                "the record is damaged at byte {at}: its checksum differs; take another copy, or \
                 record the run again"
            ),
            Failure::System { errno } => {
                write!(f, "the record: {}", std::io::Error::from_raw_os_error(*errno))
            }
        }
    }
}

impl std::error::Error for Failure {}

/// FNV-1a.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Hash(pub u64);

impl Hash {
    pub const NEW: Hash = Hash(0xcbf2_9ce4_8422_2325);

    pub fn bytes(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub fn number(&mut self, n: u64) {
        self.bytes(&n.to_le_bytes());
    }
}

/// Head of a chunk; its bytes follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Chunk {
    /// Number of the call.
    pub nr: u32,
    /// Bytes that follow.
    pub len: u32,
    /// What the call returned.
    pub result: i64,
    /// Hash of the arguments that matter.
    pub key: u64,
    /// Checksum.
    pub sum: u64,
}

impl Chunk {
    /// The checksum's beginning, before the bytes of the chunk.
    pub fn head(&self, number: u64) -> Hash {
        let mut hash = Hash::NEW;
        for n in [number, self.nr.into(), self.len.into(), self.result as u64, self.key] {
            hash.number(n);
        }
        hash
    }

    pub fn to_bytes(self) -> [u8; size_of::<Chunk>()] {
        let mut b = [0; size_of::<Chunk>()];
        b[..4].copy_from_slice(&self.nr.to_le_bytes());
        b[4..8].copy_from_slice(&self.len.to_le_bytes());
        b[8..16].copy_from_slice(&self.result.to_le_bytes());
        b[16..24].copy_from_slice(&self.key.to_le_bytes());
        b[24..].copy_from_slice(&self.sum.to_le_bytes());
        b
    }

    pub fn read(fd: i32, at: usize) -> Result<Chunk, Failure> {
        let mut b = [0; size_of::<Chunk>()];
        read(fd, &mut b, at)?;
        let word = |from: usize| u64::from_le_bytes(core::array::from_fn(|i| b[from + i]));
        Ok(Chunk {
            nr: word(0) as u32,
            len: (word(0) >> 32) as u32,
            result: word(8) as i64,
            key: word(16),
            sum: word(24),
        })
    }
}

/// Reads a range of the file.
pub(super) fn read(fd: i32, to: &mut [u8], at: usize) -> Result<(), Failure> {
    match sys::read_at(fd, to.as_mut_ptr() as usize, to.len(), at) {
        Ok(()) => Ok(()),
        Err(libc::EIO) => Err(Failure::Cut { at }),
        Err(errno) => Err(Failure::System { errno }),
    }
}

/// Writes a range of the file.
pub(super) fn write(fd: i32, bytes: &[u8], at: usize) -> Result<(), Failure> {
    // SAFETY: the slice is readable.
    let done = unsafe { sys::write_at(fd, bytes.as_ptr() as usize, bytes.len(), at) };
    done.map_err(|errno| Failure::System { errno })
}

/// Writes the beginning of a file and its first chunk.
pub(super) fn begin(fd: i32, pid: i32, about: &[u8]) -> Result<(), Failure> {
    let mut chunk =
        Chunk { nr: ABOUT, len: about.len() as u32, result: pid.into(), key: 0, sum: 0 };
    let mut sum = chunk.head(0);
    sum.bytes(about);
    chunk.sum = sum.0;
    write(fd, &MAGIC, 0)?;
    write(fd, &VERSION.to_le_bytes(), MAGIC.len())?;
    write(fd, &chunk.to_bytes(), FIRST)?;
    write(fd, about, FIRST + size_of::<Chunk>())
}

/// Checks the whole file. Returns the recorded run's process id, and how many bytes say what run
/// it is.
pub(super) fn look_over(fd: i32) -> Result<(i32, u32), Failure> {
    let mut start = [0; FIRST];
    read(fd, &mut start, 0).map_err(|e| match e {
        Failure::Cut { .. } => Failure::NotARecord,
        e => e,
    })?;
    if start[..8] != MAGIC {
        return Err(Failure::NotARecord);
    }
    let found = u64::from_le_bytes(core::array::from_fn(|i| start[8 + i]));
    if found != VERSION {
        return Err(Failure::Version { found });
    }
    let (mut at, mut number, mut first) = (FIRST, 0, None);
    loop {
        let chunk = Chunk::read(fd, at)?;
        let mut sum = chunk.head(number);
        let (mut left, mut from) = (chunk.len as usize, at + size_of::<Chunk>());
        let mut piece = [0; 4096];
        while left > 0 {
            let n = left.min(piece.len());
            read(fd, &mut piece[..n], from)?;
            sum.bytes(&piece[..n]);
            (left, from) = (left - n, from + n);
        }
        if sum.0 != chunk.sum || (chunk.nr == ABOUT) != (number == 0) {
            return Err(Failure::Damaged { at });
        }
        let (pid, about) = *first.get_or_insert((chunk.result as i32, chunk.len));
        if chunk.nr == END {
            return Ok((pid, about));
        }
        (at, number) = (from, number + 1);
    }
}
