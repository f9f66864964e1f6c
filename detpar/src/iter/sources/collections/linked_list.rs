//! Linked lists, by way of a vector.
use super::by_vector::{by_vector, clone_of_references};
use std::collections::LinkedList;

by_vector! {
    /// Parallel iterator over the items of a linked list, by value.
    #[derive(Debug, Clone)]
    IntoIter<T> over T, unindexed_by_inner [T: Send]
    of [T: Send] LinkedList<T>
}

by_vector! {
    /// Parallel iterator over references to the items of a linked list.
    #[derive(Debug)]
    Iter<'a, T> over &'a T, unindexed_by_inner ['a, T: Sync]
    of ['a, T: Sync] &'a LinkedList<T>
}

clone_of_references!(Iter<'a, T>);

by_vector! {
    /// Parallel iterator over the items of a linked list, by mutable reference.
    #[derive(Debug)]
    IterMut<'a, T> over &'a mut T, unindexed_by_inner ['a, T: Send]
    of ['a, T: Send] &'a mut LinkedList<T>
}
