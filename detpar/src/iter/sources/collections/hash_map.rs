//! Hash maps, by way of a vector.
use super::by_vector::{by_vector, clone_of_references, drained_by_vector};
use std::collections::HashMap;

by_vector! {
    /// Parallel iterator over the entries of a hash map, by value.
    #[derive(Debug, Clone)]
    IntoIter<K, V> over (K, V), unindexed_by_inner [K: Send, V: Send]
    of [K: Send, V: Send, S] HashMap<K, V, S>
}

by_vector! {
    /// Parallel iterator over references to the entries of a hash map.
    #[derive(Debug)]
    Iter<'a, K, V> over (&'a K, &'a V), unindexed_by_inner ['a, K: Sync, V: Sync]
    of ['a, K: Sync, V: Sync, S] &'a HashMap<K, V, S>
}

clone_of_references!(Iter<'a, K, V>);

by_vector! {
    /// Parallel iterator over the entries of a hash map, by mutable reference.
    #[derive(Debug)]
    IterMut<'a, K, V> over (&'a K, &'a mut V), unindexed_by_inner ['a, K: Sync, V: Send]
    of ['a, K: Sync, V: Send, S] &'a mut HashMap<K, V, S>
}

drained_by_vector! {
    /// Parallel iterator over what was taken out of a hash map.
    Drain<K, V> over (K, V), unindexed_by_inner [K: Send, V: Send]
    of [K: Send, V: Send, S] HashMap<K, V, S>
}
