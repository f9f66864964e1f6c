//! Binary heaps, by way of a vector.
use super::by_vector::{by_vector, clone_of_references, drained_by_vector};
use std::collections::BinaryHeap;

by_vector! {
    /// Parallel iterator over the items of a heap, by value.
    #[derive(Debug, Clone)]
    IntoIter<T> over T, indexed_by_inner [T: Send]
    of [T: Send] BinaryHeap<T>
}

by_vector! {
    /// Parallel iterator over references to the items of a heap.
    #[derive(Debug)]
    Iter<'a, T> over &'a T, indexed_by_inner ['a, T: Sync]
    of ['a, T: Sync] &'a BinaryHeap<T>
}

clone_of_references!(Iter<'a, T>);

drained_by_vector! {
    /// Parallel iterator over what was taken out of a heap.
    Drain<T> over T, indexed_by_inner [T: Send]
    of [T: Send] BinaryHeap<T>
}
