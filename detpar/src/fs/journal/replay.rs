//! Doing again in a parent's tree what a log says.

use super::super::space::{named, path_of};
use super::{Act, POLICIES, Record, records};
use detpar_fs::{Fs, OpenOptions, Policy};
use std::io::{self, Write};
use std::time::SystemTime;

/// Does something, in a tree that grows as long as there is no room for it: each child had room of
/// its own, and together they may need more than there is.
fn in_room<T>(fs: &Fs, mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match act() {
            Err(e) if e.kind() == io::ErrorKind::StorageFull => {
                let there = fs.usage();
                fs.make_room(there.free_blocks + 1, there.free_inodes + 1)?;
            }
            done => return done,
        }
    }
}

/// Does in a tree what a log says; the tree grows where that takes more than it has.
///
/// # Errors
/// The first that the tree answers with: the log is nonsense.
pub(in super::super) fn replay(fs: &Fs, log: &[u8]) -> io::Result<()> {
    // The last file that was written: most come in many records.
    let mut last: Option<(&[u8], Act, detpar_fs::File)> = None;
    for r in records(log) {
        if last.as_ref().is_none_or(|(path, act, _)| (*path, *act) != (r.path, r.act)) {
            last = None;
            if let Some(file) = in_room(fs, || again(fs, &r))? {
                last = Some((r.path, r.act, file));
            }
        }
        if let Some((_, _, file)) = &mut last {
            contents(fs, file, &r)?;
        }
    }
    Ok(())
}

/// Does what a record says; where it is about contents, opens the file to which they go.
fn again(fs: &Fs, r: &Record<'_>) -> io::Result<Option<detpar_fs::File>> {
    let path = named(r.path);
    let open = |options: &mut OpenOptions| options.open(fs, path_of(r.path));
    match r.act {
        Act::MakeDir => make_dir(fs, r)?,
        Act::Make => make(fs, r)?,
        Act::Write => return open(OpenOptions::new().write(true)).map(Some),
        Act::Append => return open(OpenOptions::new().append(true)).map(Some),
        Act::SetLen => open(OpenOptions::new().write(true))?.set_len(r.number)?,
        Act::Rename => fs.rename(path, path_of(r.rest))?,
        Act::Remove => fs.remove_file(path)?,
        Act::RemoveDir => fs.remove_dir(path)?,
        Act::Link => fs.symlink(path_of(r.rest), path)?,
        Act::HardLink => fs.hard_link(path_of(r.rest), path)?,
        Act::Permit => fs.set_permissions(path, r.number as u32)?,
        Act::Times => set_times(fs, r)?,
        Act::Policy => {
            let policy = POLICIES.get(r.number as usize).ok_or(io::ErrorKind::InvalidData)?;
            fs.set_policy(path, *policy)?;
        }
    }
    Ok(None)
}

/// Two times as they stand in a record: nanoseconds since 1970.
pub(in super::super) fn encode_times(times: [SystemTime; 2]) -> [u8; 16] {
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

/// Makes a file, or does what the policy is where another made one of that name.
fn make(fs: &Fs, r: &Record<'_>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    match r.policy {
        Policy::Conflict => options.create_new(true),
        Policy::Last => options.create(true).truncate(true),
        Policy::Append => options.create(true),
    };
    let mode = r.number as u32;
    drop(options.write(true).mode(mode).open(fs, path_of(r.path))?);
    match r.policy {
        Policy::Last => fs.set_permissions(named(r.path), mode),
        _ => Ok(()),
    }
}

/// Makes a directory, unless another made the same: see [`super::claims`].
fn make_dir(fs: &Fs, r: &Record<'_>) -> io::Result<()> {
    let path = named(r.path);
    match fs.create_dir(path) {
        Ok(()) => fs.set_permissions(path, r.number as u32),
        Err(_) if fs.symlink_metadata(path).is_ok_and(|m| m.is_dir()) => Ok(()),
        Err(e) => Err(e),
    }
}

/// Writes the contents of a record.
fn contents(fs: &Fs, file: &mut detpar_fs::File, r: &Record<'_>) -> io::Result<()> {
    let mut done = 0;
    while done < r.rest.len() {
        let left = &r.rest[done..];
        let n = in_room(fs, || match r.act {
            Act::Append => file.write(left),
            _ => {
                let at = r.number.checked_add(done as u64).ok_or(io::ErrorKind::FileTooLarge)?;
                file.write_at(left, at)
            }
        })?;
        if n == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        done += n;
    }
    Ok(())
}
