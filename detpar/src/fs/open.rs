//! Open files and directories.

use super::devices::Device;
use super::journal::{self, FileKey};
use super::space::error;
use detpar_fs::{DirEntry, File, ReadDir};
use std::io::{self, Read, Seek, SeekFrom, Write};

/// What is open.
pub(super) enum What {
    Device(Device),
    File {
        file: File,
        key: FileKey,
    },
    Dir {
        list: ReadDir,
        /// An entry that found no room.
        ahead: Option<DirEntry>,
        /// How many of `.` and `..` were listed.
        dots: u8,
        /// The directory's inode.
        own: u64,
    },
}

/// An open file or directory.
pub(super) struct Open {
    pub what: What,
    /// Its name; none once that is removed.
    pub path: Option<Vec<u8>>,
    /// Access mode and `O_APPEND`, as in `open`.
    pub flags: i32,
}

impl Open {
    /// The file; directories and devices are no files.
    pub fn file(&mut self) -> io::Result<&mut File> {
        match &mut self.what {
            What::File { file, .. } => Ok(file),
            What::Dir { .. } => Err(error(libc::EISDIR)),
            What::Device(_) => Err(error(libc::EINVAL)),
        }
    }

    /// The device that is open, for reading or for writing.
    fn device(&self, writes: bool) -> io::Result<Option<Device>> {
        let What::Device(device) = self.what else { return Ok(None) };
        let not = if writes { libc::O_RDONLY } else { libc::O_WRONLY };
        if self.flags & libc::O_ACCMODE == not {
            return Err(error(libc::EBADF));
        }
        Ok(Some(device))
    }

    /// Reads, at a place or where it is.
    pub fn read(&mut self, to: &mut [u8], at: Option<u64>) -> io::Result<usize> {
        if let Some(device) = self.device(false)? {
            return device.read(to);
        }
        match at {
            Some(at) => self.file()?.read_at(to, at),
            None => self.file()?.read(to),
        }
    }

    /// Writes, at a place or where it is.
    pub fn write(&mut self, bytes: &[u8], at: Option<u64>) -> io::Result<usize> {
        if let Some(device) = self.device(true)? {
            return device.write(bytes);
        }
        let (append, file) = (self.flags & libc::O_APPEND != 0, self.file()?);
        let place = match at {
            Some(at) => at,
            None => file.stream_position()?,
        };
        let n = match at {
            // As on Linux: at the end, whatever the place.
            Some(_) if append => {
                let end = file.metadata()?.len();
                file.write_at(bytes, end)?
            }
            Some(at) => file.write_at(bytes, at)?,
            None => {
                if append {
                    file.seek(SeekFrom::End(0))?;
                }
                file.write(bytes)?
            }
        };
        if let (What::File { key, .. }, Some(path)) = (&self.what, &self.path) {
            journal::note_contents(*key, (!append).then_some(place), path, &bytes[..n]);
        }
        Ok(n)
    }

    /// Moves.
    pub fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.what {
            What::File { file, .. } => file.seek(to),
            What::Dir { list, ahead, dots, .. } if to == SeekFrom::Start(0) => {
                list.seek(0);
                (*ahead, *dots) = (None, 0);
                Ok(0)
            }
            What::Dir { .. } => Err(error(libc::EINVAL)),
            // Wherever one goes there, one is at the beginning.
            What::Device(_) => Ok(0),
        }
    }
}
