//! `intersperse`.
//!
//! Where the length is known, a part is known to follow an item or not to, and the separators
//! are put in on the way. Behind a filter nothing is known of what is to the left, so the
//! items are gathered first.
use crate::iter::bridged::drive_by_bridge;
use crate::iter::consumers::gather;
use crate::iter::cut::LeavesCallback;
use crate::iter::plumbing::{Consumer, Folder, Producer, ProducerCallback, UnindexedConsumer};
use crate::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use std::{fmt, iter, mem};

/// Returned by [`ParallelIterator::intersperse`].
#[derive(Clone)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Intersperse<I: ParallelIterator<Item: Clone>> {
    base: I,
    separator: I::Item,
}

impl<I: ParallelIterator<Item: Clone>> Intersperse<I> {
    pub(in crate::iter) fn new(base: I, separator: I::Item) -> Self {
        Intersperse { base, separator }
    }
}

impl<I: ParallelIterator<Item: Clone> + fmt::Debug> fmt::Debug for Intersperse<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intersperse").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Number of items with those between them.
fn interspersed(len: usize) -> usize {
    let between = len.saturating_sub(1);
    len.checked_add(between).expect("the length of an intersperse overflows")
}

impl<I, T> ParallelIterator for Intersperse<I>
where
    I: ParallelIterator<Item = T>,
    T: Clone + Send,
{
    type Item = T;

    fn drive_unindexed<C>(self, consumer: C) -> C::Result
    where
        C: UnindexedConsumer<T>,
    {
        if self.base.opt_len().is_none() {
            let items = gather(self.base, usize::MAX, Some).into_par_iter();
            return Intersperse::new(items, self.separator).drive(consumer);
        }
        self.base.drive_unindexed(IntersperseConsumer::new(consumer, self.separator))
    }

    fn with_leaves<C, R, D, K>(self, consumer: C, callback: K) -> K::Output
    where
        C: UnindexedConsumer<T, Result = R, Reducer = D>,
        K: LeavesCallback<R, D>,
    {
        let consumer = IntersperseConsumer::new(consumer, self.separator);
        if self.base.opt_len().is_none() {
            return gather(self.base, usize::MAX, Some)
                .into_par_iter()
                .with_leaves(consumer, callback);
        }
        self.base.with_leaves(consumer, callback)
    }

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len().map(interspersed)
    }
}

impl<I, T> IndexedParallelIterator for Intersperse<I>
where
    I: IndexedParallelIterator<Item = T>,
    T: Clone + Send,
{
    drive_by_bridge!();

    fn len(&self) -> usize {
        interspersed(self.base.len())
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<T>,
    {
        let len = self.base.len();
        self.base.with_producer(Callback { len, separator: self.separator, callback })
    }
}

struct IntersperseConsumer<C, T> {
    base: C,
    separator: T,
    /// Whether an item is to the left of this part.
    follows: bool,
}

impl<C, T> IntersperseConsumer<C, T> {
    fn new(base: C, separator: T) -> Self {
        IntersperseConsumer { base, separator, follows: false }
    }
}

impl<C, T> Consumer<T> for IntersperseConsumer<C, T>
where
    C: Consumer<T>,
    T: Clone + Send,
{
    type Folder = IntersperseFolder<C::Folder, T>;
    type Reducer = C::Reducer;
    type Result = C::Result;

    fn split_at(self, index: usize) -> (Self, Self, C::Reducer) {
        let follows = self.follows;
        // As many separators as items, if the first has one.
        let at = if follows { index.saturating_mul(2) } else { interspersed(index) };
        let (left, right, reducer) = self.base.split_at(at);
        let left = IntersperseConsumer {
            base: left,
            separator: self.separator.clone(),
            follows: self.follows,
        };
        let follows = follows || index > 0;
        (left, IntersperseConsumer { base: right, separator: self.separator, follows }, reducer)
    }

    fn into_folder(self) -> Self::Folder {
        let IntersperseConsumer { base, separator, follows } = self;
        IntersperseFolder { base: base.into_folder(), separator, follows }
    }

    fn full(&self) -> bool {
        self.base.full()
    }

    fn decided(result: &C::Result) -> bool {
        C::decided(result)
    }
}

impl<C, T> UnindexedConsumer<T> for IntersperseConsumer<C, T>
where
    C: UnindexedConsumer<T>,
    T: Clone + Send,
{
    fn split_off_left(&self) -> Self {
        // Not called: an iterator that knows its length cuts by index.
        IntersperseConsumer {
            base: self.base.split_off_left(),
            separator: self.separator.clone(),
            follows: self.follows,
        }
    }

    fn to_reducer(&self) -> C::Reducer {
        self.base.to_reducer()
    }
}

struct IntersperseFolder<F, T> {
    base: F,
    separator: T,
    follows: bool,
}

impl<F, T> Folder<T> for IntersperseFolder<F, T>
where
    F: Folder<T>,
    T: Clone,
{
    type Result = F::Result;

    fn consume(self, item: T) -> Self {
        self.consume_iter([item])
    }

    fn consume_iter<I>(mut self, iter: I) -> Self
    where
        I: IntoIterator<Item = T>,
    {
        let items = iter.into_iter().flat_map(|item| {
            let before = mem::replace(&mut self.follows, true).then(|| self.separator.clone());
            before.into_iter().chain(iter::once(item))
        });
        self.base = self.base.consume_iter(items);
        self
    }

    fn complete(self) -> F::Result {
        self.base.complete()
    }

    fn full(&self) -> bool {
        self.base.full()
    }
}

struct Callback<T, CB> {
    len: usize,
    separator: T,
    callback: CB,
}

impl<T, CB> ProducerCallback<T> for Callback<T, CB>
where
    T: Clone + Send,
    CB: ProducerCallback<T>,
{
    type Output = CB::Output;

    fn callback<P: Producer<Item = T>>(self, base: P) -> CB::Output {
        let Callback { len, separator, callback } = self;
        let ends = Ends { first: false, last: false };
        callback.callback(IntersperseProducer { base, len, separator, ends })
    }
}

/// Whether a part begins and ends with a separator. Without items it is one at most, and
/// counts as the first.
#[derive(Clone, Copy)]
struct Ends {
    first: bool,
    last: bool,
}

struct IntersperseProducer<P: Producer> {
    base: P,
    /// Number of items of `base`.
    len: usize,
    separator: P::Item,
    ends: Ends,
}

impl<P> Producer for IntersperseProducer<P>
where
    P: Producer,
    P::Item: Clone + Send,
{
    type Item = P::Item;
    type IntoIter = IntersperseIter<P::IntoIter>;

    fn into_iter(self) -> Self::IntoIter {
        IntersperseIter { base: self.base.into_iter(), separator: self.separator, ends: self.ends }
    }

    fn min_len(&self) -> usize {
        self.base.min_len()
    }

    fn max_len(&self) -> usize {
        self.base.max_len()
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let IntersperseProducer { base, len, separator, ends } = self;
        let (left_ends, items, right_ends) = if index == 0 {
            (Ends { first: false, last: false }, 0, ends)
        } else {
            // Behind the first separator items and separators alternate.
            let after = index - usize::from(ends.first);
            let items = after.div_ceil(2);
            let ends_with_item = after % 2 == 1;
            let left = Ends { first: ends.first, last: after > 0 && !ends_with_item };
            let right = if items < len {
                Ends { first: ends_with_item, last: ends.last }
            } else {
                Ends { first: ends.last && ends_with_item, last: false }
            };
            (left, items, right)
        };
        let (left, right) = base.split_at(items);
        (
            IntersperseProducer {
                base: left,
                len: items,
                separator: separator.clone(),
                ends: left_ends,
            },
            IntersperseProducer { base: right, len: len - items, separator, ends: right_ends },
        )
    }
}

struct IntersperseIter<I: Iterator> {
    base: I,
    separator: I::Item,
    ends: Ends,
}

impl<I> Iterator for IntersperseIter<I>
where
    I: ExactSizeIterator,
    I::Item: Clone,
{
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if mem::take(&mut self.ends.first) {
            return Some(self.separator.clone());
        }
        let item = self.base.next()?;
        self.ends.first = self.base.len() > 0 || mem::take(&mut self.ends.last);
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let ends = usize::from(self.ends.first) + usize::from(self.ends.last);
        let len = interspersed(self.base.len()) + ends;
        (len, Some(len))
    }
}

impl<I> DoubleEndedIterator for IntersperseIter<I>
where
    I: DoubleEndedIterator + ExactSizeIterator,
    I::Item: Clone,
{
    fn next_back(&mut self) -> Option<I::Item> {
        if mem::take(&mut self.ends.last) {
            return Some(self.separator.clone());
        }
        let Some(item) = self.base.next_back() else {
            return mem::take(&mut self.ends.first).then(|| self.separator.clone());
        };
        self.ends.last = self.base.len() > 0;
        Some(item)
    }
}

impl<I> ExactSizeIterator for IntersperseIter<I>
where
    I: ExactSizeIterator,
    I::Item: Clone,
{
}
