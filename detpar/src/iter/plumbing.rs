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
use super::IndexedParallelIterator;
use super::leaf;
use super::width::Width;

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
    let width = Width::limited(len, producer.min_len(), producer.max_len());
    let n = width.leaves();
    if n == 0 {
        return fold_leaf(producer, consumer);
    }
    let mut cut = Cut { width, leaves: Vec::with_capacity(n), reducers: Vec::with_capacity(n - 1) };
    cut.part(0, n, producer, consumer);
    let results = run_leaves(cut.leaves, |(producer, consumer)| fold_leaf(producer, consumer));
    Tree { results: results.into_iter(), reducers: cut.reducers.into_iter() }.indexed(n)
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
    let mut leaves = Vec::new();
    let mut shape = Vec::new();
    cut_unindexed(UNINDEXED_LEVELS, producer, consumer, &mut leaves, &mut shape);
    let results = run_leaves(leaves, |(producer, consumer): (P, C)| {
        if consumer.full() {
            consumer.into_folder().complete()
        } else {
            producer.fold_with(consumer.into_folder()).complete()
        }
    });
    Tree { results: results.into_iter(), reducers: shape.into_iter() }.unindexed()
}

/// A leaf from begin to end.
fn fold_leaf<P, C>(producer: P, consumer: C) -> C::Result
where
    P: Producer,
    C: Consumer<P::Item>,
{
    if consumer.full() {
        consumer.into_folder().complete()
    } else {
        producer.fold_with(consumer.into_folder()).complete()
    }
}

fn run_leaves<L, R>(leaves: Vec<L>, body: impl Fn(L) -> R + Sync) -> Vec<R>
where
    L: Send,
    R: Send,
{
    match leaf::run(leaves, body) {
        Ok(results) => results,
        Err(e) => e.unwind(),
    }
}

/// A producer and a consumer being cut into leaves.
struct Cut<P, C: Consumer<P::Item>>
where
    P: Producer,
{
    width: Width,
    /// In index order.
    leaves: Vec<(P, C)>,
    /// In pre-order: a node, its left branch, its right branch.
    reducers: Vec<C::Reducer>,
}

impl<P, C> Cut<P, C>
where
    P: Producer,
    C: Consumer<P::Item>,
{
    /// Cuts what covers `n` leaves from leaf `first` on.
    fn part(&mut self, first: usize, n: usize, producer: P, consumer: C) {
        if n == 1 {
            self.leaves.push((producer, consumer));
            return;
        }
        let (left, right) = Width::halves(n);
        let index = self.width.start(first + left) - self.width.start(first);
        let (left_producer, right_producer) = producer.split_at(index);
        let (left_consumer, right_consumer, reducer) = consumer.split_at(index);
        self.reducers.push(reducer);
        self.part(first, left, left_producer, left_consumer);
        self.part(first + left, right, right_producer, right_consumer);
    }
}

/// Cuts `levels` times where the producer lets it; `shape` is in pre-order, `None` is a leaf.
fn cut_unindexed<P, C>(
    levels: u32,
    producer: P,
    consumer: C,
    leaves: &mut Vec<(P, C)>,
    shape: &mut Vec<Option<C::Reducer>>,
) where
    P: UnindexedProducer,
    C: UnindexedConsumer<P::Item>,
{
    let (producer, right) = if levels == 0 { (producer, None) } else { producer.split() };
    match right {
        None => {
            shape.push(None);
            leaves.push((producer, consumer));
        }
        Some(right) => {
            shape.push(Some(consumer.to_reducer()));
            let left_consumer = consumer.split_off_left();
            cut_unindexed(levels - 1, producer, left_consumer, leaves, shape);
            cut_unindexed(levels - 1, right, consumer, leaves, shape);
        }
    }
}

/// The results of the leaves being combined: both sequences are in the order of the cut.
struct Tree<R, D> {
    results: std::vec::IntoIter<R>,
    reducers: std::vec::IntoIter<D>,
}

impl<R, D: Reducer<R>> Tree<R, D> {
    fn indexed(&mut self, n: usize) -> R {
        if n == 1 {
            return next(&mut self.results);
        }
        let reducer = next(&mut self.reducers);
        let (left, right) = Width::halves(n);
        let left = self.indexed(left);
        let right = self.indexed(right);
        reducer.reduce(left, right)
    }
}

impl<R, D: Reducer<R>> Tree<R, Option<D>> {
    fn unindexed(&mut self) -> R {
        match next(&mut self.reducers) {
            None => next(&mut self.results),
            Some(reducer) => {
                let left = self.unindexed();
                let right = self.unindexed();
                reducer.reduce(left, right)
            }
        }
    }
}

fn next<T>(iter: &mut std::vec::IntoIter<T>) -> T {
    iter.next().expect("a tree has as many results and reducers as the cut made")
}
