//! `sum` and `product`.
use super::accumulate::{self, Accumulate};
use crate::iter::ParallelIterator;
use std::iter::{self, Product, Sum};
use std::marker::PhantomData;

pub(in crate::iter) fn sum<I, S>(iter: I) -> S
where
    I: ParallelIterator,
    S: Send + Sum<I::Item> + Sum<S>,
{
    accumulate::run(iter, Summing(PhantomData))
}

pub(in crate::iter) fn product<I, P>(iter: I) -> P
where
    I: ParallelIterator,
    P: Send + Product<I::Item> + Product<P>,
{
    accumulate::run(iter, Multiplying(PhantomData))
}

/// `Sum` can add two of its own: that is how leaves, and pieces of a leaf, are combined.
fn add<S: Sum<S>>(left: S, right: S) -> S {
    [left, right].into_iter().sum()
}

fn multiply<P: Product<P>>(left: P, right: P) -> P {
    [left, right].into_iter().product()
}

macro_rules! accumulation {
    ($name:ident, $trait:ident, $method:ident, $combine:ident) => {
        struct $name<S>(PhantomData<fn() -> S>);

        impl<S> Clone for $name<S> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<S> Copy for $name<S> {}

        impl<In, S> Accumulate<In> for $name<S>
        where
            S: Send + $trait<In> + $trait<S>,
        {
            type State = S;
            type Result = S;

            fn begin(self) -> S {
                iter::empty::<In>().$method()
            }

            fn all<I: Iterator<Item = In>>(self, state: S, iter: I) -> S {
                $combine(state, iter.$method())
            }

            fn end(state: S) -> S {
                state
            }

            fn combine(self, left: S, right: S) -> S {
                $combine(left, right)
            }
        }
    };
}

accumulation!(Summing, Sum, sum, add);
accumulation!(Multiplying, Product, product, multiply);
