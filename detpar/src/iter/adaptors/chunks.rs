//! `chunks`, `fold_chunks` and `fold_chunks_with`.
use super::declare::adaptor;
use crate::iter::begin::{Begin, Init, With, Work};
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, ParallelIterator};

adaptor! {
    /// Returned by [`IndexedParallelIterator::chunks`].
    Chunks<I> { size: usize }
}

adaptor! {
    /// Returned by [`IndexedParallelIterator::fold_chunks`].
    FoldChunks<I, ID, F> { size: usize, identity: ID, fold_op: F }
}

adaptor! {
    /// Returned by [`IndexedParallelIterator::fold_chunks_with`].
    FoldChunksWith<I, T, F> { size: usize, init: T, fold_op: F }
}

/// Both traits for an adaptor of chunks; `$make` may borrow all fields but the base.
macro_rules! of_chunks {
    ($name:ident<I $(, $p:ident)*>, [$($g:ident)?] yields $item:ty,
        where [$($bounds:tt)*], |$this:ident| $make:expr) => {
        impl<I $(, $p)* $(, $g)?> ParallelIterator for $name<I $(, $p)*>
        where
            I: IndexedParallelIterator,
            $($bounds)*
        {
            type Item = $item;

            parallel_by_bridge!();
        }

        impl<I $(, $p)* $(, $g)?> IndexedParallelIterator for $name<I $(, $p)*>
        where
            I: IndexedParallelIterator,
            $($bounds)*
        {
            drive_by_bridge!();

            fn len(&self) -> usize {
                self.base.len().div_ceil(self.size)
            }

            fn with_producer<CB>(self, callback: CB) -> CB::Output
            where
                CB: ProducerCallback<Self::Item>,
            {
                let $this = self;
                let (len, size) = ($this.base.len(), $this.size);
                $this.base.with_producer(Callback { len, size, make: $make, callback })
            }
        }
    };
}

of_chunks!(Chunks<I>, [] yields Vec<I::Item>, where [], |this| IntoVec);
of_chunks!(FoldChunks<I, ID, F>, [T] yields T, where [
    ID: Fn() -> T + Sync + Send,
    F: Fn(T, I::Item) -> T + Sync + Send,
    T: Send,
], |this| Work { begin: Init(&this.identity), op: &this.fold_op });
of_chunks!(FoldChunksWith<I, T, F>, [] yields T, where [
    F: Fn(T, I::Item) -> T + Sync + Send,
    T: Clone + Send,
], |this| Work { begin: With(this.init), op: &this.fold_op });

/// What is made of a chunk.
trait Make<In>: Clone + Send {
    /// What it yields.
    type Out;

    /// Makes it.
    fn make(&self, chunk: impl ExactSizeIterator<Item = In>) -> Self::Out;
}

#[derive(Clone)]
struct IntoVec;

impl<In> Make<In> for IntoVec {
    type Out = Vec<In>;

    fn make(&self, chunk: impl ExactSizeIterator<Item = In>) -> Vec<In> {
        chunk.collect()
    }
}

impl<In, B, F> Make<In> for Work<'_, B, F>
where
    B: Begin,
    F: Fn(B::State, In) -> B::State + Sync,
{
    type Out = B::State;

    fn make(&self, chunk: impl ExactSizeIterator<Item = In>) -> B::State {
        chunk.fold(self.begin.clone().begin(), self.op)
    }
}

struct Callback<M, CB> {
    len: usize,
    size: usize,
    make: M,
    callback: CB,
}

impl<T, M, CB> ProducerCallback<T> for Callback<M, CB>
where
    M: Make<T>,
    CB: ProducerCallback<M::Out>,
{
    type Output = CB::Output;

    fn callback<P: Producer<Item = T>>(self, base: P) -> CB::Output {
        let Callback { len, size, make, callback } = self;
        callback.callback(ChunksProducer { base, len, size, make })
    }
}

struct ChunksProducer<P, M> {
    base: P,
    /// Number of items of `base`.
    len: usize,
    size: usize,
    make: M,
}

impl<P, M> Producer for ChunksProducer<P, M>
where
    P: Producer,
    M: Make<P::Item>,
{
    type Item = M::Out;
    type IntoIter = ChunksIter<P, M>;

    fn into_iter(self) -> ChunksIter<P, M> {
        let ChunksProducer { base, len, size, make } = self;
        ChunksIter { base: Some(base), len, size, make }
    }

    fn min_len(&self) -> usize {
        self.base.min_len().div_ceil(self.size)
    }

    fn max_len(&self) -> usize {
        (self.base.max_len() / self.size).max(1)
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let ChunksProducer { base, len, size, make } = self;
        let at = index.saturating_mul(size).min(len);
        let (left, right) = base.split_at(at);
        let left = ChunksProducer { base: left, len: at, size, make: make.clone() };
        (left, ChunksProducer { base: right, len: len - at, size, make })
    }
}

/// Chunks of what is left of a producer.
struct ChunksIter<P, M> {
    /// There as long as `len` is not 0.
    base: Option<P>,
    len: usize,
    size: usize,
    make: M,
}

impl<P, M> ChunksIter<P, M>
where
    P: Producer,
    M: Make<P::Item>,
{
    /// Cuts off `n` items on one of its sides, at most all.
    fn cut(&mut self, n: usize, front: bool) -> Option<M::Out> {
        let base = self.base.take()?;
        if n == 0 {
            return None;
        }
        let rest = self.len - n;
        let chunk = if rest == 0 {
            base
        } else if front {
            let (chunk, rest) = base.split_at(n);
            self.base = Some(rest);
            chunk
        } else {
            let (rest, chunk) = base.split_at(rest);
            self.base = Some(rest);
            chunk
        };
        self.len = rest;
        Some(self.make.make(chunk.into_iter()))
    }
}

impl<P, M> Iterator for ChunksIter<P, M>
where
    P: Producer,
    M: Make<P::Item>,
{
    type Item = M::Out;

    fn next(&mut self) -> Option<M::Out> {
        self.cut(self.size.min(self.len), true)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.len.div_ceil(self.size);
        (len, Some(len))
    }
}

impl<P, M> DoubleEndedIterator for ChunksIter<P, M>
where
    P: Producer,
    M: Make<P::Item>,
{
    fn next_back(&mut self) -> Option<M::Out> {
        let short = self.len % self.size;
        self.cut(if short == 0 { self.size.min(self.len) } else { short }, false)
    }
}

impl<P, M> ExactSizeIterator for ChunksIter<P, M>
where
    P: Producer,
    M: Make<P::Item>,
{
}
