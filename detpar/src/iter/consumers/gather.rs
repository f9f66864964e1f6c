//! Items gathered by the caller, who then decides which are meant.
use super::accumulate::{self, Accumulate};
use crate::iter::ParallelIterator;

/// Which items.
struct Gather<K, L> {
    /// No more than so many of the first.
    most: usize,
    /// None beginning with the first for which this returns `None`.
    keep: K,
    /// Whether an item counts as leading, as long as all before do. Not called any more once
    /// one did not.
    leading: L,
}

/// The items, in order.
pub(super) struct Gathered<T> {
    /// Those of each leaf.
    parts: Vec<Vec<T>>,
    len: usize,
    /// Number of leading ones.
    leading: usize,
    /// [`Gather::most`].
    most: usize,
    /// Whether none of those to the right belong.
    stopped: bool,
}

impl<T> Gathered<T> {
    /// All but the first `n`.
    fn skip(self, n: usize) -> Vec<T> {
        let mut items = Vec::with_capacity(self.len.saturating_sub(n));
        items.extend(self.parts.into_iter().flatten().skip(n));
        items
    }
}

/// The first `most` items at most, up to the first for which `keep` returns `None`.
pub(in crate::iter) fn gather<I, T, K>(iter: I, most: usize, keep: K) -> Vec<T>
where
    I: ParallelIterator,
    T: Send,
    K: Fn(I::Item) -> Option<T> + Sync,
{
    fn none<T>(_: &T) -> bool {
        false
    }
    let mut gathered = accumulate::run(iter, &Gather { most, keep, leading: none });
    // The leaves have up to so many each.
    let mut left = most;
    for part in &mut gathered.parts {
        part.truncate(left);
        left -= part.len();
    }
    gathered.len = gathered.len.min(most);
    gathered.skip(0)
}

/// All items but the first ones for which `leading` holds.
pub(in crate::iter) fn gather_behind<I, L>(iter: I, leading: L) -> Vec<I::Item>
where
    I: ParallelIterator,
    L: Fn(&I::Item) -> bool + Sync,
{
    let gathered = accumulate::run(iter, &Gather { most: usize::MAX, keep: Some, leading });
    let leading = gathered.leading;
    gathered.skip(leading)
}

impl<In, T, K, L> Accumulate<In> for &Gather<K, L>
where
    T: Send,
    K: Fn(In) -> Option<T> + Sync,
    L: Fn(&T) -> bool + Sync,
{
    type State = Leaf<T>;
    type Result = Gathered<T>;

    fn begin(self) -> Leaf<T> {
        Leaf { items: Vec::new(), leading: 0, most: self.most, stopped: self.most == 0 }
    }

    fn all<I: Iterator<Item = In>>(self, mut leaf: Leaf<T>, mut iter: I) -> Leaf<T> {
        while !leaf.stopped
            && let Some(item) = iter.next()
        {
            match (self.keep)(item) {
                Some(item) => {
                    let leads = leaf.leading == leaf.items.len() && (self.leading)(&item);
                    leaf.leading += usize::from(leads);
                    leaf.items.push(item);
                    leaf.stopped = leaf.items.len() == self.most;
                }
                None => leaf.stopped = true,
            }
        }
        leaf
    }

    fn full(leaf: &Leaf<T>) -> bool {
        leaf.stopped
    }

    fn end(leaf: Leaf<T>) -> Gathered<T> {
        let Leaf { items, leading, most, stopped } = leaf;
        Gathered { len: items.len(), parts: vec![items], leading, most, stopped }
    }

    fn combine(self, mut left: Gathered<T>, right: Gathered<T>) -> Gathered<T> {
        if !left.stopped {
            if left.leading == left.len {
                left.leading += right.leading;
            }
            left.parts.extend(right.parts);
            left.len += right.len;
            left.stopped = right.stopped || left.len >= left.most;
        }
        left
    }

    fn decided(gathered: &Gathered<T>) -> bool {
        gathered.stopped
    }
}

/// A leaf at work.
pub(super) struct Leaf<T> {
    items: Vec<T>,
    /// Number of leading ones.
    leading: usize,
    /// [`Gather::most`].
    most: usize,
    /// Whether no more are to come.
    stopped: bool,
}
