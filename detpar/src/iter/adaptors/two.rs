//! The producers of two iterators at once.
use crate::iter::IndexedParallelIterator;
use crate::iter::plumbing::{Producer, ProducerCallback};

/// Receives two producers while what they borrow is alive.
pub(super) trait TwoCallback<A, B> {
    /// What the callback returns.
    type Output;

    /// Called once, with both.
    fn callback<P, Q>(self, a: P, b: Q) -> Self::Output
    where
        P: Producer<Item = A>,
        Q: Producer<Item = B>;
}

/// Calls back with the producers of both.
pub(super) fn with_two<I, J, CB>(i: I, j: J, callback: CB) -> CB::Output
where
    I: IndexedParallelIterator,
    J: IndexedParallelIterator,
    CB: TwoCallback<I::Item, J::Item>,
{
    i.with_producer(First { j, callback })
}

struct First<J, CB> {
    j: J,
    callback: CB,
}

impl<T, J, CB> ProducerCallback<T> for First<J, CB>
where
    J: IndexedParallelIterator,
    CB: TwoCallback<T, J::Item>,
{
    type Output = CB::Output;

    fn callback<P: Producer<Item = T>>(self, a: P) -> CB::Output {
        self.j.with_producer(Second { a, callback: self.callback })
    }
}

struct Second<P, CB> {
    a: P,
    callback: CB,
}

impl<T, P, CB> ProducerCallback<T> for Second<P, CB>
where
    P: Producer,
    CB: TwoCallback<P::Item, T>,
{
    type Output = CB::Output;

    fn callback<Q: Producer<Item = T>>(self, b: Q) -> CB::Output {
        self.callback.callback(self.a, b)
    }
}
