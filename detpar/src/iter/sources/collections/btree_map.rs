//! B-tree maps, by way of a vector.
use super::by_vector::{by_vector, clone_of_references};
use std::collections::BTreeMap;

by_vector! {
    /// Parallel iterator over the entries of a B-tree map, by value.
    #[derive(Debug, Clone)]
    IntoIter<K, V> over (K, V), unindexed_by_inner [K: Send, V: Send]
    of [K: Send, V: Send] BTreeMap<K, V>
}

by_vector! {
    /// Parallel iterator over references to the entries of a B-tree map.
    #[derive(Debug)]
    Iter<'a, K, V> over (&'a K, &'a V), unindexed_by_inner ['a, K: Sync, V: Sync]
    of ['a, K: Sync, V: Sync] &'a BTreeMap<K, V>
}

clone_of_references!(Iter<'a, K, V>);

by_vector! {
    /// Parallel iterator over the entries of a B-tree map, by mutable reference.
    #[derive(Debug)]
    IterMut<'a, K, V> over (&'a K, &'a mut V), unindexed_by_inner ['a, K: Sync, V: Send]
    of ['a, K: Sync, V: Send] &'a mut BTreeMap<K, V>
}
