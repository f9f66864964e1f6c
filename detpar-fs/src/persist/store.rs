//! Where a disk image lies.

use std::io::{self, Read, Seek, SeekFrom, Write};

/// Where a disk image lies: bytes that last, such as a file.
pub trait Store {
    /// How many bytes there are.
    ///
    /// # Errors
    /// Those of the store, as with all that follow.
    fn size(&mut self) -> io::Result<u64>;

    /// Makes it as long as that; bytes that are added are zero.
    ///
    /// # Errors
    /// Those of the store.
    fn set_size(&mut self, size: u64) -> io::Result<()>;

    /// Reads bytes that are there.
    ///
    /// # Errors
    /// Those of the store, [`io::ErrorKind::UnexpectedEof`] behind the end.
    fn read_at(&mut self, at: u64, to: &mut [u8]) -> io::Result<()>;

    /// Writes all bytes. They need not last before the next [`Store::sync`], nor become lasting in
    /// order.
    ///
    /// # Errors
    /// Those of the store.
    fn write_at(&mut self, at: u64, from: &[u8]) -> io::Result<()>;

    /// Returns when all that was written lasts.
    ///
    /// # Errors
    /// Those of the store.
    fn sync(&mut self) -> io::Result<()>;
}

impl Store for std::fs::File {
    fn size(&mut self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_size(&mut self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn read_at(&mut self, at: u64, to: &mut [u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(at))?;
        self.read_exact(to)
    }

    fn write_at(&mut self, at: u64, from: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(at))?;
        self.write_all(from)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// A disk image in memory. Nothing lasts longer than that.
impl Store for Vec<u8> {
    fn size(&mut self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn set_size(&mut self, size: u64) -> io::Result<()> {
        let size = usize::try_from(size).map_err(|_| io::ErrorKind::OutOfMemory)?;
        if size > self.capacity() {
            // Zeroed anew: most of an image is holes, and pages that nobody wrote take no memory.
            // To copy them does, so there is room for the journals of later saves.
            let room = size.saturating_add(size / 16);
            Vec::<u8>::new().try_reserve_exact(room)?;
            let mut larger = vec![0; room];
            larger[..self.len()].copy_from_slice(self);
            *self = larger;
        }
        self.resize(size, 0);
        Ok(())
    }

    fn read_at(&mut self, at: u64, to: &mut [u8]) -> io::Result<()> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let from = self.get(at..at.saturating_add(to.len()));
        to.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&mut self, at: u64, from: &[u8]) -> io::Result<()> {
        let at = usize::try_from(at).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let end = at.checked_add(from.len()).ok_or(io::ErrorKind::OutOfMemory)?;
        if end > self.len() {
            self.set_size(end as u64)?;
        }
        self[at..end].copy_from_slice(from);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
