//! Sequences that cannot be cut at any index: text between characters, what is between
//! separators, runs of likes. The caller cuts them beforehand, near the places where the
//! virtual width of the whole would cut, and every piece is a leaf.
use crate::iter::width::Width;
use crate::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use std::mem;
use std::ops::Range;

/// Cuts `0..len`. `gap` says what is left out between two pieces: the first place at or after
/// the index where a cut may be, an empty range if nothing is left out there.
pub(super) fn cut(len: usize, gap: impl Fn(usize) -> Option<Range<usize>>) -> Vec<Range<usize>> {
    let width = Width::of(len);
    let (mut pieces, mut begin) = (Vec::with_capacity(width.leaves()), 0);
    for leaf in 1..width.leaves() {
        let at = width.start(leaf);
        if at <= begin {
            continue;
        }
        let Some(gap) = gap(at) else { break };
        pieces.push(begin..gap.start);
        begin = gap.end;
    }
    pieces.push(begin..len);
    pieces
}

/// The pieces of a mutable slice.
pub(super) fn of_slice_mut<T>(mut slice: &mut [T], pieces: Vec<Range<usize>>) -> Vec<&mut [T]> {
    let mut at = 0;
    let piece = |range: Range<usize>| {
        let (left, right) = mem::take(&mut slice).split_at_mut(range.end - at);
        let piece = &mut left[range.start - at..];
        (slice, at) = (right, range.end);
        piece
    };
    pieces.into_iter().map(piece).collect()
}

/// Yields the items of all pieces, one after another.
pub(super) fn run<P, F, I>(pieces: Vec<P>, items: F) -> impl ParallelIterator<Item = I::Item>
where
    P: Send,
    F: Fn(P) -> I + Sync + Send,
    I: IntoIterator<Item: Send>,
{
    pieces.into_par_iter().with_max_len(1).flat_map_iter(items)
}
