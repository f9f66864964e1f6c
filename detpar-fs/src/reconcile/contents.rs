//! What a child wrote into files, and the attributes it set.

use super::{ConflictKind, Side, paths};
use crate::errno::Result;
use crate::layout::inode::{Inode, Kind, Policy};
use crate::volume::Volume;
use crate::volume::log::Ranges;
use std::sync::Arc;

/// Bytes that are copied in one go.
const PIECE: usize = 1 << 16;

impl Side<'_> {
    /// Copies what the child wrote.
    pub(super) fn take_contents(&mut self) -> Result<()> {
        for (ino, ranges) in std::mem::take(&mut self.log.files) {
            let Some(theirs) = self.in_child(ino) else { continue };
            if theirs.kind() != Some(Kind::File) {
                continue;
            }
            if !self.inherited(ino) {
                let Some(&to) = self.made.get(&ino) else { continue };
                let mut ours = self.parent.volume.inode(to)?;
                let base = if self.joined.contains(&to) { ours.len } else { 0 };
                self.copy(&theirs, to, &mut ours, (0, theirs.len), base)?;
                self.finish(to, ours, &theirs);
                continue;
            }
            let Some(was) = self.in_reference(ino) else { continue };
            if was.data_version != theirs.data_version {
                self.take_file(ino, &was, &theirs, &ranges)?;
            }
        }
        Ok(())
    }

    fn take_file(&mut self, ino: u32, was: &Inode, theirs: &Inode, wrote: &Ranges) -> Result<()> {
        let Some(mut ours) = self.in_parent(ino) else {
            self.file_conflict(ConflictKind::Removed, ino);
            return Ok(());
        };
        if ours.data_version == was.data_version {
            if theirs.len < ours.len {
                self.parent.volume.cut(ino, &mut ours, theirs.len)?;
            }
            for (start, end) in wrote.iter() {
                let range = (start, end.min(theirs.len));
                self.copy(theirs, ino, &mut ours, range, range.0)?;
            }
            if theirs.len > ours.len {
                self.parent.volume.cut(ino, &mut ours, theirs.len)?;
            }
            self.finish(ino, ours, theirs);
            return Ok(());
        }
        let appended = |lowest: Option<u64>| lowest.is_none_or(|l| l >= was.len);
        let they_appended = appended(wrote.lowest());
        if they_appended && (appended(self.lowest_in_parent(ino)) || ours.policy == Policy::Append)
        {
            let end = ours.len;
            self.copy(theirs, ino, &mut ours, (was.len, theirs.len), end)?;
            self.finish(ino, ours, theirs);
        } else if ours.policy == Policy::Last {
            self.parent.volume.cut(ino, &mut ours, 0)?;
            self.copy(theirs, ino, &mut ours, (0, theirs.len), 0)?;
            self.finish(ino, ours, theirs);
        } else {
            self.file_conflict(ConflictKind::Written, ino);
        }
        Ok(())
    }

    fn file_conflict(&mut self, kind: ConflictKind, ino: u32) {
        let lower = match kind {
            ConflictKind::Removed => self.who_unlinked(ino),
            ConflictKind::Attributes => self.blame.attributes.get(&ino).copied(),
            _ => self.blame.contents.get(&ino).copied(),
        };
        self.conflict(kind, paths::of_inode(self.child, ino), lower);
    }

    /// The lowest byte that the parent wrote in a file since the child's snapshot.
    fn lowest_in_parent(&self, ino: u32) -> Option<u64> {
        let volume = &self.parent.volume;
        let older = volume.layers.chain().take_while(|f| !Arc::ptr_eq(f, self.origin));
        let logs = std::iter::once(&volume.log).chain(older.map(|f| &f.log));
        logs.filter_map(|log| log.files.get(&ino)?.lowest()).min()
    }

    /// Writes an inode of the parent whose contents came from the child.
    fn finish(&mut self, ino: u32, mut ours: Inode, theirs: &Inode) {
        ours.mtime = ours.mtime.max(theirs.mtime);
        ours.ctime = ours.ctime.max(theirs.ctime);
        ours.data_version = ours.data_version.max(theirs.data_version).wrapping_add(1);
        self.parent.volume.set_inode(ino, &ours);
        if let Some(log) = self.parent.volume.log() {
            // Also where no byte was written: a file that was emptied when it was empty.
            log.wrote(ino, ours.len, ours.len);
        }
        self.blame.contents.insert(ino, self.index);
    }

    /// Copies a range of a child's file to a place in the parent's; holes stay holes where they
    /// can.
    fn copy(
        &mut self,
        theirs: &Inode,
        ino: u32,
        ours: &mut Inode,
        (mut at, end): (u64, u64),
        to: u64,
    ) -> Result<()> {
        let shift = to.wrapping_sub(at);
        let mut piece = vec![0; PIECE];
        while at < end {
            let data = self.child.seek_data(theirs, at).unwrap_or(end).min(end);
            let volume = &mut self.parent.volume;
            zero(volume, ino, ours, at.wrapping_add(shift), data.wrapping_add(shift))?;
            at = data;
            let hole = self.child.seek_hole(theirs, at).unwrap_or(end).min(end);
            while at < hole {
                let n = (hole - at).min(PIECE as u64) as usize;
                self.child.read(theirs, &mut piece[..n], at);
                write_all(volume, ino, ours, &piece[..n], at.wrapping_add(shift))?;
                at += n as u64;
            }
        }
        let end = end.wrapping_add(shift);
        if end > ours.len && to <= end {
            self.parent.volume.cut(ino, ours, end)?;
        }
        Ok(())
    }

    /// Takes over the attributes that the child set.
    pub(super) fn take_attributes(&mut self) -> Result<()> {
        let made: Vec<_> = self.made.iter().map(|(c, p)| (*c, *p)).collect();
        for (theirs, ours) in made {
            if !self.joined.contains(&ours) {
                let (theirs, mut node) =
                    (self.child.inode(theirs)?, self.parent.volume.inode(ours)?);
                (node.atime, node.mtime, node.ctime) = (theirs.atime, theirs.mtime, theirs.ctime);
                self.parent.volume.set_inode(ours, &node);
            }
        }
        for ino in std::mem::take(&mut self.log.attributes) {
            let (Some(theirs), Some(was)) = (self.in_child(ino), self.in_reference(ino)) else {
                continue;
            };
            if !self.inherited(ino) || theirs.attr_version == was.attr_version {
                continue;
            }
            let Some(ours) = self.in_parent(ino) else {
                self.file_conflict(ConflictKind::Removed, ino);
                continue;
            };
            if ours.attr_version != was.attr_version && ours.policy != Policy::Last {
                self.file_conflict(ConflictKind::Attributes, ino);
                continue;
            }
            self.parent.set_attributes(ino, |node| {
                (node.mode, node.policy) = (theirs.mode, theirs.policy);
                (node.atime, node.mtime) = (theirs.atime, theirs.mtime);
            })?;
            self.blame.attributes.insert(ino, self.index);
        }
        Ok(())
    }
}

/// Writes all bytes.
fn write_all(
    volume: &mut Volume,
    ino: u32,
    node: &mut Inode,
    mut bytes: &[u8],
    mut to: u64,
) -> Result<()> {
    while !bytes.is_empty() {
        let n = volume.write(ino, node, bytes, to)?;
        (bytes, to) = (&bytes[n..], to + n as u64);
    }
    Ok(())
}

/// Makes a range of a file read as zeros, where it does not.
fn zero(volume: &mut Volume, ino: u32, node: &mut Inode, mut at: u64, end: u64) -> Result<()> {
    let end = end.min(node.len);
    while at < end {
        let Ok(data) = volume.seek_data(node, at) else { break };
        let n = volume.seek_hole(node, data).unwrap_or(end).min(end).saturating_sub(data);
        if n == 0 {
            break;
        }
        let n = n.min(PIECE as u64);
        write_all(volume, ino, node, &vec![0; n as usize], data)?;
        at = data + n;
    }
    Ok(())
}
