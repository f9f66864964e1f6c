//! B-tree sets, by way of a vector.
use super::by_vector::{by_vector, clone_of_references};
use std::collections::BTreeSet;

by_vector! {
    /// Parallel iterator over the items of a B-tree set, by value.
    #[derive(Debug, Clone)]
    IntoIter<T> over T, unindexed_by_inner [T: Send]
    of [T: Send] BTreeSet<T>
}

by_vector! {
    /// Parallel iterator over references to the items of a B-tree set.
    #[derive(Debug)]
    Iter<'a, T> over &'a T, unindexed_by_inner ['a, T: Sync]
    of ['a, T: Sync] &'a BTreeSet<T>
}

clone_of_references!(Iter<'a, T>);
