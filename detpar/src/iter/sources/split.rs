//! Data of any kind that can be cut in two.
use crate::iter::ParallelIterator;
use crate::iter::plumbing::{Folder, UnindexedConsumer, UnindexedProducer, bridge_unindexed};
use std::fmt::{self, Debug, Formatter};

/// Parallel iterator over parts of data; see [`split`].
#[derive(Clone)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Split<D, S> {
    data: D,
    splitter: S,
}

/// Cuts data in two, and again, as long as the splitter returns a second half, up to six
/// times in a row. Yields the parts, at most 64, in order. (rayon cuts as long as threads are
/// idle.)
///
/// ```
/// use detpar::prelude::*;
/// use std::ops::Range;
///
/// #[detpar::main]
/// fn main() {
///     let halves = |r: Range<u32>| {
///         let middle = r.start + (r.end - r.start) / 2;
///         if r.len() < 4 { (r, None) } else { (r.start..middle, Some(middle..r.end)) }
///     };
///     let parts: Vec<Range<u32>> = detpar::iter::split(0..8, halves).collect();
///     assert_eq!(parts, [0..2, 2..4, 4..6, 6..8]);
/// }
/// ```
pub fn split<D, S>(data: D, splitter: S) -> Split<D, S>
where
    D: Send,
    S: Fn(D) -> (D, Option<D>) + Sync,
{
    Split { data, splitter }
}

impl<D, S> ParallelIterator for Split<D, S>
where
    D: Send,
    S: Fn(D) -> (D, Option<D>) + Sync + Send,
{
    type Item = D;

    fn drive_unindexed<C>(self, consumer: C) -> C::Result
    where
        C: UnindexedConsumer<D>,
    {
        bridge_unindexed(Parts { data: self.data, splitter: &self.splitter }, consumer)
    }
}

impl<D: Debug, S> Debug for Split<D, S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Split").field("data", &self.data).finish_non_exhaustive()
    }
}

struct Parts<'a, D, S> {
    data: D,
    splitter: &'a S,
}

impl<D, S> UnindexedProducer for Parts<'_, D, S>
where
    D: Send,
    S: Fn(D) -> (D, Option<D>) + Sync,
{
    type Item = D;

    fn split(self) -> (Self, Option<Self>) {
        let splitter = self.splitter;
        let (left, right) = splitter(self.data);
        (Parts { data: left, splitter }, right.map(|data| Parts { data, splitter }))
    }

    fn fold_with<F>(self, folder: F) -> F
    where
        F: Folder<D>,
    {
        folder.consume(self.data)
    }
}
