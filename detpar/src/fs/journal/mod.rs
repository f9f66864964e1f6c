//! What a space changed in its tree of files, as records: noted as it is done, compared before a
//! merge, done again in the parent after it. A path in a record is absolute and leads over no
//! symbolic link, so that a path names one thing. A file may have several paths, so what is done to
//! a file itself also says which one it is.

mod claims;
mod replay;
#[cfg(test)]
mod tests;

pub(crate) use claims::{claims, meet};
pub(super) use replay::{encode_times, replay};

use detpar_fs::Policy;
use detpar_fs::console::{self, Stream, head};
use kernel::confine::Part;

/// What was done.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A directory was made.
    MakeDir = 1,
    /// A file was made, with the number as its permissions.
    Make = 2,
    /// Bytes were written at the number.
    Write = 3,
    /// Bytes were appended.
    Append = 4,
    /// A file was cut or grown to the number.
    SetLen = 5,
    /// A name was changed to that in `rest`.
    Rename = 6,
    /// A file's name was removed.
    Remove = 7,
    /// A directory was removed.
    RemoveDir = 8,
    /// A symbolic link to `rest` was made.
    Link = 9,
    /// The number became the permissions.
    Permit = 10,
    /// The two times in `rest` became those of the last access and change.
    Times = 11,
    /// The file at `rest` got this name as well.
    HardLink = 12,
    /// The number became that of the policy, in [`POLICIES`].
    Policy = 13,
}

const ACTS: [Act; 13] = [
    Act::MakeDir,
    Act::Make,
    Act::Write,
    Act::Append,
    Act::SetLen,
    Act::Rename,
    Act::Remove,
    Act::RemoveDir,
    Act::Link,
    Act::Permit,
    Act::Times,
    Act::HardLink,
    Act::Policy,
];

/// By their numbers in a record.
const POLICIES: [Policy; 3] = [Policy::Conflict, Policy::Last, Policy::Append];

/// Which file something is, whatever its names: the same for all spaces that have it, and no
/// other's. No path begins with a zero, as this does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileKey([u8; FileKey::LEN]);

impl FileKey {
    const LEN: usize = 17;

    /// Of an inode in the tree of the space that made it.
    pub fn new(space: u64, ino: u64, generation: u32) -> FileKey {
        let mut key = [0; FileKey::LEN];
        key[1..9].copy_from_slice(&space.to_le_bytes());
        // Inode numbers have 32 bits.
        key[9..13].copy_from_slice(&(ino as u32).to_le_bytes());
        key[13..].copy_from_slice(&generation.to_le_bytes());
        FileKey(key)
    }
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub act: Act,
    pub number: u64,
    /// The bytes of a [`FileKey`]; none of a directory, and where only a name is changed.
    pub file: Option<&'a [u8]>,
    /// That of the file; where a file is made, that of the directory. Two must tell the same for it
    /// to count, so a lie does no harm to others.
    pub policy: Policy,
    pub path: &'a [u8],
    pub rest: &'a [u8],
}

/// Bytes of a record in front of its path.
const FIXED: usize = 13 + FileKey::LEN + 1;
/// The place of the key of no file.
const NO_FILE: [u8; FileKey::LEN] = [0; FileKey::LEN];
/// Bytes of contents in one record.
pub(super) const PIECE: usize = 1 << 16;

impl<'a> Record<'a> {
    /// As it stands in a log.
    fn encode(&self) -> Vec<u8> {
        let len = FIXED + self.path.len() + self.rest.len();
        let mut all = Vec::with_capacity(console::HEAD + len);
        all.extend(head(Stream::Files, len));
        all.push(self.act as u8);
        all.extend(self.number.to_le_bytes());
        all.extend((self.path.len() as u32).to_le_bytes());
        all.extend(self.file.unwrap_or(&NO_FILE));
        all.push(self.policy as u8);
        all.extend(self.path);
        all.extend(self.rest);
        all
    }

    /// What bytes say, unless they are nonsense.
    fn decode(bytes: &'a [u8]) -> Option<Record<'a>> {
        let (fixed, names) = bytes.split_at_checked(FIXED)?;
        let act = *ACTS.get(usize::from(fixed[0]).checked_sub(1)?)?;
        let number = u64::from_le_bytes(fixed[1..9].try_into().ok()?);
        let len = u32::from_le_bytes(fixed[9..13].try_into().ok()?);
        let (&policy, file) = fixed[13..].split_last()?;
        let policy = *POLICIES.get(usize::from(policy))?;
        let file = Some(file).filter(|f| **f != NO_FILE);
        let (path, rest) = names.split_at_checked(len as usize)?;
        // An entry of the table has room for paths of this length.
        let fits = path.len() <= claims::LONGEST && rest.len() <= PIECE;
        let two = matches!(act, Act::Rename | Act::HardLink);
        let names_one = is_plain(path) && (!two || is_plain(rest));
        let is_key = file.is_none_or(|f| f[0] == 0);
        (fits && names_one && is_key).then_some(Record { act, number, file, policy, path, rest })
    }
}

/// Whether a path is as [`note`] gets them: from the root, which is empty, without `.`, `..` and
/// empty names. By any other a child could change what it does not claim.
fn is_plain(path: &[u8]) -> bool {
    path.is_empty()
        || path[0] == b'/'
            && path[1..].split(|b| *b == b'/').all(|name| !matches!(name, b"" | b"." | b".."))
}

/// The records of a log that are about files.
fn records(log: &[u8]) -> impl Iterator<Item = Record<'_>> {
    console::records(log)
        .filter(|(s, _)| *s == Stream::Files)
        .filter_map(|(_, b)| Record::decode(b))
}

/// Notes what the running space did to a name.
pub(super) fn note(act: Act, number: u64, path: &[u8], rest: &[u8]) {
    note_of((None, Policy::Conflict), act, number, path, rest);
}

/// Notes what the running space did to what a path names: a file, or a directory, which has no key;
/// with its policy.
pub(super) fn note_of(
    (file, policy): (Option<FileKey>, Policy),
    act: Act,
    number: u64,
    path: &[u8],
    rest: &[u8],
) {
    let file = file.as_ref().map(|f| &f.0[..]);
    kernel::confine::note(&Record { act, number, file, policy, path, rest }.encode());
}

/// Notes contents that were written at a place, or appended.
pub(super) fn note_contents(
    (file, policy): (FileKey, Policy),
    at: Option<u64>,
    path: &[u8],
    bytes: &[u8],
) {
    for (i, piece) in bytes.chunks(PIECE).enumerate() {
        let (act, number) = match at {
            Some(at) => (Act::Write, at + (i * PIECE) as u64),
            None => (Act::Append, 0),
        };
        note_of((Some(file), policy), act, number, path, piece);
    }
}

/// The records of a log that are about files, or the others, one after another.
pub(crate) fn part(log: &[u8], part: Part, keep: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let wanted = |stream: Stream| (stream == Stream::Files) == (part == Part::Files);
    console::records(log).filter(|(stream, _)| wanted(*stream)).all(|(stream, bytes)| {
        // In one piece: a full log must not end in half a record.
        let mut record = head(stream, bytes.len()).to_vec();
        record.extend(bytes);
        keep(&record)
    })
}

/// Gives the names of a log that are gone, and those that are others now, in order.
pub(super) fn names(log: &[u8], mut f: impl FnMut(&[u8], Option<&[u8]>)) {
    for r in records(log) {
        match r.act {
            Act::Remove | Act::RemoveDir => f(r.path, None),
            Act::Rename => f(r.path, Some(r.rest)),
            _ => {}
        }
    }
}
