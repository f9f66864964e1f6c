//! `for_each`.
use super::accumulate::{self, Accumulate};
use crate::iter::ParallelIterator;

pub(in crate::iter) fn for_each<I, OP>(iter: I, op: &OP)
where
    I: ParallelIterator,
    OP: Fn(I::Item) + Sync,
{
    accumulate::run(iter, ForEach(op));
}

struct ForEach<'f, OP>(&'f OP);

impl<OP> Clone for ForEach<'_, OP> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<OP> Copy for ForEach<'_, OP> {}

impl<In, OP: Fn(In) + Sync> Accumulate<In> for ForEach<'_, OP> {
    type State = ();
    type Result = ();

    fn begin(self) {}

    fn all<I: Iterator<Item = In>>(self, (): (), iter: I) {
        iter.for_each(self.0);
    }

    fn end((): ()) {}

    fn combine(self, (): (), (): ()) {}
}
