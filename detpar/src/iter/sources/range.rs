//! Ranges of integers and of `char`.
use crate::iter::bridged::drive_by_bridge;
use crate::iter::cut::{self, LeavesCallback};
use crate::iter::plumbing::{
    Folder, Producer, ProducerCallback, UnindexedConsumer, UnindexedProducer,
    bridge_producer_consumer, bridge_unindexed,
};
use crate::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use std::ops::Range;

/// Parallel iterator over a range of integers or of `char`. It is indexed for integers of up
/// to 32 bits, `usize`, `isize` and `char`, as rayon's is.
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Iter<T> {
    range: Range<T>,
}

/// The integers, and `char`: what ranges with parallel iterators begin and end with.
pub trait RangeInteger: sealed::Step {}

impl<T: sealed::Step> RangeInteger for T {}

pub(super) mod sealed {
    /// Arithmetic of the type.
    pub trait Step: Copy + PartialOrd + Send {
        /// The value `i` steps on. Never called beyond the end of a range.
        fn step(self, i: usize) -> Self;

        /// The same for ranges that are longer than `usize` can count.
        fn stride(self, i: u128) -> Self;

        /// Number of steps to `end`, which is not below `self`.
        fn distance(self, end: Self) -> u128;
    }

    /// Whose ranges are never longer than `usize` can count, on any machine.
    pub trait Short: Step {}

    /// Whose inclusive ranges are not either.
    pub trait ShortInclusive: Step {}
}

use sealed::{Short, ShortInclusive, Step};

macro_rules! integers {
    ($($integer:ident as $unsigned:ident),*) => {$(
        impl Step for $integer {
            #[inline]
            fn step(self, i: usize) -> Self {
                // Wrapping is right for signed types: the sum is in range where a step is
                // beyond the greatest value of the type.
                self.wrapping_add(i as $integer)
            }

            #[inline]
            fn stride(self, i: u128) -> Self {
                self.wrapping_add(i as $integer)
            }

            fn distance(self, end: Self) -> u128 {
                end.wrapping_sub(self) as $unsigned as u128
            }
        }
    )*};
}

integers!(u8 as u8, u16 as u16, u32 as u32, u64 as u64, u128 as u128, usize as usize);
integers!(i8 as u8, i16 as u16, i32 as u32, i64 as u64, i128 as u128, isize as usize);

/// The values between these two are not characters.
const GAP: Range<u32> = 0xD800..0xE000;

impl Step for char {
    fn step(self, i: usize) -> Self {
        let begin = u32::from(self);
        let to = begin + i as u32;
        let to = if begin < GAP.start && to >= GAP.start { to + GAP.len() as u32 } else { to };
        char::from_u32(to).expect("a step within a range of characters is a character")
    }

    fn stride(self, i: u128) -> Self {
        self.step(i as usize)
    }

    fn distance(self, end: Self) -> u128 {
        let (begin, end) = (u32::from(self), u32::from(end));
        let gap = if begin < GAP.start && end >= GAP.end { GAP.len() as u32 } else { 0 };
        u128::from(end - begin - gap)
    }
}

macro_rules! short {
    ($trait:ident: $($integer:ident),*) => {
        $(impl $trait for $integer {})*
    };
}

short!(Short: u8, u16, u32, usize, i8, i16, i32, isize, char);
short!(ShortInclusive: u8, u16, i8, i16, char);

impl<T: RangeInteger> IntoParallelIterator for Range<T> {
    type Iter = Iter<T>;
    type Item = T;

    fn into_par_iter(self) -> Iter<T> {
        Iter { range: self }
    }
}

impl<T: RangeInteger> Iter<T> {
    /// The number of steps from the first value to the last; `None` of no values.
    fn steps(&self) -> Option<u128> {
        let Range { start, end } = self.range;
        if start < end { Some(start.distance(end) - 1) } else { None }
    }
}

impl<T: RangeInteger> ParallelIterator for Iter<T> {
    type Item = T;

    fn drive_unindexed<C>(self, consumer: C) -> C::Result
    where
        C: UnindexedConsumer<T>,
    {
        drive(self.range.start, self.steps(), consumer)
    }

    fn with_leaves<C, R, D, K>(self, consumer: C, callback: K) -> K::Output
    where
        C: UnindexedConsumer<T, Result = R, Reducer = D>,
        K: LeavesCallback<R, D>,
    {
        match self.opt_len() {
            Some(len) => {
                let producer = RangeProducer::new(self.range.start, len);
                cut::leaves_of_producer(len, producer, consumer, callback)
            }
            None => cut::nested(self, consumer, callback),
        }
    }

    fn opt_len(&self) -> Option<usize> {
        len(self.steps())
    }
}

impl<T: RangeInteger + Short> IndexedParallelIterator for Iter<T> {
    drive_by_bridge!();

    fn len(&self) -> usize {
        len(self.steps()).expect("a short range")
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<T>,
    {
        let len = self.len();
        callback.callback(RangeProducer::new(self.range.start, len))
    }
}

/// The number of values, if `usize` can count them.
pub(super) fn len(steps: Option<u128>) -> Option<usize> {
    steps.map_or(Some(0), |steps| usize::try_from(steps).ok()?.checked_add(1))
}

/// Runs a range that is given by its first value and the number of steps to its last.
pub(super) fn drive<T, C>(start: T, steps: Option<u128>, consumer: C) -> C::Result
where
    T: RangeInteger,
    C: UnindexedConsumer<T>,
{
    match (len(steps), steps) {
        (None, Some(last)) => bridge_unindexed(LongRange { start, first: 0, last }, consumer),
        (len, _) => {
            let len = len.unwrap_or(0);
            bridge_producer_consumer(len, RangeProducer::new(start, len), consumer)
        }
    }
}

/// Values that `usize` can count.
pub(super) struct RangeProducer<T> {
    start: T,
    /// Steps from `start`.
    steps: Range<usize>,
}

impl<T: RangeInteger> RangeProducer<T> {
    pub(super) fn new(start: T, len: usize) -> Self {
        RangeProducer { start, steps: 0..len }
    }
}

impl<T: RangeInteger> Producer for RangeProducer<T> {
    type Item = T;
    type IntoIter = Steps<T>;

    fn into_iter(self) -> Steps<T> {
        Steps(self)
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let (start, Range { start: first, end }) = (self.start, self.steps);
        let middle = first + index;
        (RangeProducer { start, steps: first..middle }, RangeProducer { start, steps: middle..end })
    }
}

/// The sequential iterator of [`RangeProducer`].
pub(super) struct Steps<T>(RangeProducer<T>);

impl<T: RangeInteger> Iterator for Steps<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.0.steps.next().map(|i| self.0.start.step(i))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.steps.size_hint()
    }
}

impl<T: RangeInteger> DoubleEndedIterator for Steps<T> {
    #[inline]
    fn next_back(&mut self) -> Option<T> {
        self.0.steps.next_back().map(|i| self.0.start.step(i))
    }
}

impl<T: RangeInteger> ExactSizeIterator for Steps<T> {}

/// More values than `usize` can count; there is always one at least.
struct LongRange<T> {
    start: T,
    /// Steps from `start` to the first value.
    first: u128,
    /// Steps from `start` to the last value. Not one more, which may not be a number.
    last: u128,
}

impl<T: RangeInteger> UnindexedProducer for LongRange<T> {
    type Item = T;

    fn split(self) -> (Self, Option<Self>) {
        let LongRange { start, first, last } = self;
        if first == last {
            return (self, None);
        }
        let middle = first + (last - first) / 2;
        (
            LongRange { start, first, last: middle },
            Some(LongRange { start, first: middle + 1, last }),
        )
    }

    fn fold_with<F>(self, folder: F) -> F
    where
        F: Folder<T>,
    {
        folder.consume_iter((self.first..=self.last).map(|i| self.start.stride(i)))
    }
}
