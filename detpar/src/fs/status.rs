//! Records that calls fill: what there is to know of a file, entries of directories.

use detpar_fs::{Kind, Metadata};
use kernel::confine::VIRTUAL_USER;
use std::time::{SystemTime, UNIX_EPOCH};

/// The device that all files of a tree lie on.
const DEVICE: u32 = 1;

fn mode(meta: &Metadata) -> u32 {
    let kind = match meta.kind() {
        Kind::File => libc::S_IFREG,
        Kind::Dir => libc::S_IFDIR,
        Kind::Symlink => libc::S_IFLNK,
    };
    kind | meta.mode() & 0o7777
}

/// Seconds and nanoseconds.
fn time(t: SystemTime) -> (i64, i64) {
    match t.duration_since(UNIX_EPOCH) {
        Ok(after) => (after.as_secs() as i64, after.subsec_nanos().into()),
        Err(before) => {
            let n = before.duration().as_nanos() as i64;
            ((-n).div_euclid(1_000_000_000), (-n).rem_euclid(1_000_000_000))
        }
    }
}

/// Fills what `stat` tells.
///
/// # Safety
/// A `struct stat` can be written at the address.
pub(super) unsafe fn stat(meta: &Metadata, to: u64) {
    // SAFETY: the caller's contract; zero is a valid value of every field.
    let st = unsafe {
        let st = to as *mut libc::stat;
        st.write_bytes(0, 1);
        &mut *st
    };
    (st.st_dev, st.st_ino, st.st_nlink) = (DEVICE.into(), meta.ino(), meta.nlink());
    (st.st_mode, st.st_uid, st.st_gid) = (mode(meta), VIRTUAL_USER as u32, VIRTUAL_USER as u32);
    (st.st_size, st.st_blksize) = (meta.len() as i64, detpar_fs::BLOCK as i64);
    st.st_blocks = meta.allocated().div_ceil(512) as i64;
    (st.st_atime, st.st_atime_nsec) = time(meta.accessed());
    (st.st_mtime, st.st_mtime_nsec) = time(meta.modified());
    (st.st_ctime, st.st_ctime_nsec) = time(meta.changed());
}

/// Fills what `statx` tells.
///
/// # Safety
/// A `struct statx` can be written at the address.
pub(super) unsafe fn statx(meta: &Metadata, to: u64) {
    let stamp = |to: &mut libc::statx_timestamp, t| {
        let (seconds, nanos) = time(t);
        (to.tv_sec, to.tv_nsec) = (seconds, nanos as u32);
    };
    // SAFETY: as above.
    let st = unsafe {
        let st = to as *mut libc::statx;
        st.write_bytes(0, 1);
        &mut *st
    };
    st.stx_mask = libc::STATX_BASIC_STATS | libc::STATX_BTIME;
    (st.stx_dev_minor, st.stx_ino, st.stx_nlink) = (DEVICE, meta.ino(), meta.nlink() as u32);
    (st.stx_mode, st.stx_uid, st.stx_gid) =
        (mode(meta) as u16, VIRTUAL_USER as u32, VIRTUAL_USER as u32);
    (st.stx_size, st.stx_blksize) = (meta.len(), detpar_fs::BLOCK as u32);
    st.stx_blocks = meta.allocated().div_ceil(512);
    stamp(&mut st.stx_atime, meta.accessed());
    stamp(&mut st.stx_mtime, meta.modified());
    stamp(&mut st.stx_ctime, meta.changed());
    stamp(&mut st.stx_btime, meta.created());
}

/// Kind and permissions of what is no file of a tree: a device, by its number, or a pipe.
fn special_mode(minor: Option<u32>) -> u32 {
    if minor.is_some() { libc::S_IFCHR | 0o666 } else { libc::S_IFIFO | 0o600 }
}

/// Major number of memory devices.
const MEMORY: u32 = 1;

/// What `stat` says of a device, and of a standard stream of a child: a pipe, whatever it is
/// outside.
///
/// # Safety
/// A `struct stat` can be written at the address.
pub(crate) unsafe fn special(minor: Option<u32>, to: u64) {
    // SAFETY: the caller's contract; zero is a valid value of every field.
    let st = unsafe {
        let st = to as *mut libc::stat;
        st.write_bytes(0, 1);
        &mut *st
    };
    (st.st_mode, st.st_nlink) = (special_mode(minor), 1);
    st.st_rdev = minor.map_or(0, |minor| libc::makedev(MEMORY, minor));
    st.st_blksize = detpar_fs::BLOCK as i64;
}

/// As [`special`], for `statx`.
///
/// # Safety
/// A `struct statx` can be written at the address.
pub(crate) unsafe fn special_extended(minor: Option<u32>, to: u64) {
    // SAFETY: as above.
    let st = unsafe {
        let st = to as *mut libc::statx;
        st.write_bytes(0, 1);
        &mut *st
    };
    st.stx_mask = libc::STATX_TYPE | libc::STATX_MODE | libc::STATX_NLINK;
    (st.stx_mode, st.stx_nlink) = (special_mode(minor) as u16, 1);
    (st.stx_rdev_major, st.stx_rdev_minor) = minor.map_or((0, 0), |minor| (MEMORY, minor));
    st.stx_blksize = detpar_fs::BLOCK as u32;
}

/// An entry of a directory.
pub(super) struct Entry<'a> {
    pub ino: u64,
    pub kind: u8,
    pub name: &'a [u8],
}

/// Bytes of a `struct linux_dirent64` in front of the name.
const FIXED: usize = 19;

impl Entry<'_> {
    /// Writes it as `getdents64` does; its length, nothing where it finds no room.
    pub fn write(&self, room: &mut [u8]) -> Option<usize> {
        let len = (FIXED + self.name.len() + 1).next_multiple_of(8);
        let to = room.get_mut(..len)?;
        to.fill(0);
        to[..8].copy_from_slice(&self.ino.to_le_bytes());
        to[16..18].copy_from_slice(&(len as u16).to_le_bytes());
        to[18] = self.kind;
        to[FIXED..FIXED + self.name.len()].copy_from_slice(self.name);
        Some(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_aligned_and_end_with_zero() {
        let mut room = [0xff; 64];
        for len in [1, 4, 5, 12, 13] {
            let entry = Entry { ino: 7, kind: libc::DT_REG, name: &b"abcdefghijklm"[..len] };
            let n = entry.write(&mut room).expect("room");
            assert_eq!((n % 8, n > FIXED + len, room[FIXED + len]), (0, true, 0));
            assert!(entry.write(&mut room[..n - 1]).is_none());
        }
    }

    #[test]
    fn times_before_1970() {
        let t = UNIX_EPOCH - std::time::Duration::from_nanos(1);
        assert_eq!(time(t), (-1, 999_999_999));
        assert_eq!(time(UNIX_EPOCH + std::time::Duration::new(3, 4)), (3, 4));
    }
}
