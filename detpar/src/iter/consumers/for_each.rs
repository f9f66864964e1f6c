//! `for_each`.
use super::accumulate::{self, Accumulate};
use crate::iter::ParallelIterator;

pub(in crate::iter) fn for_each<I, OP>(iter: I, op: OP)
where
    I: ParallelIterator,
    OP: Fn(I::Item) + Sync,
{
    accumulate::run(iter, &ForEach(op));
}

struct ForEach<OP>(OP);

impl<In, OP: Fn(In) + Sync> Accumulate<In> for &ForEach<OP> {
    type State = ();
    type Result = ();

    fn begin(self) {}

    fn all<I: Iterator<Item = In>>(self, (): (), iter: I) {
        iter.for_each(&self.0);
    }

    fn end((): ()) {}

    fn combine(self, (): (), (): ()) {}
}
