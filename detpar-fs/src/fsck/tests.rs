//! Damage that no checksum tells of: what the look and the repair make of it.

use super::{check, repair};
use crate::Mkfs;
use crate::layout::inode::Inode;
use crate::layout::{BLOCK, dirblock, put_u32, superblock::COPIES};
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

/// Directories that no checksum tells of, with blocks that lead back, or to one block on many
/// ways: each would keep a look-up, a listing or a look at it busy for ever.
#[test]
fn directories_of_impossible_shape_are_found_and_repaired() {
    let leaf = |depth| *dirblock::new_leaf(depth);
    let node = |to| *dirblock::new_node(to);
    let chained = |to| {
        let mut block = leaf(54);
        dirblock::set_next(&mut block, to);
        block
    };
    let mut slot_back = node(1);
    dirblock::set_slot(&mut slot_back, 7, 0);
    let mut long = leaf(0);
    put_u32(&mut long, 4, 64);
    let shapes: [&[[u8; BLOCK]]; 8] = [
        &[leaf(63)],
        &[node(1), leaf(10)],
        &[node(1), node(2), leaf(0)],
        &[node(1), node(2), node(3), node(4), node(5), node(6), leaf(54)],
        &[chained(0)],
        &[slot_back, leaf(0)],
        &[leaf(0), leaf(0)],
        &[long],
    ];
    for (n, blocks) in shapes.into_iter().enumerate() {
        let mut bad = Volume::new(3000, 600, Arc::new(|| 0)).unwrap();
        let mut root = bad.inode(2).unwrap();
        for block in blocks {
            bad.add_dir_block(&mut root, Box::new(*block)).unwrap();
        }
        bad.set_inode(2, &root);
        assert_ne!(check(&bad), [], "shape {n}");
        assert_eq!(check(&repair(bad).unwrap()), [], "shape {n}");
    }
}

/// A path, and what is done to its inode.
type Case = (&'static [u8], fn(&mut Inode));

/// Numbers at the end of their range: nothing that counts on from them overflows.
#[test]
fn numbers_at_their_end_do_no_harm() {
    let whole = volume();
    let ino = |path: &[u8]| Tree::new(Volume::over(&whole, Arc::new(|| 0))).lookup(path, false);
    let cases: [Case; 4] = [
        (b"a", |n| n.parent = u32::MAX),
        (b"a", |n| n.data_version = u64::MAX),
        (b"a", |n| n.attr_version = u64::MAX),
        (b"short", |n| n.blocks = u64::MAX),
    ];
    for (n, (path, change)) in cases.into_iter().enumerate() {
        let mut bad = Volume::over(&whole, Arc::new(|| 0));
        let ino = ino(path).unwrap();
        let mut node = bad.inode(ino).unwrap();
        change(&mut node);
        bad.set_inode(ino, &node);
        assert_eq!(check(&bad).is_empty(), matches!(n, 1 | 2), "case {n}");
        let mut tree = Tree::new(repair(bad).unwrap());
        tree.set_attributes(ino, |_| {}).unwrap();
        tree.mkdir(b"a/after", 0o755).unwrap();
        assert_eq!(check(&tree.volume), [], "case {n}");
    }
}
