//! The leaves of one parallel call, and the tree that their results are combined in.
use super::leaf;
use super::plumbing::{
    Consumer, Exclusive, Folder, Producer, ProducerCallback, Reducer, UnindexedConsumer,
    UnindexedProducer,
};
use super::width::{MOST, Width};
use super::{IndexedParallelIterator, ParallelIterator};

/// A producer and a consumer cut into leaves.
pub struct Cut<L, D> {
    /// In index order; one for each `None` of `shape`.
    leaves: Vec<L>,
    /// The tree in pre-order: a node as its reducer, a leaf as `None`.
    shape: Vec<Option<D>>,
    /// What the leaves have to themselves: one for each, or nothing where none has anything.
    exclusive: Vec<Exclusive>,
}

/// Leaves of producers and consumers whose types differ.
pub type BoxedLeaf<'a, R> = Box<dyn FnOnce() -> R + Send + 'a>;

/// Receives the leaves of an iterator while what they borrow is alive.
pub trait LeavesCallback<R, D> {
    /// What the callback returns.
    type Output;

    /// Called once, with the leaves.
    fn callback<'a>(self, cut: Cut<BoxedLeaf<'a, R>, D>) -> Self::Output
    where
        R: 'a;
}

impl<L, D> Cut<L, D> {
    pub(super) fn one(leaf: L) -> Self {
        Cut { leaves: vec![leaf], shape: vec![None], exclusive: Vec::new() }
    }

    /// Two cuts side by side.
    pub(super) fn join(left: Self, reducer: D, right: Self) -> Self {
        let mut cut = left;
        cut.shape.insert(0, Some(reducer));
        cut.shape.extend(right.shape);
        if !(cut.exclusive.is_empty() && right.exclusive.is_empty()) {
            cut.exclusive.resize(cut.leaves.len(), Exclusive::NONE);
            cut.exclusive.extend(right.exclusive);
            cut.exclusive.resize(cut.leaves.len() + right.leaves.len(), Exclusive::NONE);
        }
        cut.leaves.extend(right.leaves);
        cut
    }

    /// Cuts `len > 0` items by the virtual width of the producer.
    pub(super) fn indexed<P, C>(len: usize, producer: P, consumer: C) -> Cut<(P, C), C::Reducer>
    where
        P: Producer,
        C: Consumer<P::Item>,
    {
        let width = Width::limited(len, producer.min_len(), producer.max_len());
        let n = width.leaves().max(1);
        let (leaves, shape) = (Vec::with_capacity(n), Vec::with_capacity(2 * n - 1));
        let mut producer = producer;
        // As with all of it, so with its parts.
        let some = if producer.exclusive().is_none() { 0 } else { n };
        let mut cut = Cut { leaves, shape, exclusive: Vec::with_capacity(some) };
        cut.part(&width, 0, n, producer, consumer);
        cut
    }

    /// Runs the leaves and combines their results.
    pub(super) fn run<R>(self, body: impl Fn(L) -> R + Sync) -> R
    where
        L: Send,
        R: Send,
        D: Reducer<R>,
    {
        let results = match leaf::run(self.leaves, &self.exclusive, body) {
            Ok(results) => results,
            Err(e) => e.unwind(),
        };
        combine(results, self.shape)
    }
}

impl<P, C> Cut<(P, C), C::Reducer>
where
    P: Producer,
    C: Consumer<P::Item>,
{
    /// Cuts what covers `n` leaves from leaf `first` on.
    fn part(&mut self, width: &Width, first: usize, n: usize, mut producer: P, consumer: C) {
        if n == 1 {
            if self.exclusive.capacity() > 0 {
                self.exclusive.push(producer.exclusive());
            }
            self.shape.push(None);
            self.leaves.push((producer, consumer));
            return;
        }
        let (left, right) = Width::halves(n);
        let index = width.start(first + left) - width.start(first);
        let (left_producer, right_producer) = producer.split_at(index);
        let (left_consumer, right_consumer, reducer) = consumer.split_at(index);
        self.shape.push(Some(reducer));
        self.part(width, first, left, left_producer, left_consumer);
        self.part(width, first + left, right, right_producer, right_consumer);
    }
}

impl<P, C> Cut<(P, C), C::Reducer>
where
    P: UnindexedProducer,
    C: UnindexedConsumer<P::Item>,
{
    /// Cuts `levels` times where the producer lets it.
    pub(super) fn unindexed(levels: u32, producer: P, consumer: C) -> Self {
        let mut cut = Cut { leaves: Vec::new(), shape: Vec::new(), exclusive: Vec::new() };
        cut.unindexed_part(levels, producer, consumer);
        cut
    }

    fn unindexed_part(&mut self, levels: u32, producer: P, consumer: C) {
        let (producer, right) = if levels == 0 { (producer, None) } else { producer.split() };
        match right {
            None => {
                self.shape.push(None);
                self.leaves.push((producer, consumer));
            }
            Some(right) => {
                self.shape.push(Some(consumer.to_reducer()));
                let left_consumer = consumer.split_off_left();
                self.unindexed_part(levels - 1, producer, left_consumer);
                self.unindexed_part(levels - 1, right, consumer);
            }
        }
    }
}

impl<R, D> Cut<BoxedLeaf<'_, R>, D> {
    /// Runs the leaves and combines their results.
    pub(super) fn run_boxed(self) -> R
    where
        R: Send,
        D: Reducer<R>,
    {
        if self.leaves.len() <= MOST {
            return self.run(|leaf| leaf());
        }
        // More than one construct holds: neighbours share a child. The tree stays the same.
        let group = self.leaves.len().div_ceil(MOST);
        let mut groups = Vec::with_capacity(MOST);
        let mut leaves = self.leaves.into_iter();
        while leaves.len() > 0 {
            groups.push(leaves.by_ref().take(group).collect::<Vec<_>>());
        }
        let run_group = |group: Vec<BoxedLeaf<'_, R>>| -> Vec<R> {
            group.into_iter().map(|leaf| leaf()).collect()
        };
        match leaf::run(groups, &[], run_group) {
            Ok(results) => combine(results.into_iter().flatten().collect(), self.shape),
            Err(e) => e.unwind(),
        }
    }
}

/// Combines the results of leaves by the tree of this shape.
fn combine<R, D: Reducer<R>>(results: Vec<R>, shape: Vec<Option<D>>) -> R {
    fn part<R, D: Reducer<R>>(
        results: &mut impl Iterator<Item = R>,
        shape: &mut impl Iterator<Item = Option<D>>,
    ) -> R {
        match shape.next().expect("a tree ends with its last leaf") {
            None => results.next().expect("as many results as leaves in the tree"),
            Some(reducer) => {
                let left = part(results, shape);
                let right = part(results, shape);
                reducer.reduce(left, right)
            }
        }
    }
    part(&mut results.into_iter(), &mut shape.into_iter())
}

/// A leaf from begin to end.
pub(super) fn fold_leaf<P, C>((producer, consumer): (P, C)) -> C::Result
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

/// Passes on the leaves of an iterator that is run by `bridge`.
pub(super) fn with_leaves<I, C, K>(iter: I, consumer: C, callback: K) -> K::Output
where
    I: IndexedParallelIterator,
    C: Consumer<I::Item>,
    K: LeavesCallback<C::Result, C::Reducer>,
{
    struct Callback<C, K> {
        len: usize,
        consumer: C,
        callback: K,
    }

    impl<T, C, K> ProducerCallback<T> for Callback<C, K>
    where
        C: Consumer<T>,
        K: LeavesCallback<C::Result, C::Reducer>,
    {
        type Output = K::Output;

        fn callback<P>(self, producer: P) -> K::Output
        where
            P: Producer<Item = T>,
        {
            leaves_of_producer(self.len, producer, self.consumer, self.callback)
        }
    }

    let len = iter.len();
    iter.with_producer(Callback { len, consumer, callback })
}

/// The same for a producer. Of no items there is one leaf: beside the leaves of another
/// iterator its result must come from somewhere.
pub(super) fn leaves_of_producer<P, C, K>(
    len: usize,
    producer: P,
    consumer: C,
    callback: K,
) -> K::Output
where
    P: Producer,
    C: Consumer<P::Item>,
    K: LeavesCallback<C::Result, C::Reducer>,
{
    let Cut { leaves, shape, exclusive } =
        Cut::<(P, C), C::Reducer>::indexed(len, producer, consumer);
    let boxed = |leaf| -> BoxedLeaf<'_, C::Result> { Box::new(move || fold_leaf::<P, C>(leaf)) };
    let leaves = leaves.into_iter().map(boxed).collect();
    callback.callback(Cut { leaves, shape, exclusive })
}

/// The leaves of an iterator of which nothing else is known: one, which makes a parallel
/// call of its own.
pub(super) fn nested<I, C, K>(iter: I, consumer: C, callback: K) -> K::Output
where
    I: ParallelIterator,
    C: UnindexedConsumer<I::Item>,
    K: LeavesCallback<C::Result, C::Reducer>,
{
    callback.callback(Cut::one(Box::new(move || iter.drive_unindexed(consumer))))
}
