//! Contents of files: read, write, cut, seek data and holes. Bytes beyond the end of a file in
//! its last block are zero.

use super::Volume;
use super::map::{Leaf, MAX_LEN};
use crate::errno::{Errno, Result};
use crate::layout::inode::Inode;
use crate::layout::{BLOCK, Block, POINTERS, filled, zeroed};

const B: u64 = BLOCK as u64;

impl Volume {
    /// Reads from a place on; returns how many bytes there were.
    pub fn read(&self, node: &Inode, to: &mut [u8], from: u64) -> usize {
        let len = node.len.saturating_sub(from).min(to.len() as u64) as usize;
        let mut to = &mut to[..len];
        let mut at = from;
        while !to.is_empty() {
            let leaf = self.leaf(node, at / B);
            if let Leaf::Hole(blocks) = leaf {
                let n = (blocks.saturating_mul(B) - at % B).min(to.len() as u64) as usize;
                to[..n].fill(0);
                (to, at) = (&mut to[n..], at + n as u64);
                continue;
            }
            let n = (BLOCK - (at % B) as usize).min(to.len());
            match self.pointer(node, leaf) {
                0 => to[..n].fill(0),
                b => {
                    let start = (at % B) as usize;
                    to[..n].copy_from_slice(&self.layers.get(b)[start..start + n]);
                }
            }
            (to, at) = (&mut to[n..], at + n as u64);
        }
        len
    }

    /// Writes at a place, behind the end of the file, too. Returns how many bytes were written:
    /// fewer where the volume became full on the way. The caller writes the inode.
    ///
    /// # Errors
    /// `ENOSPC`, `EFBIG`: nothing was written.
    pub fn write(&mut self, ino: u32, node: &mut Inode, from: &[u8], to: u64) -> Result<usize> {
        let room = MAX_LEN.saturating_sub(to).min(from.len() as u64) as usize;
        if room == 0 && !from.is_empty() {
            return Err(Errno::EFBIG);
        }
        let mut rest = &from[..room];
        let mut at = to;
        let mut near = self.geometry.start(ino / self.geometry.inodes_per_group);
        let mut failed = None;
        while !rest.is_empty() {
            let start = (at % B) as usize;
            let n = (BLOCK - start).min(rest.len());
            match self.write_in_block(node, &rest[..n], at / B, start, near) {
                Ok(block) => near = block + 1,
                Err(e) => {
                    failed = Some(e);
                    break;
                }
            }
            (rest, at) = (&rest[n..], at + n as u64);
        }
        if at > to {
            node.len = node.len.max(at);
            if let Some(log) = self.log() {
                log.wrote(ino, to, at);
            }
        }
        match failed {
            Some(e) if at == to => Err(e),
            _ => Ok((at - to) as usize),
        }
    }

    /// Writes within one block of a file; returns the block.
    fn write_in_block(
        &mut self,
        node: &mut Inode,
        bytes: &[u8],
        fb: u64,
        start: usize,
        mut near: u32,
    ) -> Result<u32> {
        if fb > 0 && start == 0 {
            match self.pointer(node, self.leaf(node, fb - 1)) {
                0 => {}
                before => near = before + 1,
            }
        }
        let leaf = self.leaf_mut(node, fb, near)?;
        let block = self.pointer(node, leaf);
        if block != 0 {
            match bytes.try_into() {
                Ok(whole) => self.layers.put(block, whole),
                Err(_) => {
                    self.layers.get_mut(block)[start..start + bytes.len()].copy_from_slice(bytes)
                }
            }
            return Ok(block);
        }
        let block = self.take_block(near)?;
        let contents = if bytes.len() == BLOCK {
            filled(bytes)
        } else {
            let mut contents = zeroed();
            contents[start..start + bytes.len()].copy_from_slice(bytes);
            contents
        };
        self.layers.insert(block, contents);
        self.set_pointer(node, leaf, block);
        node.blocks += 1;
        Ok(block)
    }

    /// Makes a file as long as that: frees what lies behind, or adds a hole. The caller writes the
    /// inode.
    ///
    /// # Errors
    /// `EFBIG`; `EIO`: its pointers make no sense.
    pub fn cut(&mut self, ino: u32, node: &mut Inode, len: u64) -> Result<()> {
        if len > MAX_LEN {
            return Err(Errno::EFBIG);
        }
        let (low, high) = (len.min(node.len), len.max(node.len));
        if let Some(log) = self.log() {
            log.wrote(ino, low, high);
        }
        if node.is_inline() {
            node.len = len;
            return Ok(());
        }
        let shorter = len < node.len;
        node.len = len;
        if shorter {
            self.free_from(node, len.div_ceil(B))?;
            self.clear_end(node);
        }
        Ok(())
    }

    /// Makes the bytes behind the end of a file zero.
    pub fn clear_end(&mut self, node: &Inode) {
        let inside = (node.len % B) as usize;
        if inside != 0 && !node.is_inline() {
            match self.pointer(node, self.leaf(node, node.len / B)) {
                0 => {}
                block => self.layers.get_mut(block)[inside..].fill(0),
            }
        }
    }

    /// The first byte of data from a place on.
    ///
    /// # Errors
    /// `ENXIO`: there is none.
    pub fn seek_data(&self, node: &Inode, from: u64) -> Result<u64> {
        self.seek(node, from, true)
    }

    /// The first byte of a hole from a place on; there is one at the end.
    ///
    /// # Errors
    /// `ENXIO`: the file ends before.
    pub fn seek_hole(&self, node: &Inode, from: u64) -> Result<u64> {
        self.seek(node, from, false)
    }

    fn seek(&self, node: &Inode, from: u64, data: bool) -> Result<u64> {
        if from >= node.len {
            return Err(Errno::ENXIO);
        }
        let mut fb = from / B;
        while fb * B < node.len {
            let leaf = self.leaf(node, fb);
            let (is_data, blocks) = match leaf {
                Leaf::Hole(blocks) => (false, blocks),
                _ => (self.pointer(node, leaf) != 0, 1),
            };
            if is_data == data {
                return Ok(from.max(fb * B));
            }
            fb += blocks.min(POINTERS.pow(3));
        }
        if data { Err(Errno::ENXIO) } else { Ok(node.len) }
    }

    /// Whether the last block of a file holds nothing behind the file's end.
    pub fn ends_in_zeros(&self, node: &Inode) -> bool {
        match self.pointer(node, self.leaf(node, node.len / B)) {
            0 => true,
            block => self.layers.get(block)[(node.len % B) as usize..].iter().all(|b| *b == 0),
        }
    }

    /// All contents of a short file: a link's target.
    pub fn read_all(&self, node: &Inode) -> Vec<u8> {
        let len = node.len.min(1 << 20) as usize;
        if node.is_inline() {
            return node.inline[..len].to_vec();
        }
        let mut bytes = vec![0; len];
        self.read(node, &mut bytes, 0);
        bytes
    }
}

/// Directories are files of whole blocks, which are no reader's business.
impl Volume {
    /// A directory's block.
    ///
    /// # Errors
    /// `EIO`: the directory has no such block.
    pub fn dir_block(&self, node: &Inode, fb: u32) -> Result<&Block> {
        match self.pointer(node, self.leaf(node, u64::from(fb))) {
            0 => Err(Errno::EIO),
            block => Ok(self.layers.get(block)),
        }
    }

    /// A directory's block, to be changed.
    ///
    /// # Errors
    /// `EIO`: the directory has no such block.
    pub fn dir_block_mut(&mut self, node: &Inode, fb: u32) -> Result<&mut Block> {
        match self.pointer(node, self.leaf(node, u64::from(fb))) {
            0 => Err(Errno::EIO),
            block => Ok(self.layers.get_mut(block)),
        }
    }

    /// Adds a block to a directory. The caller writes the inode.
    ///
    /// # Errors
    /// `ENOSPC`, `EFBIG`
    pub fn add_dir_block(&mut self, node: &mut Inode, block: Box<Block>) -> Result<u32> {
        let fb = node.len / B;
        let near = match self.pointer(node, self.leaf(node, fb.saturating_sub(1))) {
            0 => self.geometry.start(node.parent / self.geometry.inodes_per_group),
            before => before + 1,
        };
        let leaf = self.leaf_mut(node, fb, near)?;
        let number = self.take_block(near)?;
        self.layers.insert(number, block);
        self.set_pointer(node, leaf, number);
        node.blocks += 1;
        node.len += B;
        u32::try_from(fb).map_err(|_| Errno::EFBIG)
    }
}
