//! Open files and directories.

use super::devices::Device;
use super::journal::{self, Act, FileKey};
use super::space::error;
use detpar_fs::{DirEntry, File, Policy, ReadDir};
use std::io::{self, Read, Seek, SeekFrom, Write};

/// What is open.
pub(super) enum What {
    Device(Device),
    File {
        file: File,
        key: FileKey,
        policy: Policy,
        /// A handle to read it by as it was, where all of that is to be noted before a change.
        before: Option<File>,
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
        let append = self.flags & libc::O_APPEND != 0;
        if !append {
            self.note_before()?;
        }
        let file = self.file()?;
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
        if let (What::File { key, policy, .. }, Some(path)) = (&self.what, &self.path) {
            let of = (*key, *policy);
            journal::note_contents(of, (!append).then_some(place), path, &bytes[..n]);
        }
        Ok(n)
    }

    /// Cuts the file off, or makes it longer.
    pub fn cut(&mut self, len: u64) -> io::Result<()> {
        if len > 0 {
            self.note_before()?;
        }
        let What::File { file, key, policy, before } = &mut self.what else {
            return Err(error(libc::EINVAL));
        };
        file.set_len(len)?;
        *before = None;
        if let Some(path) = &self.path {
            journal::note_of((Some(*key), *policy), Act::SetLen, len, path, &[]);
        }
        Ok(())
    }

    /// Notes all that the file holds, once: where its policy is that the last one's contents stay,
    /// what is noted makes a whole file, whatever another made of it.
    fn note_before(&mut self) -> io::Result<()> {
        let (What::File { key, policy, before, .. }, Some(path)) = (&mut self.what, &self.path)
        else {
            return Ok(());
        };
        let Some(file) = before.take() else { return Ok(()) };
        let of = (*key, *policy);
        let cut = |len| journal::note_of((Some(of.0), of.1), Act::SetLen, len, path, &[]);
        cut(0);
        let len = file.metadata()?.len();
        let mut piece = vec![0; journal::PIECE];
        let mut at = 0;
        // Holes stay holes.
        while let Ok(data) = file.seek_data(at) {
            at = data;
            let end = file.seek_hole(data)?;
            while at < end {
                let most = piece.len().min((end - at) as usize);
                let n = file.read_at(&mut piece[..most], at)?;
                if n == 0 {
                    break;
                }
                journal::note_contents(of, Some(at), path, &piece[..n]);
                at += n as u64;
            }
        }
        if at < len {
            cut(len);
        }
        Ok(())
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
