//! Images: opened under a lock, saved atomically, never overwritten unasked.

use crate::Exit;
use crate::failure::Failure;
use crate::show;
use detpar_fs::{BLOCK, Fs, LoadError, Problem};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What is done with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    Reading,
    Writing,
}

/// An image that is in use here: others may read it while all only read it.
pub(crate) struct Image {
    path: PathBuf,
    file: File,
    pub fs: Fs,
}

/// The time for new files, in nanoseconds since 1970.
pub(crate) fn now() -> i64 {
    let fixed = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|s| s.parse::<i64>().ok());
    fixed.map_or_else(
        || {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            since.map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX))
        },
        |seconds| seconds.saturating_mul(1_000_000_000),
    )
}

/// Opens an image's file and locks it.
fn open(path: &Path, what_for: For) -> Result<File, Failure> {
    let fail = |e: &io::Error| {
        let mut failure = Failure::input(show::path(path), e);
        if e.kind() == io::ErrorKind::NotFound {
            failure.text += "; make an image with `detfs mkfs`";
        }
        failure
    };
    let writing = what_for == For::Writing;
    let file = File::options().read(true).write(writing).open(path).map_err(|e| fail(&e))?;
    if !file.metadata().map_err(|e| fail(&e))?.is_file() {
        let text = format!("{}: not a regular file; name an image", show::path(path));
        return Err(Failure::new(Exit::BadImage, text));
    }
    match if writing { file.try_lock() } else { file.try_lock_shared() } {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(in_use(path)),
        Err(TryLockError::Error(e)) => Err(fail(&e)),
    }
}

fn in_use(path: &Path) -> Failure {
    let text = format!(
        "{}: in use by another detfs; try again when that has ended, or unmount it",
        show::path(path)
    );
    Failure::new(Exit::InUse, text)
}

impl Image {
    /// Loads an image.
    pub fn open(path: &Path, what_for: For) -> Result<Image, Failure> {
        Image::with_clock(path, what_for, now)
    }

    /// The same, with a clock for new timestamps.
    pub fn with_clock(
        path: &Path,
        what_for: For,
        clock: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Result<Image, Failure> {
        let mut file = open(path, what_for)?;
        let fs = Fs::load(&mut file, clock).map_err(|e| Failure::load(show::path(path), &e))?;
        Ok(Image { path: path.to_path_buf(), file, fs })
    }

    /// Whether an image can be loaded, and if not, why.
    pub fn look(path: &Path) -> Result<Result<(), LoadError>, Failure> {
        let mut file = open(path, For::Reading)?;
        Ok(Fs::load(&mut file, now).map(|_| ()))
    }

    /// Loads what is left of a damaged image, and tells what was wrong.
    pub fn repaired(path: &Path) -> Result<(Image, Vec<Problem>), Failure> {
        let mut file = open(path, For::Writing)?;
        let (fs, problems) =
            Fs::load_repaired(&mut file, now).map_err(|e| Failure::load(show::path(path), &e))?;
        Ok((Image { path: path.to_path_buf(), file, fs }, problems))
    }

    /// Saves what changed.
    pub fn save(&mut self) -> Result<(), Failure> {
        self.fs.save(&mut self.file).map(|_| ()).map_err(|e| {
            let mut failure = Failure::output(show::path(&self.path), &e);
            failure.text += "; the image is as it was";
            failure
        })
    }
}

/// Makes an image file with a file system in it: the whole image, or none.
pub(crate) fn make(path: &Path, fs: &Fs, force: bool) -> Result<(), Failure> {
    let fail = |e: &io::Error| Failure::output(show::path(path), e);
    // A link stays, and what it names is replaced.
    let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    // Held until the new image has taken the old one's place.
    let _old = match fs::symlink_metadata(&real) {
        Ok(found) if !found.is_file() => {
            let text = format!("{}: there, and not a regular file", show::path(path));
            return Err(Failure::new(Exit::NoOutput, text));
        }
        Ok(_) if !force => {
            let text = format!("{}: exists; --force replaces it", show::path(path));
            return Err(Failure::new(Exit::NoOutput, text));
        }
        Ok(_) => Some(open(&real, For::Writing)?),
        Err(_) => None,
    };
    let directory = match real.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut new = tempfile::Builder::new()
        .prefix(".detfs-")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(directory)
        .map_err(|e| fail(&e))?;
    fs.save(new.as_file_mut()).map_err(|e| fail(&e))?;
    let placed = if force { new.persist(&real) } else { new.persist_noclobber(&real) };
    placed.map_err(|e| fail(&e.error))?;
    // The name lasts as well; a directory that cannot be synced holds it as well as it can.
    let _ = File::open(directory).and_then(|d| d.sync_all());
    Ok(())
}

/// Whether a file on the host is an image, perhaps a damaged one.
pub(crate) fn is_image(path: &Path) -> bool {
    let magic_at = |at: u64| -> io::Result<bool> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = [0; 8];
        file.read_exact(&mut bytes)?;
        Ok(&bytes == b"DETPARFS")
    };
    // There are two superblocks.
    path.is_file() && [0, BLOCK as u64].iter().any(|at| magic_at(*at).unwrap_or(false))
}
