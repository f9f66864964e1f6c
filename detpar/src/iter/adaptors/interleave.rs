//! `interleave` and `interleave_shortest`.
use super::take_skip::Take;
use super::two::{TwoCallback, with_two};
use crate::iter::bridged::{
    drive_by_bridge, indexed_by_other, parallel_by_bridge, parallel_by_other,
};
use crate::iter::plumbing::{Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, ParallelIterator};

/// Returned by [`IndexedParallelIterator::interleave`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Interleave<I, J> {
    i: I,
    j: J,
}

impl<I, J> Interleave<I, J> {
    pub(in crate::iter) fn new(i: I, j: J) -> Self {
        Interleave { i, j }
    }
}

impl<I, J> ParallelIterator for Interleave<I, J>
where
    I: IndexedParallelIterator,
    J: IndexedParallelIterator<Item = I::Item>,
{
    type Item = I::Item;

    parallel_by_bridge!();
}

impl<I, J> IndexedParallelIterator for Interleave<I, J>
where
    I: IndexedParallelIterator,
    J: IndexedParallelIterator<Item = I::Item>,
{
    drive_by_bridge!();

    fn len(&self) -> usize {
        self.i.len().checked_add(self.j.len()).expect("the length of an interleave overflows")
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<I::Item>,
    {
        let lens = (self.i.len(), self.j.len());
        with_two(self.i, self.j, Interleaved { lens, callback })
    }
}

/// Returned by [`IndexedParallelIterator::interleave_shortest`].
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct InterleaveShortest<I, J> {
    /// Cut off where one of the two has no more.
    base: Interleave<Take<I>, Take<J>>,
}

impl<I, J> InterleaveShortest<I, J>
where
    I: IndexedParallelIterator,
    J: IndexedParallelIterator<Item = I::Item>,
{
    pub(in crate::iter) fn new(i: I, j: J) -> Self {
        let of_i = i.len().min(j.len().saturating_add(1));
        let of_j = j.len().min(of_i);
        InterleaveShortest { base: Interleave::new(i.take(of_i), j.take(of_j)) }
    }
}

impl<I, J> ParallelIterator for InterleaveShortest<I, J>
where
    I: IndexedParallelIterator,
    J: IndexedParallelIterator<Item = I::Item>,
{
    type Item = I::Item;

    parallel_by_other!(|this| this.base);

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

impl<I, J> IndexedParallelIterator for InterleaveShortest<I, J>
where
    I: IndexedParallelIterator,
    J: IndexedParallelIterator<Item = I::Item>,
{
    indexed_by_other!(|this| this.base);

    fn len(&self) -> usize {
        self.base.len()
    }
}

struct Interleaved<CB> {
    lens: (usize, usize),
    callback: CB,
}

impl<T, CB: ProducerCallback<T>> TwoCallback<T, T> for Interleaved<CB> {
    type Output = CB::Output;

    fn callback<P, Q>(self, i: P, j: Q) -> CB::Output
    where
        P: Producer<Item = T>,
        Q: Producer<Item = T>,
    {
        let producer = InterleaveProducer { i, j, lens: self.lens, j_next: false };
        self.callback.callback(producer)
    }
}

struct InterleaveProducer<I, J> {
    i: I,
    j: J,
    /// Number of items of both.
    lens: (usize, usize),
    /// Whether the next item is one of `j`, where both have some.
    j_next: bool,
}

impl<I, J> Producer for InterleaveProducer<I, J>
where
    I: Producer,
    J: Producer<Item = I::Item>,
{
    type Item = I::Item;
    type IntoIter = InterleaveIter<I::IntoIter, J::IntoIter>;

    fn into_iter(self) -> Self::IntoIter {
        InterleaveIter { i: self.i.into_iter(), j: self.j.into_iter(), j_next: self.j_next }
    }

    fn min_len(&self) -> usize {
        self.i.min_len().max(self.j.min_len())
    }

    fn max_len(&self) -> usize {
        self.i.max_len().min(self.j.max_len())
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let (i_len, j_len) = self.lens;
        // The one that is next has the odd item; where one has too few the other fills up.
        let of_i = if self.j_next { index / 2 } else { index.div_ceil(2) };
        let of_i = of_i.clamp(index.saturating_sub(j_len), i_len);
        let of_j = index - of_i;
        let (i_left, i_right) = self.i.split_at(of_i);
        let (j_left, j_right) = self.j.split_at(of_j);
        (
            InterleaveProducer { i: i_left, j: j_left, lens: (of_i, of_j), j_next: self.j_next },
            InterleaveProducer {
                i: i_right,
                j: j_right,
                lens: (i_len - of_i, j_len - of_j),
                j_next: self.j_next ^ (index % 2 == 1),
            },
        )
    }
}

struct InterleaveIter<I, J> {
    i: I,
    j: J,
    j_next: bool,
}

impl<I, J> Iterator for InterleaveIter<I, J>
where
    I: Iterator,
    J: Iterator<Item = I::Item>,
{
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.j_next = !self.j_next;
        if self.j_next {
            self.i.next().or_else(|| self.j.next())
        } else {
            self.j.next().or_else(|| self.i.next())
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (i, j) = (self.i.size_hint(), self.j.size_hint());
        (i.0.saturating_add(j.0), i.1.zip(j.1).and_then(|(i, j)| i.checked_add(j)))
    }
}

impl<I, J> DoubleEndedIterator for InterleaveIter<I, J>
where
    I: DoubleEndedIterator + ExactSizeIterator,
    J: DoubleEndedIterator<Item = I::Item> + ExactSizeIterator,
{
    fn next_back(&mut self) -> Option<I::Item> {
        let (i, j) = (self.i.len(), self.j.len());
        // Of equally many the last is that of the one that is not next.
        if i > j || (i == j && self.j_next) { self.i.next_back() } else { self.j.next_back() }
    }
}

impl<I, J> ExactSizeIterator for InterleaveIter<I, J>
where
    I: ExactSizeIterator,
    J: ExactSizeIterator<Item = I::Item>,
{
}
