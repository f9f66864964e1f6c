//! From the real file system into the tree, and back: in the master, by its own word.

use super::space::{Tree, made, path_of};
use super::{Writer, bytes, in_master};
use detpar_fs::Kind;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// Bytes that are copied at once.
const PIECE: usize = 1 << 20;

/// Copies a real file, or a directory with all below it, into the tree: input that the master
/// gives to its children. Contents, permissions and symbolic links are copied; times are the
/// tree's own. Directories on the way are made; a file that is there is replaced.
///
/// # Errors
/// Those of either side; what was copied before stays. `Unsupported` for what is neither file,
/// directory nor link.
///
/// # Panics
/// In a child.
///
/// ```
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     detpar::fs::import("Cargo.toml", "/input")?;
///     let lines = || std::fs::read_to_string("/input").unwrap().lines().count();
///     let (a, b) = detpar::join(lines, lines);
///     assert!(a > 0 && a == b);
///     Ok(())
/// }
/// ```
pub fn import(host: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    in_master("import");
    let (tree, to) = (made()?, to.as_ref());
    if let Some(parent) = to.parent().filter(|p| !p.as_os_str().is_empty()) {
        tree.make_dirs(bytes(parent))?;
    }
    // The name that was given may be a link: what it leads to is meant.
    let kind = fs::metadata(host.as_ref())?.file_type();
    copy_in(tree, host.as_ref(), to, kind)
}

fn copy_in(tree: &mut Tree, host: &Path, to: &Path, kind: fs::FileType) -> io::Result<()> {
    let name = bytes(to);
    if kind.is_symlink() {
        return tree.link(fs::read_link(host)?.as_os_str().as_bytes(), name);
    }
    let mode = fs::metadata(host)?.permissions().mode();
    if kind.is_dir() {
        tree.make_dirs(name)?;
        // Sorted: a host lists in any order.
        let mut entries: Vec<_> = fs::read_dir(host)?.collect::<io::Result<_>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            copy_in(tree, &entry.path(), &to.join(entry.file_name()), entry.file_type()?)?;
        }
        return tree.permit(name, mode);
    }
    if !kind.is_file() {
        let what = format!("{}: neither file, directory nor symbolic link", host.display());
        return Err(io::Error::new(io::ErrorKind::Unsupported, what));
    }
    let mut from = fs::File::open(host)?;
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC;
    copy(&mut from, &mut Writer(tree.open_file(name, flags, 0o666)?))?;
    tree.permit(name, mode)
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(()),
            n => to.write_all(&piece[..n])?,
        }
    }
}

/// Copies a file or directory of the tree, with all below it, to the real file system. What is
/// there is replaced file by file; what else a directory holds stays.
///
/// # Errors
/// Those of either side; what was copied before stays.
///
/// # Panics
/// In a child.
///
/// ```
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     detpar::fs::write("/out/result", "42")?;
///     let to = std::env::temp_dir().join(format!("detpar-export-{}", std::process::id()));
///     detpar::fs::export("/out", &to)?;
///     assert_eq!(std::fs::read_to_string(to.join("result"))?, "42");
///     std::fs::remove_dir_all(to)
/// }
/// ```
pub fn export(path: impl AsRef<Path>, host: impl AsRef<Path>) -> io::Result<()> {
    in_master("export");
    copy_out(made()?, path.as_ref(), host.as_ref())
}

fn copy_out(tree: &Tree, path: &Path, host: &Path) -> io::Result<()> {
    let meta = tree.fs.symlink_metadata(path)?;
    match meta.kind() {
        Kind::Symlink => {
            if fs::symlink_metadata(host).is_ok_and(|m| !m.is_dir()) {
                fs::remove_file(host)?;
            }
            return symlink(tree.fs.read_link(path)?, host);
        }
        Kind::Dir => {
            fs::create_dir_all(host)?;
            for entry in tree.fs.read_dir(path)? {
                let entry = entry?;
                copy_out(tree, &entry.path(), &host.join(entry.file_name()))?;
            }
        }
        Kind::File => copy(&mut tree.fs.open(path_of(bytes(path)))?, &mut fs::File::create(host)?)?,
    }
    fs::set_permissions(host, fs::Permissions::from_mode(meta.mode() & 0o777))
}
