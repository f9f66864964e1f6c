//! Blocks in memory: layers over each other. The top one is private to its file system, what lies
//! below it is never written. So a snapshot is a pointer, a child of a snapshot writes to memory
//! of its own only, and its layer is what it changed.

use super::GroupState;
use super::log::Log;
use crate::layout::group::Geometry;
use crate::layout::inode::{self, Inode};
use crate::layout::{Block, ZERO, filled, zeroed};
use std::sync::Arc;

/// Blocks in a chunk.
const CHUNK: usize = 256;
/// Chunks in a span.
const SPAN: usize = 128;

type Chunk = [Option<Box<Block>>; CHUNK];
type Span = [Option<Box<Chunk>>; SPAN];

/// Some of the blocks of a file system.
#[derive(Default)]
pub(crate) struct Layer {
    spans: Vec<Option<Box<Span>>>,
}

fn place(block: u32) -> (usize, usize, usize) {
    let b = block as usize;
    (b / (CHUNK * SPAN), b / CHUNK % SPAN, b % CHUNK)
}

impl Layer {
    /// The block, if this layer has it.
    #[inline]
    pub fn get(&self, block: u32) -> Option<&Block> {
        let (s, c, b) = place(block);
        self.spans.get(s)?.as_ref()?[c].as_ref()?[b].as_deref()
    }

    /// The place of a block.
    #[inline]
    fn entry(&mut self, block: u32) -> &mut Option<Box<Block>> {
        let (s, c, b) = place(block);
        if s >= self.spans.len() {
            self.spans.resize_with(s + 1, || None);
        }
        let span = self.spans[s].get_or_insert_with(|| Box::new([const { None }; SPAN]));
        let chunk = span[c].get_or_insert_with(|| Box::new([const { None }; CHUNK]));
        &mut chunk[b]
    }

    /// Forgets a block.
    pub fn remove(&mut self, block: u32) {
        let (s, c, b) = place(block);
        if let Some(Some(span)) = self.spans.get_mut(s)
            && let Some(chunk) = &mut span[c]
        {
            chunk[b] = None;
        }
    }

    /// Takes over what a layer above this one has.
    fn absorb(&mut self, above: Layer) {
        if self.spans.len() < above.spans.len() {
            self.spans.resize_with(above.spans.len(), || None);
        }
        for (to, from) in self.spans.iter_mut().zip(above.spans) {
            let Some(from) = from else { continue };
            let Some(span) = to else {
                *to = Some(from);
                continue;
            };
            for (to, from) in span.iter_mut().zip(*from) {
                let Some(from) = from else { continue };
                match to {
                    None => *to = Some(from),
                    Some(chunk) => {
                        for (to, from) in chunk.iter_mut().zip(*from) {
                            if from.is_some() {
                                *to = from;
                            }
                        }
                    }
                }
            }
        }
    }

    /// The numbers of all blocks here.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        let flat = |n: usize, i: usize| move |j: usize| n * i + j;
        self.spans
            .iter()
            .enumerate()
            .filter_map(|(s, span)| Some((s, span.as_ref()?)))
            .flat_map(move |(s, span)| {
                let number = flat(SPAN, s);
                span.iter().enumerate().filter_map(move |(c, k)| Some((number(c), k.as_ref()?)))
            })
            .flat_map(move |(c, chunk)| {
                let number = flat(CHUNK, c);
                (0..CHUNK).filter(|b| chunk[*b].is_some()).map(move |b| number(b) as u32)
            })
    }
}

/// A layer that is not written any more, and those below.
pub(crate) struct Frozen {
    layer: Layer,
    /// What it changed in the one below.
    pub log: Log,
    below: Option<Arc<Frozen>>,
    /// As of the snapshot.
    pub geometry: Geometry,
    /// As of the snapshot.
    pub groups: Vec<GroupState>,
}

impl Frozen {
    /// A block, unless it was never written.
    #[inline]
    fn find(&self, block: u32) -> Option<&Block> {
        std::iter::successors(Some(self), |f| f.below.as_deref()).find_map(|f| f.layer.get(block))
    }

    /// An inode as of the snapshot, used or not; nothing for bits that make no sense.
    pub fn inode(&self, ino: u32) -> Option<Inode> {
        let (block, at) =
            Some(self.geometry).filter(|g| ino < g.inodes()).map(|g| g.inode_place(ino))?;
        Inode::decode(&self.find(block)?[at..at + inode::SIZE]).ok()
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // One after another: a chain may be longer than the stack.
        let mut below = self.below.take();
        while let Some(mut frozen) = below.and_then(Arc::into_inner) {
            below = frozen.below.take();
        }
    }
}

/// All layers of a file system.
#[derive(Default)]
pub(crate) struct Layers {
    top: Layer,
    below: Option<Arc<Frozen>>,
    /// Blocks that were written since the last save, one bit each, if somebody wants to know.
    dirty: Option<Vec<u64>>,
    /// Whether the top layer has anything.
    touched: bool,
}

impl Layers {
    /// Those of a snapshot, with an empty one on top.
    pub fn over(frozen: Arc<Frozen>) -> Layers {
        Layers { below: Some(frozen), ..Layers::default() }
    }

    /// The snapshot that this file system started from, or took last.
    pub fn below(&self) -> Option<&Arc<Frozen>> {
        self.below.as_ref()
    }

    /// A block; zeros where nothing was written.
    #[inline]
    pub fn get(&self, block: u32) -> &Block {
        self.find(block).unwrap_or(&ZERO)
    }

    /// A block, unless it was never written.
    #[inline]
    pub fn find(&self, block: u32) -> Option<&Block> {
        self.top.get(block).or_else(|| self.below.as_ref()?.find(block))
    }

    fn mark(&mut self, block: u32) {
        self.touched = true;
        if let Some(dirty) = &mut self.dirty {
            let word = block as usize / 64;
            if word >= dirty.len() {
                dirty.resize(word + 1, 0);
            }
            dirty[word] |= 1 << (block % 64);
        }
    }

    /// A block to be changed.
    pub fn get_mut(&mut self, block: u32) -> &mut Block {
        self.mark(block);
        if self.below.is_some() && self.top.get(block).is_none() {
            let copy = self.find(block).map(|b| filled(b));
            *self.top.entry(block) = copy;
        }
        self.top.entry(block).get_or_insert_with(zeroed)
    }

    /// Replaces all of a block.
    pub fn put(&mut self, block: u32, bytes: &Block) {
        self.mark(block);
        match self.top.entry(block) {
            Some(old) => old.copy_from_slice(bytes),
            new => *new = Some(filled(bytes)),
        }
    }

    /// Replaces all of a block.
    pub fn insert(&mut self, block: u32, bytes: Box<Block>) {
        self.mark(block);
        *self.top.entry(block) = Some(bytes);
    }

    /// Gives back the memory of a block that is free now. It may read as anything afterwards.
    pub fn forget(&mut self, block: u32) {
        self.mark(block);
        self.top.remove(block);
    }

    /// Ends the top layer and starts another. Returns the snapshot: where nothing was written
    /// since the last one, that.
    pub fn freeze(
        &mut self,
        log: &mut Log,
        geometry: Geometry,
        groups: &[GroupState],
    ) -> Arc<Frozen> {
        if let Some(below) = self.below.as_ref().filter(|_| !self.touched) {
            return Arc::clone(below);
        }
        self.touched = false;
        let frozen = Arc::new(Frozen {
            layer: std::mem::take(&mut self.top),
            log: std::mem::take(log),
            below: self.below.take(),
            geometry,
            groups: groups.to_vec(),
        });
        self.below = Some(Arc::clone(&frozen));
        frozen
    }

    /// Brings layers together that nobody else looks at any more, down to `origin`: that one is
    /// somebody else's, and not even its counts are touched.
    pub fn settle(&mut self, log: &mut Log, origin: Option<&Arc<Frozen>>) {
        while let Some(mut frozen) = self.below.take() {
            let ours = !origin.is_some_and(|o| Arc::ptr_eq(o, &frozen));
            let Some(sole) = Some(&mut frozen).filter(|_| ours).and_then(Arc::get_mut) else {
                self.below = Some(frozen);
                return;
            };
            let mut layer = std::mem::take(&mut sole.layer);
            layer.absorb(std::mem::take(&mut self.top));
            self.top = layer;
            self.touched = true;
            self.below = sole.below.take();
            if self.below.is_some() {
                log.prepend(std::mem::take(&mut sole.log));
            } else {
                *log = Log::default();
            }
        }
    }

    /// Whether anything was written above the snapshot.
    pub fn is_touched(&self) -> bool {
        self.touched
    }

    /// The handle to `origin`, which the layers stand on; those above it are dropped.
    pub fn into_below(mut self, origin: &Arc<Frozen>) -> Option<Arc<Frozen>> {
        loop {
            let mut frozen = self.below.take()?;
            if Arc::ptr_eq(&frozen, origin) {
                return Some(frozen);
            }
            self.below = Arc::get_mut(&mut frozen)?.below.take();
        }
    }

    /// Goes on with layers that stand on these.
    pub fn adopt(&mut self, above: Layers) {
        if self.dirty.is_some() {
            above.top.numbers().for_each(|b| self.mark(b));
        }
        (self.top, self.below, self.touched) = (above.top, above.below, above.touched);
    }

    /// The snapshots below, from the last.
    pub fn chain(&self) -> impl Iterator<Item = &Arc<Frozen>> {
        std::iter::successors(self.below.as_ref(), |f| f.below.as_ref())
    }

    /// The blocks written or freed since this was last called, in order; `None`: all of them.
    pub fn take_dirty(&mut self) -> Option<Vec<u32>> {
        let words = self.dirty.replace(Vec::new())?;
        let bits = |(i, word): (usize, u64)| {
            (0..64).filter(move |b| word >> b & 1 == 1).map(move |b| i as u32 * 64 + b)
        };
        Some(words.into_iter().enumerate().flat_map(bits).collect())
    }

    /// Stops keeping that list: all blocks count as written.
    pub fn drop_dirty(&mut self) {
        self.dirty = None;
    }

    /// The numbers of all blocks that were ever written, in no order, some perhaps twice.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        self.top.numbers().chain(self.chain().flat_map(|f| f.layer.numbers()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GEOMETRY: Geometry = Geometry { blocks: 9, blocks_per_group: 9, inodes_per_group: 16 };

    #[test]
    fn what_lies_below_stays_as_it_is() {
        let mut log = Log::default();
        let mut parent = Layers::default();
        parent.get_mut(7)[0] = 1;
        parent.get_mut(70_000)[0] = 2;
        let frozen = parent.freeze(&mut log, GEOMETRY, &[]);
        assert!(Arc::ptr_eq(&frozen, &parent.freeze(&mut log, GEOMETRY, &[])));
        let mut child = Layers::over(frozen);
        child.get_mut(7)[1] = 9;
        parent.get_mut(70_000)[1] = 8;
        assert_eq!(
            (child.get(7)[..2].to_vec(), child.get(70_000)[..2].to_vec()),
            (vec![1, 9], vec![2, 0])
        );
        assert_eq!(
            (parent.get(7)[..2].to_vec(), parent.get(70_000)[..2].to_vec()),
            (vec![1, 0], vec![2, 8])
        );
        assert_eq!(child.top.numbers().collect::<Vec<_>>(), [7]);
        drop(child);
        parent.settle(&mut log, None);
        assert!(parent.below().is_none());
        assert_eq!(parent.top.numbers().collect::<Vec<_>>(), [7, 70_000]);
        assert_eq!(parent.get(70_000)[..2], [2, 8]);
    }

    #[test]
    fn a_layer_reaches_all_numbers() {
        let mut layer = Layer::default();
        for b in [0, 255, 256, 32_767, 32_768, 1 << 20] {
            *layer.entry(b) = Some(zeroed());
        }
        assert_eq!(layer.numbers().collect::<Vec<_>>(), [0, 255, 256, 32_767, 32_768, 1 << 20]);
        layer.remove(256);
        assert!(layer.get(256).is_none() && layer.get(255).is_some() && layer.get(257).is_none());
    }

    #[test]
    fn a_long_chain_ends() {
        let mut layers = Layers::default();
        let mut log = Log::default();
        let snapshots: Vec<_> = (0..200_000)
            .map(|i| {
                layers.get_mut(1)[0] = i as u8;
                layers.freeze(&mut log, GEOMETRY, &[])
            })
            .collect();
        let first = snapshots[0].clone();
        drop(snapshots);
        drop(layers);
        assert_eq!(Arc::strong_count(&first), 1);
    }
}
