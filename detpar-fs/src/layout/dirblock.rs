//! Blocks of directories: leaves with entries, and nodes that lead to them.
//!
//! Code that reads entries stays inside of the block whatever it holds.

use super::{BLOCK, Block, fields, get_u32, put_u32, zeroed};
use crate::errno::{Errno, Result};

/// What the first byte says.
pub(crate) const LEAF: u8 = 1;
/// What the first byte says.
pub(crate) const NODE: u8 = 2;
/// Bytes before the entries.
pub(crate) const HEAD: usize = 16;
/// Bits of the hash that a node looks at.
pub(crate) const NODE_BITS: u32 = 9;
/// Slots in a node.
pub(crate) const SLOTS: usize = 1 << NODE_BITS;
/// Where they lie.
pub(crate) const SLOTS_AT: usize = BLOCK - 4 * SLOTS;
/// Bytes of an entry before its name.
pub(crate) const ENTRY_HEAD: usize = 8;
/// The longest name.
pub(crate) const NAME: usize = 255;

fields! { FIELDS; TYPE 0 1; DEPTH 1 1; COUNT 2 2; USED 4 2; NEXT 8 4; }
fields! { ENTRY_FIELDS; INO 0 4; KIND 4 1; NAME_LEN 5 1; }

/// The place of a name in its directory: its high bits are looked at first. The lowest nine are
/// zero, so that places have room for what follows them.
pub(crate) fn hash(name: &[u8]) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325u64;
    for b in name {
        h = (h ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (h ^ (h >> 31)) & !511
}

/// Bytes that an entry takes.
pub(crate) fn entry_len(name: &[u8]) -> usize {
    (ENTRY_HEAD + name.len()).next_multiple_of(4)
}

/// An entry where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub ino: u32,
    pub kind: u8,
    pub name: &'a [u8],
    /// Its place in the block.
    pub at: usize,
}

/// A leaf's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// How many high bits of the hash its names share.
    pub depth: u32,
    /// Bytes used from the block's start.
    pub used: usize,
    /// The directory's block that goes on where no more bits of the hash are left; 0: none.
    pub next: u32,
}

/// Which of the two a block is; `EIO` for neither.
pub(crate) fn is_node(block: &Block) -> Result<bool> {
    match TYPE.get(block) as u8 {
        LEAF => Ok(false),
        NODE => Ok(true),
        _ => Err(Errno::EIO),
    }
}

/// A new leaf.
pub(crate) fn new_leaf(depth: u32) -> Box<Block> {
    let mut block = zeroed();
    TYPE.put(&mut block[..], u64::from(LEAF));
    DEPTH.put(&mut block[..], u64::from(depth));
    USED.put(&mut block[..], HEAD as u64);
    block
}

/// A new node, all of whose slots lead to one block.
pub(crate) fn new_node(to: u32) -> Box<Block> {
    let mut block = zeroed();
    TYPE.put(&mut block[..], u64::from(NODE));
    for slot in 0..SLOTS {
        set_slot(&mut block, slot, to);
    }
    block
}

/// Where a node's slot leads to.
pub(crate) fn slot(block: &Block, slot: usize) -> u32 {
    get_u32(block, SLOTS_AT + 4 * slot)
}

/// Sets where a node's slot leads to.
pub(crate) fn set_slot(block: &mut Block, slot: usize, to: u32) {
    put_u32(block, SLOTS_AT + 4 * slot, to);
}

/// A leaf's numbers.
///
/// # Errors
/// `EIO`: they cannot be.
pub(crate) fn leaf(block: &Block) -> Result<Leaf> {
    let used = USED.get(block) as usize;
    let depth = DEPTH.get32(block);
    if TYPE.get(block) as u8 != LEAF || !(HEAD..=BLOCK).contains(&used) || depth > 63 {
        return Err(Errno::EIO);
    }
    Ok(Leaf { depth, used, next: NEXT.get32(block) })
}

/// Sets where a leaf goes on.
pub(crate) fn set_next(block: &mut Block, next: u32) {
    NEXT.put(block, u64::from(next));
}

/// How many entries a leaf says that it has.
pub(crate) fn count(block: &Block) -> u32 {
    COUNT.get32(block)
}

/// A leaf's entries; nonsense ends them.
pub(crate) fn entries(block: &Block) -> impl Iterator<Item = Entry<'_>> {
    let used = leaf(block).map_or(0, |l| l.used);
    let mut at = HEAD;
    std::iter::from_fn(move || {
        let head = block.get(at..at + ENTRY_HEAD).filter(|_| at + ENTRY_HEAD <= used)?;
        let start = at + ENTRY_HEAD;
        let name = block.get(start..start + NAME_LEN.get(head) as usize)?;
        let entry = Entry { ino: INO.get32(head), kind: KIND.get(head) as u8, name, at };
        at += entry_len(name);
        (!name.is_empty() && at <= used).then_some(entry)
    })
}

/// Where a leaf's entries end.
pub(crate) fn end(block: &Block) -> usize {
    entries(block).last().map_or(HEAD, |e| e.at + entry_len(e.name))
}

/// The entry with a name.
pub(crate) fn find<'a>(block: &'a Block, name: &[u8]) -> Option<Entry<'a>> {
    entries(block).find(|e| e.name == name)
}

/// Whether a leaf has room for a name.
pub(crate) fn has_room(leaf: &Leaf, name: &[u8]) -> bool {
    leaf.used + entry_len(name) <= BLOCK
}

/// Adds an entry to a leaf that has room.
pub(crate) fn push(block: &mut Block, ino: u32, kind: u8, name: &[u8]) {
    let at = USED.get(block) as usize;
    let end = at + entry_len(name);
    let entry = &mut block[at..end];
    entry.fill(0);
    INO.put(entry, u64::from(ino));
    KIND.put(entry, u64::from(kind));
    NAME_LEN.put(entry, name.len() as u64);
    entry[ENTRY_HEAD..ENTRY_HEAD + name.len()].copy_from_slice(name);
    USED.put(block, end as u64);
    let count = COUNT.get(block) + 1;
    COUNT.put(block, count);
}

/// Takes out the entry at a place that `entries` gave.
pub(crate) fn remove(block: &mut Block, at: usize) {
    let used = USED.get(block) as usize;
    let len = (ENTRY_HEAD + NAME_LEN.get(&block[at..]) as usize).next_multiple_of(4);
    block.copy_within(at + len..used, at);
    block[used - len..used].fill(0);
    USED.put(block, (used - len) as u64);
    let count = COUNT.get(block).saturating_sub(1);
    COUNT.put(block, count);
}

/// Points the entry at a place that `entries` gave to another inode.
pub(crate) fn replace(block: &mut Block, at: usize, ino: u32, kind: u8) {
    INO.put(&mut block[at..], u64::from(ino));
    KIND.put(&mut block[at..], u64::from(kind));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_and_go() {
        let mut block = new_leaf(3);
        let long = [b'x'; NAME];
        for (ino, name) in [(5, &b"a"[..]), (6, b"bcde"), (7, &long)] {
            assert!(has_room(&leaf(&block).unwrap(), name));
            push(&mut block, ino, 8, name);
        }
        let names = |b: &Block| entries(b).map(|e| (e.ino, e.name.len())).collect::<Vec<_>>();
        assert_eq!(names(&block), [(5, 1), (6, 4), (7, 255)]);
        let at = find(&block, b"bcde").unwrap().at;
        remove(&mut block, at);
        assert_eq!(names(&block), [(5, 1), (7, 255)]);
        replace(&mut block, HEAD, 9, 4);
        assert_eq!(find(&block, b"a").map(|e| (e.ino, e.kind)), Some((9, 4)));
        assert_eq!((count(&block), leaf(&block).unwrap().depth), (2, 3));
        for at in [HEAD, HEAD] {
            remove(&mut block, at);
        }
        assert_eq!(block, new_leaf(3));
    }

    #[test]
    fn nonsense_stays_inside() {
        let mut block = new_leaf(0);
        for i in 0..40u8 {
            push(&mut block, 3, 8, &[i + 1; 60]);
        }
        for at in 0..200 {
            for value in [0, 1, 255] {
                let mut bad = block.clone();
                bad[at] = value;
                assert!(entries(&bad).all(|e| e.at + entry_len(e.name) <= BLOCK));
            }
        }
    }
}
