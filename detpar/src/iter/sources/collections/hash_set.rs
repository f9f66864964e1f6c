//! Hash sets, by way of a vector.
use super::by_vector::{by_vector, clone_of_references, drained_by_vector};
use std::collections::HashSet;

by_vector! {
    /// Parallel iterator over the items of a hash set, by value.
    #[derive(Debug, Clone)]
    IntoIter<T> over T, unindexed_by_inner [T: Send]
    of [T: Send, S] HashSet<T, S>
}

by_vector! {
    /// Parallel iterator over references to the items of a hash set.
    #[derive(Debug)]
    Iter<'a, T> over &'a T, unindexed_by_inner ['a, T: Sync]
    of ['a, T: Sync, S] &'a HashSet<T, S>
}

clone_of_references!(Iter<'a, T>);

drained_by_vector! {
    /// Parallel iterator over what was taken out of a hash set.
    Drain<T> over T, unindexed_by_inner [T: Send]
    of [T: Send, S] HashSet<T, S>
}
