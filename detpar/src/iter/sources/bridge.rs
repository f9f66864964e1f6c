//! Sequential iterators as parallel ones.
use crate::iter::bridged::unindexed_by_method;
use crate::iter::{IntoParallelIterator, ParallelIterator};

/// What can be turned from a sequential into a parallel iterator.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     assert_eq!((1..4).chain(7..9).par_bridge().sum::<i32>(), 21);
/// }
/// ```
pub trait ParallelBridge: Sized {
    /// Turns `self` into a parallel iterator.
    ///
    /// The caller takes all items before the first child starts. They are cut into ordered
    /// batches, by their number, and come out in the order of the iterator. (rayon's threads
    /// take items from a shared iterator, in any order.) So the iterator itself may read
    /// what is the master's alone, a file for instance, and must end: put `take` before.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let words = "one two three".split(' ').par_bridge();
    ///     let v: Vec<usize> = words.map(|w| w.len()).collect();
    ///     assert_eq!(v, [3, 3, 5]);
    /// }
    /// ```
    fn par_bridge(self) -> IterBridge<Self>;
}

impl<T> ParallelBridge for T
where
    T: Iterator<Item: Send> + Send,
{
    fn par_bridge(self) -> IterBridge<T> {
        IterBridge { iter: Some(self) }
    }
}

/// Parallel iterator over the items of a sequential one.
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct IterBridge<Iter> {
    /// `None` once it runs.
    iter: Option<Iter>,
}

impl<Iter: Iterator<Item: Send> + Send> IterBridge<Iter> {
    fn inner(&mut self) -> impl ParallelIterator<Item = Iter::Item> {
        self.iter.take().into_iter().flatten().collect::<Vec<_>>().into_par_iter()
    }
}

unindexed_by_method!([Iter: Iterator<Item: Send> + Send] IterBridge<Iter>, Iter::Item);
