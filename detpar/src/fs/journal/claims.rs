//! What two may change beside each other.

use super::{Act, Record, records};
use detpar_fs::Policy;
use kernel::confine::ENTRY;

/// Permissions of a directory that two may both make.
const PLAIN_DIR: u64 = 0o755;

/// What a record claims of a path, or of a file by its key.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// What the name stands for: made, removed, replaced.
    Name = 0,
    /// Contents or permissions.
    Contents = 1,
    /// Bytes at its end.
    End = 2,
    /// That it stays what it is: a directory in which something is, a file that got another name.
    Way = 3,
    /// That it is a directory.
    Dir = 4,
    /// That a file is made where the policy is that the last one stays.
    LastName = 5,
    /// Contents or permissions of a file with that policy.
    LastContents = 6,
    /// Bytes at the end of one.
    LastEnd = 7,
    /// That a file is made where the policy is to append.
    JoinedName = 8,
    /// Contents or permissions of a file with that policy.
    JoinedContents = 9,
    /// Bytes at the end of one.
    JoinedEnd = 10,
}

use Claim::*;

impl Claim {
    /// Whether two may claim this and that of one path: first what the lower one claims.
    fn agrees(self, later: Claim) -> bool {
        let name = |c| matches!(c, Name | LastName | JoinedName);
        match (self, later) {
            (Way, other) | (other, Way) => !name(other),
            (Dir, Dir) => true,
            (End | LastEnd | JoinedEnd, End | LastEnd | JoinedEnd) => true,
            (LastName | LastContents, LastName | LastContents) => true,
            (LastName, LastEnd) | (LastEnd, LastName) => true,
            (JoinedName | JoinedContents | JoinedEnd, JoinedName) => true,
            (JoinedName | JoinedContents, JoinedEnd) => true,
            _ => false,
        }
    }
}

const CLAIMS: [Claim; 11] = [
    Name,
    Contents,
    End,
    Way,
    Dir,
    LastName,
    LastContents,
    LastEnd,
    JoinedName,
    JoinedContents,
    JoinedEnd,
];
/// Claims in a word of an entry, each with 16 bits.
const PER_WORD: usize = 4;
const _: () = assert!(ENTRY == 2 + CLAIMS.len().div_ceil(PER_WORD));

/// Gives the claims of a record to `f`: each with the path or key that it is of, and the path to
/// tell people.
fn claims_of<'a>(r: &Record<'a>, f: &mut impl FnMut(Claim, &'a [u8], &'a [u8])) {
    let (name, contents, end) = match r.policy {
        Policy::Conflict => (Name, Contents, End),
        Policy::Last => (LastName, LastContents, LastEnd),
        Policy::Append => (JoinedName, JoinedContents, JoinedEnd),
    };
    if let Some(file) = r.file {
        let claim = match r.act {
            Act::Append => end,
            Act::Policy => Contents,
            _ => contents,
        };
        f(claim, file, r.path);
    }
    let mut one = |claim, path: &'a [u8]| {
        f(claim, path, path);
        for (i, _) in path.iter().enumerate().skip(1).filter(|(_, b)| **b == b'/') {
            f(Way, &path[..i], &path[..i]);
        }
    };
    match r.act {
        Act::Write | Act::SetLen | Act::Permit | Act::Times => one(contents, r.path),
        Act::Policy => one(Contents, r.path),
        Act::Append => one(end, r.path),
        // Who makes a directory wants it to be there, and adds to it.
        Act::MakeDir if r.number == PLAIN_DIR => one(Dir, r.path),
        Act::Make => one(name, r.path),
        Act::Rename => {
            one(Name, r.path);
            if r.rest.len() <= LONGEST {
                one(Name, r.rest);
            }
        }
        Act::HardLink => {
            one(Name, r.path);
            if r.rest.len() <= LONGEST {
                one(Way, r.rest);
            }
        }
        Act::MakeDir | Act::Remove | Act::RemoveDir | Act::Link => one(Name, r.path),
    }
}

/// The records of a log that claim something: of many writes to one file the first.
fn claiming(log: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut last = None;
    records(log).filter(move |r| {
        let this = Some((r.act, r.path, r.file, r.policy));
        let repeats = matches!(r.act, Act::Write | Act::Append) && last == this;
        last = this;
        !repeats
    })
}

/// How many claims a log makes.
pub(crate) fn claims(log: &[u8]) -> usize {
    let mut n = 0;
    claiming(log).for_each(|r| claims_of(&r, &mut |_, _, _| n += 1));
    n
}

/// Longest path whose length goes beside an address in one word.
pub(super) const LONGEST: usize = u16::MAX as usize;

/// FNV-1a (Fowler, Noll, Vo).
fn hash(path: &[u8]) -> u64 {
    path.iter()
        .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3))
}

/// Enters what a log claims into the table, where an entry is: the path's hash, its address and
/// length, the first who claimed each of [`CLAIMS`] (plus one, in 16 bits); or of a file's key all
/// of these. Returns the first claim that does not agree with that of a lower one.
pub(crate) fn meet<'a>(who: u32, log: &'a [u8], table: &mut [u64]) -> Option<(u32, &'a [u8])> {
    let entries = table.len() / ENTRY;
    let mut met = None;
    let mut enter = |claim: Claim, path: &'a [u8], told: &'a [u8]| {
        let hash = hash(path);
        let mut at = hash as usize % entries.max(1);
        // There are more entries than claims; who lied about theirs finds no place.
        for _ in 0..entries {
            let Some([h, place, firsts @ ..]) = table.get_mut(at * ENTRY..at * ENTRY + ENTRY)
            else {
                return;
            };
            if *place == 0 {
                (*h, *place) = (hash, path.as_ptr() as u64 | (path.len() as u64) << 48);
            }
            if *h == hash && text(*place) == path {
                let bits = |c: Claim| (c as usize / PER_WORD, c as usize % PER_WORD * 16);
                let first = |c: Claim| (firsts[bits(c).0] >> bits(c).1) & 0xffff;
                let lower = CLAIMS
                    .into_iter()
                    .filter(|c| !c.agrees(claim))
                    .map(first)
                    .filter(|f| *f != 0 && *f <= u64::from(who))
                    .min();
                if let Some(lower) = lower {
                    met = met.or(Some((lower as u32 - 1, told)));
                }
                if first(claim) == 0 {
                    let (word, shift) = bits(claim);
                    firsts[word] |= (u64::from(who) + 1) << shift;
                }
                return;
            }
            at = (at + 1) % entries;
        }
    };
    claiming(log).for_each(|r| claims_of(&r, &mut enter));
    met
}

/// The path of an entry.
fn text(place: u64) -> &'static [u8] {
    let (at, len) = (place & ((1 << 48) - 1), place >> 48);
    // SAFETY: `meet` entered the address and length of a path in a log that is there as long as
    // the table is used; user addresses have 47 bits.
    unsafe { std::slice::from_raw_parts(at as *const u8, len as usize) }
}
