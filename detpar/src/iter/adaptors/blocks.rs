//! `by_exponential_blocks` and `by_uniform_blocks`: parallel calls one after another.
use super::declare::adaptor;
use crate::iter::plumbing::{
    Producer, ProducerCallback, Reducer, UnindexedConsumer, bridge_producer_consumer,
};
use crate::iter::{IndexedParallelIterator, ParallelIterator};
use std::iter;

/// Length of the first of blocks that grow.
const FIRST: usize = 16;

adaptor! {
    /// Returned by [`IndexedParallelIterator::by_exponential_blocks`].
    ExponentialBlocks<I> {}
}

adaptor! {
    /// Returned by [`IndexedParallelIterator::by_uniform_blocks`].
    UniformBlocks<I> { size: usize }
}

macro_rules! in_blocks {
    ($name:ident, |$this:ident| $sizes:expr) => {
        impl<I: IndexedParallelIterator> ParallelIterator for $name<I> {
            type Item = I::Item;

            fn drive_unindexed<C>(self, consumer: C) -> C::Result
            where
                C: UnindexedConsumer<I::Item>,
            {
                let $this = self;
                let len = $this.base.len();
                $this.base.with_producer(Blocks { sizes: $sizes, len, consumer })
            }
        }
    };
}

in_blocks!(ExponentialBlocks, |this| iter::successors(Some(FIRST), |n| n.checked_mul(2)));
in_blocks!(UniformBlocks, |this| iter::repeat(this.size));

struct Blocks<S, C> {
    sizes: S,
    len: usize,
    consumer: C,
}

impl<T, S, C> ProducerCallback<T> for Blocks<S, C>
where
    S: Iterator<Item = usize>,
    C: UnindexedConsumer<T>,
{
    type Output = C::Result;

    fn callback<P: Producer<Item = T>>(self, mut producer: P) -> C::Result {
        let Blocks { sizes, mut len, consumer } = self;
        let mut so_far = None;
        for size in sizes {
            if size >= len {
                break;
            }
            let (block, rest) = producer.split_at(size);
            let result = bridge_producer_consumer(size, block, consumer.split_off_left());
            let result = append::<T, C>(&consumer, so_far, result);
            if C::decided(&result) {
                return result;
            }
            so_far = Some(result);
            (producer, len) = (rest, len - size);
        }
        let reducer = consumer.to_reducer();
        let result = bridge_producer_consumer(len, producer, consumer);
        match so_far {
            None => result,
            Some(so_far) => reducer.reduce(so_far, result),
        }
    }
}

fn append<T, C>(consumer: &C, so_far: Option<C::Result>, result: C::Result) -> C::Result
where
    C: UnindexedConsumer<T>,
{
    match so_far {
        None => result,
        Some(so_far) => consumer.to_reducer().reduce(so_far, result),
    }
}
