//! Paths of inodes, for reports. Nothing leads from a file to its names, so this may look at a
//! whole tree; it does so for conflicts only.

use crate::fs::os_string;
use crate::layout::inode::{Kind, ROOT};
use crate::volume::Volume;
use std::path::PathBuf;

/// The path of a name in a directory.
pub(super) fn of_name(volume: &Volume, dir: u32, name: &[u8]) -> PathBuf {
    of_dir(volume, dir).join(os_string(name.to_vec()))
}

fn of_dir(volume: &Volume, mut dir: u32) -> PathBuf {
    let mut names = Vec::new();
    // Directories that were moved into each other have no way to the root.
    for _ in 0..4096 {
        let (Ok(node), true) = (volume.inode(dir), dir != ROOT) else { break };
        let Ok(parent) = volume.inode(node.parent) else { break };
        let listed = volume.list_all(&parent).unwrap_or_default();
        let Some(entry) = listed.into_iter().find(|e| e.ino == dir) else { break };
        names.push(entry.name);
        dir = node.parent;
    }
    let mut path = PathBuf::from("/");
    path.extend(names.into_iter().rev().map(os_string));
    path
}

/// The first path of an inode, in the order of a listing.
pub(super) fn of_inode(volume: &Volume, ino: u32) -> PathBuf {
    let mut dirs = vec![(ROOT, PathBuf::from("/"))];
    while let Some((dir, path)) = dirs.pop() {
        if dir == ino {
            return path;
        }
        let Ok(node) = volume.inode(dir) else { continue };
        for e in volume.list_all(&node).unwrap_or_default() {
            let path = path.join(os_string(e.name));
            if e.kind == Kind::Dir.byte() {
                dirs.push((e.ino, path));
            } else if e.ino == ino {
                return path;
            }
        }
    }
    PathBuf::from(format!("inode {ino}"))
}
