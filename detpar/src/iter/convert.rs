//! How values become parallel iterators and back.
use super::ParallelIterator;
use std::ops::RangeBounds;

/// What can be turned into a parallel iterator.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     let squares: Vec<u32> = (0..5u32).into_par_iter().map(|n| n * n).collect();
///     assert_eq!(squares, [0, 1, 4, 9, 16]);
/// }
/// ```
pub trait IntoParallelIterator {
    /// The parallel iterator.
    type Iter: ParallelIterator<Item = Self::Item>;
    /// What it yields.
    type Item: Send;

    /// Turns `self` into a parallel iterator.
    fn into_par_iter(self) -> Self::Iter;
}

impl<T: ParallelIterator> IntoParallelIterator for T {
    type Iter = T;
    type Item = T::Item;

    fn into_par_iter(self) -> T {
        self
    }
}

/// What has a parallel iterator over references.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     assert_eq!([1, 2, 3].par_iter().max(), Some(&3));
/// }
/// ```
pub trait IntoParallelRefIterator<'data> {
    /// The parallel iterator.
    type Iter: ParallelIterator<Item = Self::Item>;
    /// What it yields, a reference as a rule.
    type Item: Send + 'data;

    /// A parallel iterator over references.
    fn par_iter(&'data self) -> Self::Iter;
}

impl<'data, I: 'data + ?Sized> IntoParallelRefIterator<'data> for I
where
    &'data I: IntoParallelIterator,
{
    type Iter = <&'data I as IntoParallelIterator>::Iter;
    type Item = <&'data I as IntoParallelIterator>::Item;

    fn par_iter(&'data self) -> Self::Iter {
        self.into_par_iter()
    }
}

/// What has a parallel iterator over mutable references.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     let mut v = vec![1, 2, 3];
///     v.par_iter_mut().enumerate().for_each(|(i, n)| *n += i);
///     assert_eq!(v, [1, 3, 5]);
/// }
/// ```
pub trait IntoParallelRefMutIterator<'data> {
    /// The parallel iterator.
    type Iter: ParallelIterator<Item = Self::Item>;
    /// What it yields, a mutable reference as a rule.
    type Item: Send + 'data;

    /// A parallel iterator over mutable references.
    fn par_iter_mut(&'data mut self) -> Self::Iter;
}

impl<'data, I: 'data + ?Sized> IntoParallelRefMutIterator<'data> for I
where
    &'data mut I: IntoParallelIterator,
{
    type Iter = <&'data mut I as IntoParallelIterator>::Iter;
    type Item = <&'data mut I as IntoParallelIterator>::Item;

    fn par_iter_mut(&'data mut self) -> Self::Iter {
        self.into_par_iter()
    }
}

/// What [`collect`](ParallelIterator::collect) can make.
///
/// ```
/// use detpar::prelude::*;
/// use std::collections::HashMap;
///
/// #[detpar::main]
/// fn main() {
///     // Where several items have one key the last one in order stays.
///     let pairs = [(1, "a"), (2, "b"), (1, "c")];
///     let map: HashMap<i32, &str> = HashMap::from_par_iter(pairs);
///     assert_eq!((map[&1], map[&2]), ("c", "b"));
/// }
/// ```
pub trait FromParallelIterator<T>
where
    T: Send,
{
    /// Makes a collection of the items.
    fn from_par_iter<I>(par_iter: I) -> Self
    where
        I: IntoParallelIterator<Item = T>;
}

/// What a parallel iterator can be appended to.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     let mut v = vec![0];
///     v.par_extend((1..4).into_par_iter());
///     assert_eq!(v, [0, 1, 2, 3]);
/// }
/// ```
pub trait ParallelExtend<T>
where
    T: Send,
{
    /// Appends the items, in order.
    fn par_extend<I>(&mut self, par_iter: I)
    where
        I: IntoParallelIterator<Item = T>;
}

/// What can be emptied in parallel.
///
/// ```
/// use detpar::prelude::*;
/// use std::collections::HashSet;
///
/// #[detpar::main]
/// fn main() {
///     let mut set = HashSet::from([1, 2, 3]);
///     assert_eq!(set.par_drain().sum::<i32>(), 6);
///     assert!(set.is_empty());
/// }
/// ```
pub trait ParallelDrainFull {
    /// The parallel iterator.
    type Iter: ParallelIterator<Item = Self::Item>;
    /// What it yields.
    type Item: Send;

    /// Takes all items out and yields them. The memory stays with the collection. It is empty
    /// afterwards, whatever becomes of the iterator.
    fn par_drain(self) -> Self::Iter;
}

/// What a range can be taken out of in parallel.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     let mut v = vec![0, 1, 2, 3, 4];
///     let taken: Vec<i32> = v.par_drain(1..3).collect();
///     assert_eq!((taken, v), (vec![1, 2], vec![0, 3, 4]));
/// }
/// ```
pub trait ParallelDrainRange<Idx = usize> {
    /// The parallel iterator.
    type Iter: ParallelIterator<Item = Self::Item>;
    /// What it yields.
    type Item: Send;

    /// Takes the items of the range out and yields them. They are gone afterwards, whatever
    /// becomes of the iterator, and those behind have moved up.
    ///
    /// # Panics
    /// Where the range is not within the collection.
    fn par_drain<R: RangeBounds<Idx>>(self, range: R) -> Self::Iter;
}
