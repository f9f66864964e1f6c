//! Calls of children on files, answered from the tree. In the signal handler of the call: no
//! system call is made here, and nothing panics.

use super::devices::{self, Device};
use super::open::{Open, What};
use super::space::{Tree, numbers, opened, path_of, tree};
use super::status::{self, Entry};
use kernel::confine::FIRST_FILE;
use kernel::confine::policy::takes_descriptor;
use std::ffi::CStr;
use std::io::{self, Error, SeekFrom};
use std::time::SystemTime;

/// A directory that names are relative to; there is no current directory but the root.
const HERE: u64 = libc::AT_FDCWD as u32 as u64;

fn failed(number: i32) -> Error {
    Error::from_raw_os_error(number)
}

/// A number that the call returns.
fn number(n: usize) -> io::Result<i64> {
    Ok(n as i64)
}

/// Answers a call on a file or a name; `None` refuses it: there is no tree, or the call has no
/// meaning in one.
pub(crate) fn call(nr: i64, a: &[u64; 6]) -> Option<i64> {
    let result = match devices::call(nr, a).or_else(|| by_name(tree()?, nr, a)) {
        Some(result) => result,
        None if has_number(nr, a) => by_number(numbers()?, nr, a)?,
        None => return None,
    };
    Some(match result {
        Ok(value) => value,
        Err(e) => -i64::from(e.raw_os_error().unwrap_or(libc::EIO)),
    })
}

/// The standard stream that is read, written or asked about by the number of a device.
pub(crate) fn stream(nr: i64, number: u64) -> Option<u64> {
    match nr {
        libc::SYS_read | libc::SYS_readv | libc::SYS_write | libc::SYS_writev => {}
        libc::SYS_fstat | libc::SYS_newfstatat | libc::SYS_statx => {}
        libc::SYS_lseek | libc::SYS_ioctl => {}
        _ => return None,
    }
    match opened(number)? {
        Open { what: What::Device(Device::Stream(stream)), .. } => Some((*stream).into()),
        _ => None,
    }
}

/// The bytes of a name.
fn text(at: u64) -> io::Result<&'static [u8]> {
    if at == 0 {
        return Err(failed(libc::EFAULT));
    }
    // SAFETY: the program passed a name to the call; a bad one faults here as its own fault.
    Ok(unsafe { CStr::from_ptr(at as *const libc::c_char) }.to_bytes())
}

/// A name relative to a directory.
fn path(tree: &mut Tree, dir: u64, at: u64) -> io::Result<Vec<u8>> {
    let name = text(at)?;
    if name.is_empty() {
        return Err(failed(libc::ENOENT));
    }
    if name[0] == b'/' || dir as u32 as u64 == HERE {
        return Ok(name.to_vec());
    }
    let Some(Some(open)) = tree.opened(dir) else { return Err(failed(libc::EBADF)) };
    match (&open.what, &open.path) {
        (What::File { .. } | What::Device(_), _) => Err(failed(libc::ENOTDIR)),
        (_, Some(dir)) => Ok([dir, &b"/"[..], name].concat()),
        (_, None) => Err(failed(libc::ENOENT)),
    }
}

/// Whether a call with a descriptor and a name is about the descriptor.
fn is_about_number(at: u64, flags: u64) -> bool {
    flags & libc::AT_EMPTY_PATH as u64 != 0 && text(at).is_ok_and(<[u8]>::is_empty)
}

/// Whether a call is about a descriptor, and no name.
fn has_number(nr: i64, a: &[u64; 6]) -> bool {
    match nr {
        libc::SYS_newfstatat => is_about_number(a[1], a[3]),
        libc::SYS_statx => is_about_number(a[1], a[2]),
        libc::SYS_utimensat => a[1] == 0,
        _ => takes_descriptor(nr),
    }
}

fn by_name(tree: &mut Tree, nr: i64, a: &[u64; 6]) -> Option<io::Result<i64>> {
    let no_follow = libc::AT_SYMLINK_NOFOLLOW as u64;
    Some(match nr {
        libc::SYS_open => open(tree, HERE, a[0], a[1], a[2]),
        libc::SYS_creat => {
            let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;
            open(tree, HERE, a[0], flags as u64, a[1])
        }
        libc::SYS_openat => open(tree, a[0], a[1], a[2], a[3]),
        libc::SYS_stat => stat(tree, HERE, a[0], a[1], true),
        libc::SYS_lstat => stat(tree, HERE, a[0], a[1], false),
        _ if has_number(nr, a) => return None,
        libc::SYS_newfstatat => stat(tree, a[0], a[1], a[2], a[3] & no_follow == 0),
        libc::SYS_statx => statx(tree, a),
        libc::SYS_access => access(tree, HERE, a[0], true),
        libc::SYS_faccessat => access(tree, a[0], a[1], true),
        libc::SYS_faccessat2 => access(tree, a[0], a[1], a[3] & no_follow == 0),
        libc::SYS_truncate => path(tree, HERE, a[0]).and_then(|p| done(tree.set_len(&p, a[1]))),
        libc::SYS_getcwd => root(a),
        libc::SYS_mkdir => make_dir(tree, HERE, a[0], a[1]),
        libc::SYS_mkdirat => make_dir(tree, a[0], a[1], a[2]),
        libc::SYS_rmdir => remove(tree, HERE, a[0], true),
        libc::SYS_unlink => remove(tree, HERE, a[0], false),
        libc::SYS_unlinkat => remove(tree, a[0], a[1], a[2] & libc::AT_REMOVEDIR as u64 != 0),
        libc::SYS_rename => rename(tree, [HERE, a[0], HERE, a[1]], 0),
        libc::SYS_renameat => rename(tree, [a[0], a[1], a[2], a[3]], 0),
        libc::SYS_renameat2 => rename(tree, [a[0], a[1], a[2], a[3]], a[4]),
        libc::SYS_link => hard_link(tree, [HERE, a[0], HERE, a[1]], 0),
        libc::SYS_linkat => hard_link(tree, [a[0], a[1], a[2], a[3]], a[4]),
        libc::SYS_symlink => link(tree, a[0], HERE, a[1]),
        libc::SYS_symlinkat => link(tree, a[0], a[1], a[2]),
        libc::SYS_readlink => read_link(tree, HERE, [a[0], a[1], a[2]]),
        libc::SYS_readlinkat => read_link(tree, a[0], [a[1], a[2], a[3]]),
        libc::SYS_chmod => permit(tree, HERE, a[0], a[1]),
        libc::SYS_fchmodat => permit(tree, a[0], a[1], a[2]),
        libc::SYS_utimensat => path(tree, a[0], a[1])
            .and_then(|path| done(tree.set_times(&path, times(a[2])?, a[3] & no_follow == 0))),
        libc::SYS_fchmodat2 if a[3] == 0 => permit(tree, a[0], a[1], a[2]),
        _ => return None,
    })
}

fn done(r: io::Result<()>) -> io::Result<i64> {
    r.map(|()| 0)
}

fn open(tree: &mut Tree, dir: u64, at: u64, flags: u64, mode: u64) -> io::Result<i64> {
    let path = path(tree, dir, at)?;
    let open = tree.open_file(&path, flags as i32, mode as u32)?;
    Ok(tree.number(open) as i64)
}

fn status_of(tree: &mut Tree, dir: u64, at: u64, follow: bool) -> io::Result<detpar_fs::Metadata> {
    let path = path(tree, dir, at)?;
    let path = path_of(&path);
    if follow { tree.fs.metadata(path) } else { tree.fs.symlink_metadata(path) }
}

fn stat(tree: &mut Tree, dir: u64, at: u64, to: u64, follow: bool) -> io::Result<i64> {
    let meta = status_of(tree, dir, at, follow)?;
    // SAFETY: the program passed the record to the call.
    unsafe { status::stat(&meta, to) };
    Ok(0)
}

fn statx(tree: &mut Tree, a: &[u64; 6]) -> io::Result<i64> {
    let follow = a[2] & libc::AT_SYMLINK_NOFOLLOW as u64 == 0;
    if a[4] == 0 {
        // Rust asks so whether the call is there.
        return Err(failed(libc::EFAULT));
    }
    let meta = status_of(tree, a[0], a[1], follow)?;
    // SAFETY: the program passed the record to the call.
    unsafe { status::statx(&meta, a[4]) };
    Ok(0)
}

fn access(tree: &mut Tree, dir: u64, at: u64, follow: bool) -> io::Result<i64> {
    status_of(tree, dir, at, follow).map(|_| 0)
}

/// The current directory.
fn root(a: &[u64; 6]) -> io::Result<i64> {
    if a[1] < 2 {
        return Err(failed(libc::ERANGE));
    }
    // SAFETY: the program passed a buffer of that size.
    unsafe { (a[0] as *mut [u8; 2]).write_unaligned(*b"/\0") };
    Ok(2)
}

fn make_dir(tree: &mut Tree, dir: u64, at: u64, mode: u64) -> io::Result<i64> {
    let path = path(tree, dir, at)?;
    done(tree.make_dir(&path, mode as u32))
}

fn remove(tree: &mut Tree, dir: u64, at: u64, is_dir: bool) -> io::Result<i64> {
    let path = path(tree, dir, at)?;
    done(if is_dir { tree.remove_dir(&path) } else { tree.remove(&path) })
}

fn rename(tree: &mut Tree, a: [u64; 4], flags: u64) -> io::Result<i64> {
    if flags != 0 {
        return Err(failed(libc::EINVAL));
    }
    let (from, to) = (path(tree, a[0], a[1])?, path(tree, a[2], a[3])?);
    done(tree.rename(&from, &to))
}

fn hard_link(tree: &mut Tree, a: [u64; 4], flags: u64) -> io::Result<i64> {
    if flags & !(libc::AT_SYMLINK_FOLLOW as u64) != 0 {
        // By a descriptor alone only who may search everything links.
        let by_number = flags & libc::AT_EMPTY_PATH as u64 != 0;
        return Err(failed(if by_number { libc::ENOENT } else { libc::EINVAL }));
    }
    let (from, to) = (path(tree, a[0], a[1])?, path(tree, a[2], a[3])?);
    done(tree.hard_link(&from, &to, flags != 0))
}

fn link(tree: &mut Tree, target: u64, dir: u64, at: u64) -> io::Result<i64> {
    let path = path(tree, dir, at)?;
    done(tree.link(text(target)?, &path))
}

fn read_link(tree: &mut Tree, dir: u64, [at, to, len]: [u64; 3]) -> io::Result<i64> {
    let path = path(tree, dir, at)?;
    let target = tree.fs.read_link(path_of(&path))?;
    let target = target.as_os_str().as_encoded_bytes();
    let n = target.len().min(len as usize);
    // SAFETY: the program passed a buffer of that size.
    unsafe { std::ptr::copy_nonoverlapping(target.as_ptr(), to as *mut u8, n) };
    number(n)
}

fn permit(tree: &mut Tree, dir: u64, at: u64, mode: u64) -> io::Result<i64> {
    let path = path(tree, dir, at)?;
    done(tree.permit(&path, mode as u32))
}

/// The two times that a call sets, in nanoseconds since 1970.
fn times(at: u64) -> io::Result<[Option<SystemTime>; 2]> {
    let now = detpar_fs::time(super::space::clock());
    if at == 0 {
        return Ok([Some(now); 2]);
    }
    // SAFETY: the program passed two times to the call; bad ones fault here as its own fault.
    let both = unsafe { (at as *const [libc::timespec; 2]).read_unaligned() };
    let one = |t: libc::timespec| match t.tv_nsec {
        libc::UTIME_NOW => Ok(Some(now)),
        libc::UTIME_OMIT => Ok(None),
        0..1_000_000_000 => {
            let whole = t.tv_sec.saturating_mul(1_000_000_000);
            Ok(Some(detpar_fs::time(whole.saturating_add(t.tv_nsec))))
        }
        _ => Err(failed(libc::EINVAL)),
    };
    Ok([one(both[0])?, one(both[1])?])
}

fn by_number(tree: &mut Tree, nr: i64, a: &[u64; 6]) -> Option<io::Result<i64>> {
    if nr == libc::SYS_sendfile || nr == libc::SYS_copy_file_range {
        let ours = a[0] >= FIRST_FILE || a[2] >= FIRST_FILE && nr == libc::SYS_copy_file_range;
        // Whoever copies so reads and writes instead.
        return ours.then(|| Err(failed(libc::EINVAL)));
    }
    let redirected = tree.is_redirected(a[0]);
    if a[0] < FIRST_FILE && !redirected || a[0] > u64::from(u32::MAX) {
        return None;
    }
    if tree.is_inherited(a[0]) {
        // It stays the parent's, whatever a child does with its copy of the handle.
        return match nr {
            libc::SYS_close => Some(Ok(0)),
            libc::SYS_fcntl if a[1] as i32 == libc::F_GETFD => Some(Ok(libc::FD_CLOEXEC.into())),
            _ => None,
        };
    }
    let Some(place @ Some(_)) = tree.opened(a[0]) else { return Some(Err(failed(libc::EBADF))) };
    if nr == libc::SYS_close {
        tree.close(a[0]);
        return Some(Ok(0));
    }
    if let libc::SYS_dup | libc::SYS_dup2 | libc::SYS_dup3 | libc::SYS_fcntl = nr {
        return more_numbers(tree, nr, a);
    }
    if nr == libc::SYS_fchmod {
        // Where it has no name any more nobody can see them.
        let path = place.as_ref().and_then(|open| open.path.clone());
        return Some(path.map_or(Ok(0), |p| done(tree.permit(&p, a[1] as u32))));
    }
    if nr == libc::SYS_utimensat {
        let path = place.as_ref().and_then(|open| open.path.clone());
        let set = |p: Vec<u8>| done(tree.set_times(&p, times(a[2])?, false));
        return Some(path.map_or(Ok(0), set));
    }
    if nr == libc::SYS_ftruncate {
        return Some(done(place.as_mut()?.cut(a[1])));
    }
    let open = place.as_mut()?;
    // SAFETY: the program passed a buffer of that size, or so many parts, to the calls that use
    // them below; a bad one faults there as its own fault. No two are used by one call.
    let (bytes, room, parts) = unsafe {
        let (at, len) = (a[1], a[2] as usize);
        match nr {
            libc::SYS_write | libc::SYS_pwrite64 => {
                (slice(at as *const u8, len), &mut [][..], &[][..])
            }
            libc::SYS_read | libc::SYS_pread64 | libc::SYS_getdents64 => {
                (&[][..], slice_mut(at as *mut u8, len), &[][..])
            }
            libc::SYS_readv | libc::SYS_writev => {
                (&[][..], &mut [][..], slice(at as *const libc::iovec, len))
            }
            _ => (&[][..], &mut [][..], &[][..]),
        }
    };
    Some(match nr {
        libc::SYS_read => open.read(room, None).and_then(number),
        libc::SYS_pread64 => open.read(room, Some(a[3])).and_then(number),
        libc::SYS_write => open.write(bytes, None).and_then(number),
        libc::SYS_pwrite64 => open.write(bytes, Some(a[3])).and_then(number),
        libc::SYS_readv | libc::SYS_writev => each(parts, |p| {
            let at = p.iov_base.cast::<u8>();
            // SAFETY: as above.
            unsafe {
                match nr {
                    libc::SYS_readv => open.read(slice_mut(at, p.iov_len), None),
                    _ => open.write(slice(at, p.iov_len), None),
                }
            }
        }),
        libc::SYS_lseek => seek(open, a[1] as i64, a[2] as i32),
        libc::SYS_fstat | libc::SYS_newfstatat | libc::SYS_statx => about(tree, nr, a),
        libc::SYS_fsync | libc::SYS_fdatasync | libc::SYS_fadvise64 => Ok(0),
        libc::SYS_ioctl => Err(failed(libc::ENOTTY)),
        // Nobody else has this tree, so nobody holds a lock.
        libc::SYS_flock => Ok(0),
        libc::SYS_getdents64 => list(tree, a[0], room),
        _ => return None,
    })
}

/// Further numbers for what is open, and what is asked of numbers.
fn more_numbers(tree: &mut Tree, nr: i64, a: &[u64; 6]) -> Option<io::Result<i64>> {
    let flags = |tree: &mut Tree| tree.opened(a[0]).and_then(|o| o.as_ref()).map_or(0, |o| o.flags);
    let done = match (nr, a[1] as i32) {
        (libc::SYS_dup, _) => tree.duplicate(a[0], 0),
        (libc::SYS_dup3, _) if a[0] == a[1] => Err(failed(libc::EINVAL)),
        (libc::SYS_dup2 | libc::SYS_dup3, _) => return Some(tree.replace(a[0], a[1])?.map(to_i64)),
        (_, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC) => tree.duplicate(a[0], a[2]),
        (_, libc::F_GETFD) => Ok(libc::FD_CLOEXEC as u64),
        (_, libc::F_SETFD) => Ok(0),
        (_, libc::F_GETFL) => Ok((flags(tree) | libc::O_LARGEFILE) as u64),
        (_, libc::F_SETFL) => {
            let settable = libc::O_APPEND | libc::O_NONBLOCK;
            let open = tree.opened(a[0])?.as_mut()?;
            let flags = a[2] as i32 & settable;
            if open.flags & !flags & libc::O_APPEND != 0 {
                // The file itself appends for good.
                return None;
            }
            open.flags = open.flags & !settable | flags;
            Ok(0)
        }
        _ => return None,
    };
    Some(done.map(to_i64))
}

fn to_i64(number: u64) -> i64 {
    number as i64
}

/// # Safety
/// So many values at an address are readable, or none are asked for.
unsafe fn slice<T>(at: *const T, len: usize) -> &'static [T] {
    if len == 0 {
        return &[];
    }
    // SAFETY: the caller's contract.
    unsafe { std::slice::from_raw_parts(at, len) }
}

/// # Safety
/// As [`slice`], and writable by nobody else.
unsafe fn slice_mut<T>(at: *mut T, len: usize) -> &'static mut [T] {
    if len == 0 {
        return &mut [];
    }
    // SAFETY: the caller's contract.
    unsafe { std::slice::from_raw_parts_mut(at, len) }
}

/// Does something with one part after another, until one is not done as a whole.
fn each(
    parts: &[libc::iovec],
    mut f: impl FnMut(&libc::iovec) -> io::Result<usize>,
) -> io::Result<i64> {
    let mut all = 0;
    for part in parts.iter().filter(|p| p.iov_len > 0) {
        match f(part) {
            Ok(n) => all += n,
            Err(e) if all == 0 => return Err(e),
            Err(_) => break,
        }
        if all % part.iov_len != 0 {
            break;
        }
    }
    number(all)
}

fn seek(open: &mut Open, by: i64, whence: i32) -> io::Result<i64> {
    let at = match (whence, u64::try_from(by)) {
        (libc::SEEK_SET, Ok(at)) => open.seek(SeekFrom::Start(at)),
        (libc::SEEK_CUR, _) => open.seek(SeekFrom::Current(by)),
        (libc::SEEK_END, _) => open.seek(SeekFrom::End(by)),
        (libc::SEEK_DATA, Ok(at)) => open.file().and_then(|f| f.seek_data(at)),
        (libc::SEEK_HOLE, Ok(at)) => open.file().and_then(|f| f.seek_hole(at)),
        (libc::SEEK_DATA | libc::SEEK_HOLE, Err(_)) => Err(failed(libc::ENXIO)),
        _ => Err(failed(libc::EINVAL)),
    };
    at.map(|at| at as i64)
}

/// What there is to know of an open file.
fn about(tree: &mut Tree, nr: i64, a: &[u64; 6]) -> io::Result<i64> {
    let Some(Some(open)) = tree.opened(a[0]) else { return Err(failed(libc::EBADF)) };
    let meta = match (&open.what, &open.path) {
        (What::Device(device), _) => {
            // SAFETY: the program passed the record to the call.
            unsafe {
                match nr {
                    libc::SYS_fstat => device.stat(a[1]),
                    libc::SYS_newfstatat => device.stat(a[2]),
                    _ => device.statx(a[4]),
                }
            }
            return Ok(0);
        }
        (What::File { file, .. }, _) => file.metadata()?,
        (What::Dir { .. }, Some(path)) => {
            let path = path.clone();
            tree.fs.metadata(path_of(if path.is_empty() { b"/" } else { &path }))?
        }
        (What::Dir { .. }, None) => return Err(failed(libc::ENOENT)),
    };
    // SAFETY: the program passed the record to the call.
    unsafe {
        match nr {
            libc::SYS_fstat => status::stat(&meta, a[1]),
            libc::SYS_newfstatat => status::stat(&meta, a[2]),
            _ => status::statx(&meta, a[4]),
        }
    }
    Ok(0)
}

/// The next entries of a directory.
fn list(tree: &mut Tree, fd: u64, room: &mut [u8]) -> io::Result<i64> {
    let Some(Some(open)) = tree.opened(fd) else { return Err(failed(libc::EBADF)) };
    let What::Dir { list, ahead, dots, own } = &mut open.what else {
        return Err(failed(libc::ENOTDIR));
    };
    let mut used = 0;
    while *dots < 2 {
        let name = if *dots == 0 { &b"."[..] } else { b".." };
        let entry = Entry { ino: *own, kind: libc::DT_DIR, name };
        let Some(n) = entry.write(&mut room[used..]) else { return full(used) };
        (used, *dots) = (used + n, *dots + 1);
    }
    loop {
        let next = match ahead.take() {
            Some(e) => e,
            None => match list.next() {
                None => return number(used),
                Some(e) => e?,
            },
        };
        let name = next.file_name();
        let kind = match next.kind() {
            detpar_fs::Kind::File => libc::DT_REG,
            detpar_fs::Kind::Dir => libc::DT_DIR,
            detpar_fs::Kind::Symlink => libc::DT_LNK,
        };
        let entry = Entry { ino: next.ino(), kind, name: name.as_encoded_bytes() };
        match entry.write(&mut room[used..]) {
            Some(n) => used += n,
            None => {
                *ahead = Some(next);
                return full(used);
            }
        }
    }
}

/// No room for the next entry.
fn full(used: usize) -> io::Result<i64> {
    if used == 0 { Err(failed(libc::EINVAL)) } else { number(used) }
}
