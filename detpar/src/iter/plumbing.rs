//! What parallel iterators are made of: producers that can be cut, consumers that can be cut
//! alike, and the bridges that run one against the other.
//!
//! The traits have the names and the shape of rayon's, so that a source or an adaptor written
//! for rayon is carried over by changing its imports. The bridges differ:
//!
//! - The cut is the virtual width of the length, see [`width`](super::width), not a
//!   function of idle threads.
//! - All leaves of one call are children of **one** closed construct. The parent cuts the
//!   producer and the consumer beforehand, gives leaf `i` to child `i`, and combines the
//!   results in a fixed tree after all children were merged, or none.
//! - Leaves see nothing of each other. [`Consumer::full`] and [`Folder::full`] can therefore
//!   only stop their own leaf early; there is no flag that one leaf sets and another reads.
//!
//! Code of a leaf runs in the child: [`Producer::fold_with`], [`Consumer::into_folder`] and
//! the [`Folder`]. Code of the cut and of the tree runs in the space that made the call:
//! [`Producer::split_at`], [`Consumer::split_at`] and the [`Reducer`].
//!
//! # A source of one's own
//!
//! A value that can be cut is a [`Producer`]; an iterator hands it to [`bridge`]:
//!
//! ```
//! use detpar::iter::plumbing::{
//!     Consumer, Producer, ProducerCallback, UnindexedConsumer, bridge,
//! };
//! use detpar::prelude::*;
//! use std::iter::Map;
//! use std::ops::Range;
//!
//! /// Yields the squares of a range.
//! struct Squares(Range<usize>);
//!
//! impl Producer for Squares {
//!     type Item = usize;
//!     type IntoIter = Map<Range<usize>, fn(usize) -> usize>;
//!
//!     fn into_iter(self) -> Self::IntoIter {
//!         self.0.map(|n| n * n)
//!     }
//!
//!     fn split_at(self, index: usize) -> (Self, Self) {
//!         let middle = self.0.start + index;
//!         (Squares(self.0.start..middle), Squares(middle..self.0.end))
//!     }
//! }
//!
//! impl ParallelIterator for Squares {
//!     type Item = usize;
//!
//!     fn drive_unindexed<C: UnindexedConsumer<usize>>(self, consumer: C) -> C::Result {
//!         bridge(self, consumer)
//!     }
//!
//!     fn opt_len(&self) -> Option<usize> {
//!         Some(self.0.len())
//!     }
//! }
//!
//! impl IndexedParallelIterator for Squares {
//!     fn len(&self) -> usize {
//!         self.0.len()
//!     }
//!
//!     fn drive<C: Consumer<usize>>(self, consumer: C) -> C::Result {
//!         bridge(self, consumer)
//!     }
//!
//!     fn with_producer<CB: ProducerCallback<usize>>(self, callback: CB) -> CB::Output {
//!         callback.callback(self)
//!     }
//! }
//!
//! #[detpar::main]
//! fn main() {
//!     let v: Vec<(usize, usize)> = Squares(3..6).enumerate().rev().collect();
//!     assert_eq!(v, [(2, 25), (1, 16), (0, 9)]);
//! }
//! ```
//!
//! # A consumer of one's own
//!
//! A [`Consumer`] becomes a [`Folder`] in each leaf; a [`Reducer`] combines what two
//! neighbouring parts made of their items:
//!
//! ```
//! use detpar::iter::plumbing::{Consumer, Folder, Reducer};
//! use detpar::prelude::*;
//!
//! /// The items in order, and a bar where one leaf ends and the next begins.
//! struct Leaves;
//! struct Text(String);
//!
//! impl Consumer<usize> for Leaves {
//!     type Folder = Text;
//!     type Reducer = Leaves;
//!     type Result = String;
//!
//!     fn split_at(self, _index: usize) -> (Self, Self, Self) {
//!         (Leaves, Leaves, Leaves)
//!     }
//!
//!     fn into_folder(self) -> Text {
//!         Text(String::new())
//!     }
//!
//!     fn full(&self) -> bool {
//!         false
//!     }
//! }
//!
//! impl Folder<usize> for Text {
//!     type Result = String;
//!
//!     fn consume(mut self, item: usize) -> Text {
//!         self.0 += &item.to_string();
//!         self
//!     }
//!
//!     fn complete(self) -> String {
//!         self.0
//!     }
//!
//!     fn full(&self) -> bool {
//!         false
//!     }
//! }
//!
//! impl Reducer<String> for Leaves {
//!     fn reduce(self, left: String, right: String) -> String {
//!         format!("{left}|{right}")
//!     }
//! }
//!
//! #[detpar::main]
//! fn main() {
//!     let items = (0..8).into_par_iter().with_min_len(3);
//!     assert_eq!(items.drive(Leaves), "0123|4567");
//! }
//! ```
use super::IndexedParallelIterator;
use super::cut::{self, Cut};
#[doc(hidden)]
pub use super::exclusive::Exclusive;

/// A sequence of known length that can be cut in two at any index.
///
/// The difference to an iterator is [`split_at`](Producer::split_at); the difference to a
/// parallel iterator is that a producer is a plain value without a plan of execution.
pub trait Producer: Send + Sized {
    /// What it yields.
    type Item;

    /// The sequential iterator it becomes in a leaf.
    type IntoIter: Iterator<Item = Self::Item> + DoubleEndedIterator + ExactSizeIterator;

    /// Becomes a sequential iterator.
    fn into_iter(self) -> Self::IntoIter;

    /// Fewest items that a leaf should have.
    fn min_len(&self) -> usize {
        1
    }

    /// Most items that a leaf should have.
    fn max_len(&self) -> usize {
        usize::MAX
    }

    /// Cuts into the first `index` items and the rest. `index` may be 0 and may be the length.
    fn split_at(self, index: usize) -> (Self, Self);

    /// What the producer has to itself. Not one of rayon's, and of use to this crate's only.
    #[doc(hidden)]
    fn exclusive(&mut self) -> Exclusive {
        Exclusive::NONE
    }

    /// Feeds all items to the folder, until it is full.
    fn fold_with<F>(self, folder: F) -> F
    where
        F: Folder<Self::Item>,
    {
        folder.consume_iter(self.into_iter())
    }
}

/// Receives a producer whose type the caller cannot name, as a closure that were generic over
/// its argument.
pub trait ProducerCallback<T> {
    /// What the callback returns.
    type Output;

    /// Called once, with the producer.
    fn callback<P>(self, producer: P) -> Self::Output
    where
        P: Producer<Item = T>;
}

/// A sequence of unknown length that can say roughly where its middle is.
pub trait UnindexedProducer: Send + Sized {
    /// What it yields.
    type Item;

    /// Cuts into two, or returns itself and `None` where it is too short to cut. Where it is
    /// cut must depend on the sequence alone.
    fn split(self) -> (Self, Option<Self>);

    /// Feeds all items to the folder, until it is full.
    fn fold_with<F>(self, folder: F) -> F
    where
        F: Folder<Self::Item>;
}

/// Takes the items of one contiguous part and makes a result of them.
pub trait Consumer<Item>: Send + Sized {
    /// What consumes the items of a leaf.
    type Folder: Folder<Item, Result = Self::Result>;

    /// What combines the results of two neighbouring parts.
    type Reducer: Reducer<Self::Result>;

    /// What becomes of the items.
    type Result: Send;

    /// Cuts into a consumer of the first `index` items and one of the rest.
    fn split_at(self, index: usize) -> (Self, Self, Self::Reducer);

    /// Begins a leaf. Called in the child.
    fn into_folder(self) -> Self::Folder;

    /// Whether this part needs no more items.
    fn full(&self) -> bool;

    /// Whether a result stands whatever is to the right of it, as that of a search that found
    /// something. Blocks that come later are then not run. Not one of rayon's.
    fn decided(_result: &Self::Result) -> bool {
        false
    }
}

/// A consumer at work in a leaf.
pub trait Folder<Item>: Sized {
    /// What becomes of the items.
    type Result;

    /// Takes one item.
    fn consume(self, item: Item) -> Self;

    /// Takes all items of an iterator, until full.
    fn consume_iter<I>(mut self, iter: I) -> Self
    where
        I: IntoIterator<Item = Item>,
    {
        for item in iter {
            self = self.consume(item);
            if self.full() {
                break;
            }
        }
        self
    }

    /// Ends the leaf.
    fn complete(self) -> Self::Result;

    /// Whether no more items are needed.
    fn full(&self) -> bool;
}

/// Combines the results of two neighbouring parts.
pub trait Reducer<Result> {
    /// Combines; `left` comes of the lower indices.
    fn reduce(self, left: Result, right: Result) -> Result;
}

/// A consumer that can be cut without knowing where.
pub trait UnindexedConsumer<I>: Consumer<I> {
    /// A consumer for a part to the left; `self` keeps what is to the right of it.
    fn split_off_left(&self) -> Self;

    /// The reducer for the two.
    fn to_reducer(&self) -> Self::Reducer;
}

/// Runs an indexed iterator against a consumer: how most sources implement
/// [`ParallelIterator::drive_unindexed`](super::ParallelIterator::drive_unindexed) and
/// [`IndexedParallelIterator::drive`].
///
/// # Panics
/// Continues a child's panic; panics with the [`JoinError`](crate::JoinError) where the
/// construct failed for another reason.
pub fn bridge<I, C>(par_iter: I, consumer: C) -> C::Result
where
    I: IndexedParallelIterator,
    C: Consumer<I::Item>,
{
    struct Callback<C> {
        len: usize,
        consumer: C,
    }

    impl<C, I> ProducerCallback<I> for Callback<C>
    where
        C: Consumer<I>,
    {
        type Output = C::Result;

        fn callback<P>(self, producer: P) -> C::Result
        where
            P: Producer<Item = I>,
        {
            bridge_producer_consumer(self.len, producer, self.consumer)
        }
    }

    let len = par_iter.len();
    par_iter.with_producer(Callback { len, consumer })
}

/// Runs a producer of `len` items against a consumer.
///
/// # Panics
/// As [`bridge`].
pub fn bridge_producer_consumer<P, C>(len: usize, producer: P, consumer: C) -> C::Result
where
    P: Producer,
    C: Consumer<P::Item>,
{
    if len == 0 {
        return cut::fold_leaf((producer, consumer));
    }
    Cut::<(P, C), C::Reducer>::indexed(len, producer, consumer).run(cut::fold_leaf)
}

/// Levels of [`bridge_unindexed`]: at most two to this power of leaves.
const UNINDEXED_LEVELS: u32 = 6;

/// Runs a producer of unknown length against a consumer. The cut is up to six levels of
/// [`UnindexedProducer::split`], so at most 64 leaves, and depends on the producer alone.
///
/// # Panics
/// As [`bridge`].
pub fn bridge_unindexed<P, C>(producer: P, consumer: C) -> C::Result
where
    P: UnindexedProducer,
    C: UnindexedConsumer<P::Item>,
{
    let leaf = |(producer, consumer): (P, C)| {
        if consumer.full() {
            consumer.into_folder().complete()
        } else {
            producer.fold_with(consumer.into_folder()).complete()
        }
    };
    Cut::unindexed(UNINDEXED_LEVELS, producer, consumer).run(leaf)
}
