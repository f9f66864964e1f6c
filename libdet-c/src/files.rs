//! The files of children, from the master: a tree in memory, by the names that children give.

use crate::error::{Failed, guard};
use crate::raw;
use core::ffi::{CStr, c_char, c_int};
use detpar::fs;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

fn failed(what: &str, e: &io::Error) -> Failed {
    let busy = e.kind() == io::ErrorKind::ResourceBusy;
    let other = if busy { libc::EBUSY } else { libc::EIO };
    Failed::new(e.raw_os_error().unwrap_or(other), format!("{what}: {e}"))
}

/// The path of a string; of the host or of the tree, neither of which a child may name here.
///
/// # Safety
/// `path` is null or a string that lives as long as the result is used.
unsafe fn path<'a>(what: &str, path: *const c_char) -> Result<&'a Path, Failed> {
    if path.is_null() {
        return Err(Failed::new(libc::EFAULT, format!("{what}: the pointer is null")));
    }
    raw::supported(what)?;
    if !kernel::master::is_master() {
        let why = "the files of the host are the master's alone: call it there";
        return Err(Failed::new(libc::EPERM, format!("{what}: {why}")));
    }
    // SAFETY: the caller's contract.
    Ok(Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes())))
}

/// Copies a file or directory between the host and the tree, by a function of both names.
///
/// # Safety
/// Both are null or strings.
unsafe fn copy(
    what: &str,
    (from, to): (*const c_char, *const c_char),
    how: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> c_int {
    guard(-1, || {
        // SAFETY: the caller's contract.
        let (from, to) = unsafe { (path(what, from)?, path(what, to)?) };
        how(from, to).map(|()| 0).map_err(|e| failed(what, &e))
    })
}

/// Copies a file or directory of the host to a place in the tree of children's files: 0, or -1 with
/// `errno`. See `det_fs_import(3)`.
///
/// # Safety
/// Both are null or strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_fs_import(host: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the caller's contract.
    unsafe { copy("det_fs_import", (host, to), |host, to| fs::import(host, to)) }
}

/// Copies a file or directory of the tree to the host: 0, or -1 with `errno`.
///
/// # Safety
/// Both are null or strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_fs_export(from: *const c_char, host: *const c_char) -> c_int {
    // SAFETY: the caller's contract.
    unsafe { copy("det_fs_export", (from, host), |from, host| fs::export(from, host)) }
}

/// Makes a directory of the tree, and those on the way to it: 0, or -1 with `errno`.
///
/// # Safety
/// It is null or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_fs_mkdir(name: *const c_char) -> c_int {
    guard(-1, || {
        let what = "det_fs_mkdir";
        // SAFETY: the caller's contract.
        let name = unsafe { path(what, name) }?;
        fs::create_dir_all(name).map(|()| 0).map_err(|e| failed(what, &e))
    })
}

/// Saves the tree as a disk image in a file of the host: 0, or -1 with `errno`.
///
/// # Safety
/// It is null or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_fs_save(image: *const c_char) -> c_int {
    guard(-1, || {
        let what = "det_fs_save";
        // SAFETY: the caller's contract.
        let image = unsafe { path(what, image) }?;
        let file = File::options().read(true).write(true).create(true).truncate(false).open(image);
        file.and_then(|mut f| fs::save(&mut f)).map(|_| 0).map_err(|e| failed(what, &e))
    })
}

/// Makes the tree what a disk image has: 0, or -1 with `errno`. Nothing stays of the tree before, so
/// all children must have been joined: with any alive it fails with `EBUSY`.
///
/// # Safety
/// It is null or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_fs_load(image: *const c_char) -> c_int {
    guard(-1, || {
        let what = "det_fs_load";
        // SAFETY: the caller's contract.
        let image = unsafe { path(what, image) }?;
        let mut file =
            File::options().read(true).write(true).open(image).map_err(|e| failed(what, &e))?;
        fs::load(&mut file).map(|()| 0).map_err(|e| match e {
            fs::LoadError::Io(e) => failed(what, &e),
            other => Failed::new(libc::EINVAL, format!("{what}: {other}")),
        })
    })
}
