//! Damage that no checksum tells of: what the look and the repair make of it.

use super::{check, repair};
use crate::Mkfs;
use crate::layout::{BLOCK, superblock::COPIES};
use crate::tree::Tree;
use crate::volume::{Frozen, Volume};
use std::sync::Arc;

/// A volume with something of everything.
fn volume() -> Arc<Frozen> {
    let fs = Mkfs::new().blocks(3000).inodes(600).mkfs().unwrap();
    fs.create_dir_all("a/b/c").unwrap();
    for i in 0..150 {
        fs.write(format!("a/file-{i}"), vec![i as u8; i * 37]).unwrap();
    }
    fs.write("big", vec![9; 1_200_000]).unwrap();
    let far = fs.create("far").unwrap();
    far.write_at(b"far away", 5 << 30).unwrap();
    fs.hard_link("big", "a/b/c/link").unwrap();
    fs.symlink("a/b", "short").unwrap();
    fs.symlink("l".repeat(500), "long").unwrap();
    drop(far);
    fs.tree().volume.snapshot()
}

#[test]
fn damage_is_found_and_repaired() {
    let whole = volume();
    let open = || Volume::over(&whole, Arc::new(|| 0));
    assert_eq!(check(&open()), []);
    let geometry = open().geometry;
    // Contents of files may be anything; all other blocks are tried.
    let mut blocks: Vec<u32> = open().layers.numbers().collect();
    blocks.sort_unstable();
    let mut random = 1u64;
    let mut next = |n: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as usize % n
    };
    let (mut found, mut cases) = (0, 0);
    for round in 0..600 {
        let mut bad = open();
        for _ in 0..1 + next(3) {
            let block = blocks[next(blocks.len().min(60))];
            assert!(block >= COPIES && block < geometry.blocks);
            let bytes = bad.layers.get_mut(block);
            // Now a byte, now many, now another block's.
            match next(4) {
                0 => bytes[next(BLOCK)] ^= 1 << next(8),
                1 => bytes[next(600)] = next(256) as u8,
                2 => bytes[next(BLOCK / 2)..][..900].fill(next(256) as u8),
                _ => {
                    let other = *bad.layers.get(blocks[next(blocks.len())]);
                    bad.layers.put(block, &other);
                }
            }
        }
        cases += 1;
        found += usize::from(!check(&bad).is_empty());
        // Nothing that reads may panic or hang.
        let tree = Tree::new(bad);
        for path in ["a/file-77", "far", "a/b/c/link", "short/c", "long"] {
            if let Ok(node) = tree.lookup(path.as_bytes(), true).and_then(|i| tree.volume.inode(i))
            {
                tree.volume.read(&node, &mut [0; 5000], node.len.saturating_sub(2000));
                let _ = tree.volume.list_all(&node);
            }
        }
        let repaired = repair(tree.volume).unwrap();
        assert_eq!(check(&repaired), [], "round {round}");
        // And it is a file system.
        let mut tree = Tree::new(repaired);
        tree.mkdir(b"/after", 0o755).unwrap();
        assert_eq!(check(&tree.volume), [], "round {round}");
    }
    assert!(found > cases / 2, "{found} of {cases}");
}

#[test]
fn what_is_whole_is_not_touched() {
    let whole = volume();
    let mut repaired = repair(Volume::over(&whole, Arc::new(|| 0))).unwrap();
    let tree = Tree::new(Volume::over(&repaired.snapshot(), Arc::new(|| 0)));
    assert!(tree.lookup(b"/lost+found", true).is_err());
    for i in 0..150 {
        let ino = tree.lookup(format!("/a/file-{i}").as_bytes(), true).unwrap();
        let mut bytes = vec![0; 6000];
        let n = tree.volume.read(&tree.volume.inode(ino).unwrap(), &mut bytes, 0);
        assert_eq!((n, bytes[..n].iter().all(|b| *b == i as u8)), (i * 37, true));
    }
}
