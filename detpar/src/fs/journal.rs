//! What a space changed in its tree of files, as records: noted as it is done, compared before a
//! merge, done again in the parent after it. A path in a record is absolute and leads over no
//! symbolic link, so that a path names one thing.

use super::space::{named, path_of};
use detpar_fs::console::{self, Stream, head};
use detpar_fs::{Fs, OpenOptions};
use kernel::confine::{ENTRY, Part};
use std::io::{self, Write};
use std::time::SystemTime;

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
}

const ACTS: [Act; 11] = [
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
];

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub act: Act,
    pub number: u64,
    pub path: &'a [u8],
    pub rest: &'a [u8],
}

/// Bytes of a record in front of its path.
const FIXED: usize = 13;
/// Permissions of a directory that two may both make.
const PLAIN_DIR: u64 = 0o755;
/// Bytes of contents in one record.
const PIECE: usize = 1 << 16;

impl<'a> Record<'a> {
    /// As it stands in a log.
    fn encode(&self) -> Vec<u8> {
        let len = FIXED + self.path.len() + self.rest.len();
        let mut all = Vec::with_capacity(console::HEAD + len);
        all.extend(head(Stream::Files, len));
        all.push(self.act as u8);
        all.extend(self.number.to_le_bytes());
        all.extend((self.path.len() as u32).to_le_bytes());
        all.extend(self.path);
        all.extend(self.rest);
        all
    }

    /// What bytes say, unless they are nonsense.
    fn decode(bytes: &'a [u8]) -> Option<Record<'a>> {
        let (fixed, names) = bytes.split_at_checked(FIXED)?;
        let act = *ACTS.get(usize::from(fixed[0]).checked_sub(1)?)?;
        let number = u64::from_le_bytes(fixed[1..9].try_into().ok()?);
        let len = u32::from_le_bytes(fixed[9..].try_into().ok()?);
        let (path, rest) = names.split_at_checked(len as usize)?;
        // An entry of the table has room for paths of this length.
        let fits = path.len() <= LONGEST && rest.len() <= PIECE;
        let names_one = is_plain(path) && (act != Act::Rename || is_plain(rest));
        (fits && names_one).then_some(Record { act, number, path, rest })
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

/// Notes what the running space did.
pub(super) fn note(act: Act, number: u64, path: &[u8], rest: &[u8]) {
    kernel::confine::note(&Record { act, number, path, rest }.encode());
}

/// Notes contents that were written at a place, or appended.
pub(super) fn note_contents(at: Option<u64>, path: &[u8], bytes: &[u8]) {
    for (i, piece) in bytes.chunks(PIECE).enumerate() {
        match at {
            Some(at) => note(Act::Write, at + (i * PIECE) as u64, path, piece),
            None => note(Act::Append, 0, path, piece),
        }
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

/// Makes the room that what a log says may take: each child had room of its own, and together
/// they may need more than there is.
fn make_room(fs: &Fs, log: &[u8]) -> io::Result<()> {
    /// Blocks of a record besides what it writes: ends of it, block pointers, a directory.
    const BESIDES: u64 = 8;
    let (mut blocks, mut inodes) = (0, 0);
    for r in records(log) {
        blocks += (r.rest.len() / detpar_fs::BLOCK) as u64 * 129 / 128 + BESIDES;
        inodes += u64::from(matches!(r.act, Act::MakeDir | Act::Make | Act::Link));
    }
    fs.make_room(blocks, inodes)
}

/// Does in a tree what a log says; the tree grows where that takes more than it has.
///
/// # Errors
/// The first that the tree answers with: the log is nonsense.
pub(super) fn replay(fs: &Fs, log: &[u8]) -> io::Result<()> {
    make_room(fs, log)?;
    let open = |options: &mut OpenOptions, r: &Record<'_>| options.open(fs, path_of(r.path));
    // The last file that was written: most come in many records.
    let mut last: Option<(&[u8], Act, detpar_fs::File)> = None;
    for r in records(log) {
        if let Some((path, act, file)) = &mut last
            && (*path, *act) == (r.path, r.act)
        {
            contents(file, &r)?;
            continue;
        }
        last = None;
        let path = named(r.path);
        match r.act {
            Act::MakeDir => make_dir(fs, &r)?,
            Act::Make => {
                let mode = r.number as u32;
                drop(open(OpenOptions::new().write(true).create_new(true).mode(mode), &r)?);
            }
            Act::Write | Act::Append => {
                let append = r.act == Act::Append;
                let mut file = open(OpenOptions::new().write(true).append(append), &r)?;
                contents(&mut file, &r)?;
                last = Some((r.path, r.act, file));
            }
            Act::SetLen => open(OpenOptions::new().write(true), &r)?.set_len(r.number)?,
            Act::Rename => fs.rename(path, path_of(r.rest))?,
            Act::Remove => fs.remove_file(path)?,
            Act::RemoveDir => fs.remove_dir(path)?,
            Act::Link => fs.symlink(path_of(r.rest), path)?,
            Act::Permit => fs.set_permissions(path, r.number as u32)?,
            Act::Times => set_times(fs, &r)?,
        }
    }
    Ok(())
}

/// Two times as they stand in a record: nanoseconds since 1970.
pub(super) fn encode_times(times: [SystemTime; 2]) -> [u8; 16] {
    let [accessed, modified] = times.map(|t| match t.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_nanos() as i64,
        Err(before) => -(before.duration().as_nanos() as i64),
    });
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&accessed.to_le_bytes());
    bytes[8..].copy_from_slice(&modified.to_le_bytes());
    bytes
}

fn set_times(fs: &Fs, r: &Record<'_>) -> io::Result<()> {
    let (Some(accessed), Some(modified), 16) =
        (r.rest.first_chunk(), r.rest.last_chunk(), r.rest.len())
    else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let [accessed, modified] =
        [accessed, modified].map(|b| detpar_fs::time(i64::from_le_bytes(*b)));
    fs.set_times_nofollow(named(r.path), accessed, modified)
}

/// Makes a directory, unless another made the same: see [`claims_of`].
fn make_dir(fs: &Fs, r: &Record<'_>) -> io::Result<()> {
    let path = named(r.path);
    match fs.create_dir(path) {
        Ok(()) => fs.set_permissions(path, r.number as u32),
        Err(_) if fs.symlink_metadata(path).is_ok_and(|m| m.is_dir()) => Ok(()),
        Err(e) => Err(e),
    }
}

fn contents(file: &mut detpar_fs::File, r: &Record<'_>) -> io::Result<()> {
    if r.act == Act::Append {
        return file.write_all(r.rest);
    }
    let mut done = 0;
    while done < r.rest.len() {
        let at = r.number.checked_add(done as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        match file.write_at(&r.rest[done..], at)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => done += n,
        }
    }
    Ok(())
}

/// What a record claims of a path.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// What the name stands for: made, removed, replaced.
    Name = 0,
    /// Contents or permissions.
    Contents = 1,
    /// Bytes at its end; that it is a directory.
    End = 2,
    /// That it is a directory in which something is.
    Way = 3,
}

impl Claim {
    /// Whether two may claim this and that of one path.
    fn agrees(self, other: Claim) -> bool {
        use Claim::*;
        match (self, other) {
            (Name, _) | (_, Name) => false,
            (Way, _) | (_, Way) | (End, End) => true,
            _ => false,
        }
    }
}

const CLAIMS: [Claim; 4] = [Claim::Name, Claim::Contents, Claim::End, Claim::Way];

/// Gives the claims of a record to `f`.
fn claims_of<'a>(r: &Record<'a>, f: &mut impl FnMut(Claim, &'a [u8])) {
    let mut one = |claim, path: &'a [u8]| {
        f(claim, path);
        for (i, _) in path.iter().enumerate().skip(1).filter(|(_, b)| **b == b'/') {
            f(Claim::Way, &path[..i]);
        }
    };
    match r.act {
        Act::Write | Act::SetLen | Act::Permit | Act::Times => one(Claim::Contents, r.path),
        Act::Append => one(Claim::End, r.path),
        // Who makes a directory wants it to be there, and adds to it.
        Act::MakeDir if r.number == PLAIN_DIR => one(Claim::End, r.path),
        Act::Rename => {
            one(Claim::Name, r.path);
            if r.rest.len() <= LONGEST {
                one(Claim::Name, r.rest);
            }
        }
        Act::MakeDir | Act::Make | Act::Remove | Act::RemoveDir | Act::Link => {
            one(Claim::Name, r.path);
        }
    }
}

/// The records of a log that claim something: of many writes to one file the first.
fn claiming(log: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut last: Option<(Act, &[u8])> = None;
    records(log).filter(move |r| {
        let this = Some((r.act, r.path));
        let repeats = matches!(r.act, Act::Write | Act::Append) && last == this;
        last = this;
        !repeats
    })
}

/// How many claims a log makes.
pub(crate) fn claims(log: &[u8]) -> usize {
    let mut n = 0;
    claiming(log).for_each(|r| claims_of(&r, &mut |_, _| n += 1));
    n
}

/// Longest path whose length goes beside an address in one word.
const LONGEST: usize = u16::MAX as usize;

/// FNV-1a (Fowler, Noll, Vo).
fn hash(path: &[u8]) -> u64 {
    path.iter()
        .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3))
}

/// Enters what a log claims into the table, where an entry is: the path's hash, the first who
/// claimed each of [`CLAIMS`] (plus one, in 16 bits), the path's address and length. Returns the
/// first claim that does not agree with that of a lower one.
pub(crate) fn meet<'a>(who: u32, log: &'a [u8], table: &mut [u64]) -> Option<(u32, &'a [u8])> {
    let entries = table.len() / ENTRY;
    let mut met = None;
    let mut enter = |claim: Claim, path: &'a [u8]| {
        let hash = hash(path);
        let mut at = hash as usize % entries.max(1);
        // There are more entries than claims; who lied about theirs finds no place.
        for _ in 0..entries {
            let Some([h, firsts, place]) = table.get_mut(at * ENTRY..at * ENTRY + ENTRY) else {
                return;
            };
            if *place == 0 {
                (*h, *place) = (hash, path.as_ptr() as u64 | (path.len() as u64) << 48);
            }
            if *h == hash && text(*place) == path {
                let first = |c: Claim| (*firsts >> (c as u32 * 16)) & 0xffff;
                let lower = CLAIMS
                    .into_iter()
                    .filter(|c| !c.agrees(claim))
                    .map(first)
                    .filter(|f| *f != 0 && *f <= u64::from(who))
                    .min();
                if let Some(lower) = lower {
                    met = met.or(Some((lower as u32 - 1, path)));
                }
                if first(claim) == 0 {
                    *firsts |= (u64::from(who) + 1) << (claim as u32 * 16);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn log(records: &[(Act, &str, &str)]) -> Vec<u8> {
        let record = |&(act, path, rest): &(Act, &'static str, &'static str)| {
            Record { act, number: 0, path: path.as_bytes(), rest: rest.as_bytes() }.encode()
        };
        let records: Vec<(Act, &'static str, &'static str)> = records
            .iter()
            .map(|(a, p, r)| (*a, &*p.to_string().leak(), &*r.to_string().leak()))
            .collect();
        records.iter().flat_map(record).collect()
    }

    fn of(a: &[(Act, &str, &str)], b: &[(Act, &str, &str)]) -> Option<String> {
        let (a, b) = (log(a), log(b));
        let mut table = vec![0; ((claims(&a) + claims(&b)) * 2 + 1) * ENTRY];
        assert_eq!(meet(1, &a, &mut table), None);
        meet(2, &b, &mut table).map(|(who, path)| {
            assert_eq!(who, 1);
            String::from_utf8_lossy(path).into_owned()
        })
    }

    #[test]
    fn what_agrees_and_what_does_not() {
        use Act::*;
        let same = Some("/d/f".to_owned());
        assert_eq!(of(&[(Write, "/d/f", "a")], &[(Write, "/d/f", "b")]), same);
        assert_eq!(of(&[(Write, "/d/f", "a")], &[(Append, "/d/f", "b")]), same);
        assert_eq!(of(&[(Append, "/d/f", "a")], &[(Append, "/d/f", "b")]), None);
        assert_eq!(of(&[(Make, "/d/f", "")], &[(Make, "/d/f", "")]), same);
        assert_eq!(of(&[(Make, "/d/f", "")], &[(Make, "/d/g", "")]), None);
        assert_eq!(of(&[(Remove, "/d/f", "")], &[(SetLen, "/d/f", "")]), same);
        assert_eq!(of(&[(Make, "/d/f", "")], &[(Rename, "/x", "/d/f")]), same);
        assert_eq!(of(&[(RemoveDir, "/d", "")], &[(Make, "/d/f", "")]), Some("/d".into()));
        assert_eq!(of(&[(Make, "/d/f", "")], &[(Rename, "/d", "/e")]), Some("/d".into()));
        assert_eq!(of(&[(Permit, "/d", "")], &[(Make, "/d/f", "")]), None);
        assert_eq!(of(&[(Times, "/d/f", "")], &[(Append, "/d/f", "b")]), same);
        assert_eq!(of(&[(Permit, "/d", "")], &[(Permit, "/d", "")]), Some("/d".into()));
    }

    /// The same directory may be made by both, if it is one of the usual permissions.
    #[test]
    fn directories_that_both_made() {
        let made = |mode| {
            let r = Record { act: Act::MakeDir, number: mode, path: b"/out", rest: &[] };
            r.encode()
        };
        let met = |a: &[u8], b: &[u8]| {
            let mut table = vec![0; 20 * ENTRY];
            assert_eq!(meet(1, a, &mut table), None);
            meet(2, b, &mut table).map(|(_, path)| path.len())
        };
        assert_eq!(met(&made(0o755), &made(0o755)), None);
        assert_eq!(met(&made(0o755), &made(0o700)), Some(4));
        assert_eq!(met(&made(0o700), &made(0o700)), Some(4));
        for act in [Act::Make, Act::Remove, Act::RemoveDir, Act::Permit, Act::Link] {
            assert_eq!(met(&made(0o755), &log(&[(act, "/out", "")])), Some(4), "{act:?}");
        }
        assert_eq!(met(&made(0o755), &log(&[(Act::Make, "/out/f", "")])), None);

        let fs = detpar_fs::Mkfs::new().mkfs().unwrap();
        replay(&fs, &made(0o755)).unwrap();
        fs.write("out/f", "kept").unwrap();
        replay(&fs, &made(0o755)).unwrap();
        assert_eq!(fs.read("out/f").unwrap(), b"kept");
        // Over a file it is nonsense.
        let file = Record { act: Act::MakeDir, number: 0o755, path: b"/out/f", rest: &[] };
        assert!(replay(&fs, &file.encode()).is_err());
    }

    /// A third who meets the first, behind a second who agrees with it.
    #[test]
    fn the_lowest_is_named() {
        let logs = [log(&[(Act::Append, "/f", "")]), log(&[(Act::Append, "/f", "")])];
        let third = log(&[(Act::Write, "/f", "")]);
        let mut table = vec![0; 20 * ENTRY];
        for (i, l) in logs.iter().enumerate() {
            assert_eq!(meet(i as u32 + 1, l, &mut table), None);
        }
        assert_eq!(meet(3, &third, &mut table), Some((1, &b"/f"[..])));
    }

    #[test]
    fn nonsense_is_passed_over() {
        let good = log(&[(Act::Write, "/f", "abc")]);
        for cut in 0..good.len() {
            assert_eq!(claims(&good[..cut]), 0, "{cut}");
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                let mut table = vec![0; (claims(&bad) * 2 + 1) * ENTRY];
                meet(1, &bad, &mut table);
            }
        }
        let mut none = [0; 0];
        assert_eq!(meet(1, &good, &mut none), None);
    }

    /// What leads to one place by two ways would be compared as two.
    #[test]
    fn a_path_that_is_not_plain_is_passed_over() {
        for path in ["f", "/d/../f", "/./f", "//f", "/f/", "/", "..", "/d/.."] {
            assert_eq!(claims(&log(&[(Act::Write, path, "x")])), 0, "{path}");
            assert_eq!(claims(&log(&[(Act::Rename, "/f", path)])), 0, "{path}");
        }
        for path in ["/f", "/d/f", "/..f", "/.f/f."] {
            assert!(claims(&log(&[(Act::Write, path, "x")])) > 0, "{path}");
            assert!(claims(&log(&[(Act::Rename, "/f", path)])) > 0, "{path}");
        }
        // What a link says is nobody's path.
        assert!(claims(&log(&[(Act::Link, "/f", "../g")])) > 0);
    }

    /// Which has no name in a log.
    #[test]
    fn the_root_has_permissions_and_times() {
        let fs = detpar_fs::Mkfs::new().mkfs().unwrap();
        let r = Record { act: Act::Permit, number: 0o700, path: b"", rest: b"" };
        replay(&fs, &r.encode()).unwrap();
        assert_eq!(fs.metadata("/").unwrap().mode() & 0o777, 0o700);
        let r = Record { act: Act::Times, number: 0, path: b"", rest: &[1; 16] };
        replay(&fs, &r.encode()).unwrap();
    }

    /// Damaged logs are done again as far as they make sense, and leave a sound tree.
    #[test]
    fn damaged_logs_leave_a_sound_tree() {
        use Act::*;
        let good = log(&[
            (Make, "/d/f", ""),
            (Write, "/d/f", "abc"),
            (Append, "/d/f", "def"),
            (SetLen, "/d/f", ""),
            (Link, "/d/l", "f"),
            (Rename, "/d/f", "/d/g"),
            (Times, "/d/g", "0123456789abcdef"),
            (Permit, "/d/g", ""),
            (Remove, "/d/l", ""),
            (MakeDir, "/d/e", ""),
            (RemoveDir, "/d/e", ""),
        ]);
        let (mut passed, mut failed) = (0, 0);
        for at in 0..good.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xff, b'/', b'.'] {
                let mut bad = good.clone();
                bad[at] = byte;
                let fs = detpar_fs::Mkfs::new().blocks(256).inodes(64).mkfs().unwrap();
                fs.create_dir("d").unwrap();
                match replay(&fs, &bad) {
                    Ok(()) => passed += 1,
                    Err(_) => failed += 1,
                }
                assert_eq!(fs.check(), [], "byte {at} is {byte}");
            }
        }
        assert!(passed > 0 && failed > 0, "{passed} {failed}");
    }

    /// A place so far out that the end of what is written there has no number.
    #[test]
    fn a_write_past_every_file_is_an_error() {
        let fs = detpar_fs::Mkfs::new().mkfs().unwrap();
        fs.write("f", "").unwrap();
        for number in [u64::MAX, u64::MAX - 1, 1 << 63, i64::MAX as u64] {
            let r = Record { act: Act::Write, number, path: b"/f", rest: b"abc" };
            assert!(replay(&fs, &r.encode()).is_err(), "{number}");
        }
        assert_eq!(fs.check(), []);
    }
}
