//! `unzip`, `partition` and their like: two collections of one iterator.
//!
//! A collection makes itself of an iterator, and it alone knows its consumer. So the left one
//! is extended by an iterator that, when it is asked to run, extends the right one by an
//! iterator that, when asked, has both consumers and runs the items against the pair.
use crate::iter::plumbing::{Consumer, Folder, Reducer, UnindexedConsumer};
use crate::iter::{FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator};
use either::Either;

/// Extends `left` and `right` by what `op` makes of each item. `both` says that it makes one
/// for each of them, always.
pub(in crate::iter) fn extend_two<I, F, A, B, L, R>(
    iter: I,
    both: bool,
    op: F,
    left: &mut L,
    right: &mut R,
) where
    I: ParallelIterator,
    F: Fn(I::Item) -> (Option<A>, Option<B>) + Sync + Send,
    A: Send,
    B: Send,
    L: ParallelExtend<A> + Send,
    R: ParallelExtend<B> + Send,
{
    left.par_extend(Left { base: iter, both, op: &op, right });
}

/// Makes two collections of what `op` makes of each item.
pub(in crate::iter) fn make_two<I, F, A, B, L, R>(iter: I, both: bool, op: F) -> (L, R)
where
    I: ParallelIterator,
    F: Fn(I::Item) -> (Option<A>, Option<B>) + Sync + Send,
    A: Send,
    B: Send,
    L: ParallelExtend<A> + Default + Send,
    R: ParallelExtend<B> + Default + Send,
{
    let mut two = Default::default();
    let (left, right) = &mut two;
    extend_two(iter, both, op, left, right);
    two
}

/// Makes a collection where one is to be extended.
struct Made<C>(Option<C>);

impl<C, T> ParallelExtend<T> for Made<C>
where
    C: FromParallelIterator<T>,
    T: Send,
{
    fn par_extend<I>(&mut self, par_iter: I)
    where
        I: IntoParallelIterator<Item = T>,
    {
        self.0 = Some(C::from_par_iter(par_iter));
    }
}

/// Two collections of what `op` makes of an item.
macro_rules! two_of {
    ($item:ty, $both:expr, $op:expr) => {
        impl<A, B, L, R> FromParallelIterator<$item> for (L, R)
        where
            A: Send,
            B: Send,
            L: FromParallelIterator<A> + Send,
            R: FromParallelIterator<B> + Send,
        {
            fn from_par_iter<I>(par_iter: I) -> Self
            where
                I: IntoParallelIterator<Item = $item>,
            {
                let (mut left, mut right) = (Made(None), Made(None));
                extend_two(par_iter.into_par_iter(), $both, $op, &mut left, &mut right);
                left.0.zip(right.0).expect("extending makes them")
            }
        }

        impl<A, B, L, R> ParallelExtend<$item> for (L, R)
        where
            A: Send,
            B: Send,
            L: ParallelExtend<A> + Send,
            R: ParallelExtend<B> + Send,
        {
            fn par_extend<I>(&mut self, par_iter: I)
            where
                I: IntoParallelIterator<Item = $item>,
            {
                let (left, right) = self;
                extend_two(par_iter.into_par_iter(), $both, $op, left, right);
            }
        }
    };
}

two_of!((A, B), true, of_pair);
two_of!(Either<A, B>, false, of_either);

/// Both halves.
pub(in crate::iter) fn of_pair<A, B>((a, b): (A, B)) -> (Option<A>, Option<B>) {
    (Some(a), Some(b))
}

/// The one that it is.
pub(in crate::iter) fn of_either<A, B>(item: Either<A, B>) -> (Option<A>, Option<B>) {
    match item {
        Either::Left(left) => (Some(left), None),
        Either::Right(right) => (None, Some(right)),
    }
}

/// What the left collection is extended by.
struct Left<'s, I, F, R> {
    base: I,
    both: bool,
    op: &'s F,
    right: &'s mut R,
}

impl<I, F, A, B, R> ParallelIterator for Left<'_, I, F, R>
where
    I: ParallelIterator,
    F: Fn(I::Item) -> (Option<A>, Option<B>) + Sync + Send,
    A: Send,
    B: Send,
    R: ParallelExtend<B> + Send,
{
    type Item = A;

    fn drive_unindexed<C>(self, consumer: C) -> C::Result
    where
        C: UnindexedConsumer<A>,
    {
        let mut result = None;
        let Left { base, both, op, right } = self;
        right.par_extend(Right { base, both, op, consumer, result: &mut result });
        result.expect("a collection runs what it is extended by")
    }

    fn opt_len(&self) -> Option<usize> {
        if self.both { self.base.opt_len() } else { None }
    }
}

/// What the right one is extended by.
struct Right<'s, I, F, C, T> {
    base: I,
    both: bool,
    op: &'s F,
    /// That of the left one.
    consumer: C,
    /// The left one's result.
    result: &'s mut Option<T>,
}

impl<I, F, A, B, C> ParallelIterator for Right<'_, I, F, C, C::Result>
where
    I: ParallelIterator,
    F: Fn(I::Item) -> (Option<A>, Option<B>) + Sync + Send,
    A: Send,
    B: Send,
    C: UnindexedConsumer<A>,
{
    type Item = B;

    fn drive_unindexed<D>(self, consumer: D) -> D::Result
    where
        D: UnindexedConsumer<B>,
    {
        let pair = Pair { left: self.consumer, right: consumer, op: self.op };
        let (left, right) = self.base.drive_unindexed(pair);
        *self.result = Some(left);
        right
    }

    fn opt_len(&self) -> Option<usize> {
        if self.both { self.base.opt_len() } else { None }
    }
}

/// Two consumers, or folders, side by side.
struct Pair<'f, C, D, F> {
    left: C,
    right: D,
    op: &'f F,
}

impl<'f, In, A, B, C, D, F> Consumer<In> for Pair<'f, C, D, F>
where
    F: Fn(In) -> (Option<A>, Option<B>) + Sync,
    C: Consumer<A>,
    D: Consumer<B>,
{
    type Folder = Pair<'f, C::Folder, D::Folder, F>;
    type Reducer = PairReducer<C::Reducer, D::Reducer>;
    type Result = (C::Result, D::Result);

    fn split_at(self, index: usize) -> (Self, Self, Self::Reducer) {
        let op = self.op;
        let (left_of_left, right_of_left, left) = self.left.split_at(index);
        let (left_of_right, right_of_right, right) = self.right.split_at(index);
        (
            Pair { left: left_of_left, right: left_of_right, op },
            Pair { left: right_of_left, right: right_of_right, op },
            PairReducer(left, right),
        )
    }

    fn into_folder(self) -> Self::Folder {
        Pair { left: self.left.into_folder(), right: self.right.into_folder(), op: self.op }
    }

    fn full(&self) -> bool {
        self.left.full() && self.right.full()
    }

    fn decided((left, right): &Self::Result) -> bool {
        C::decided(left) && D::decided(right)
    }
}

impl<In, A, B, C, D, F> UnindexedConsumer<In> for Pair<'_, C, D, F>
where
    F: Fn(In) -> (Option<A>, Option<B>) + Sync,
    C: UnindexedConsumer<A>,
    D: UnindexedConsumer<B>,
{
    fn split_off_left(&self) -> Self {
        let (left, right) = (self.left.split_off_left(), self.right.split_off_left());
        Pair { left, right, op: self.op }
    }

    fn to_reducer(&self) -> Self::Reducer {
        PairReducer(self.left.to_reducer(), self.right.to_reducer())
    }
}

impl<In, A, B, C, D, F> Folder<In> for Pair<'_, C, D, F>
where
    F: Fn(In) -> (Option<A>, Option<B>),
    C: Folder<A>,
    D: Folder<B>,
{
    type Result = (C::Result, D::Result);

    fn consume(mut self, item: In) -> Self {
        let (left, right) = (self.op)(item);
        if let Some(item) = left {
            self.left = self.left.consume(item);
        }
        if let Some(item) = right {
            self.right = self.right.consume(item);
        }
        self
    }

    fn complete(self) -> Self::Result {
        (self.left.complete(), self.right.complete())
    }

    fn full(&self) -> bool {
        self.left.full() && self.right.full()
    }
}

struct PairReducer<C, D>(C, D);

impl<A, B, C: Reducer<A>, D: Reducer<B>> Reducer<(A, B)> for PairReducer<C, D> {
    fn reduce(self, left: (A, B), right: (A, B)) -> (A, B) {
        (self.0.reduce(left.0, right.0), self.1.reduce(left.1, right.1))
    }
}
