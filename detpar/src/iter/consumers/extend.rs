//! `collect` into the other collections of std: the leaves build vectors, the parent inserts
//! their items one after another, in order.
use super::collect::parts;
use crate::iter::{FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::rc::Rc;
use std::sync::Arc;

/// A collection with std's `Extend`, which says itself how much to reserve.
macro_rules! by_extend {
    ($($collection:ty, $item:ty, [$($generics:tt)*];)*) => {$(
        impl<$($generics)*> FromParallelIterator<$item> for $collection {
            fn from_par_iter<I>(par_iter: I) -> Self
            where
                I: IntoParallelIterator<Item = $item>,
            {
                parts(par_iter.into_par_iter()).into_items().collect()
            }
        }

        impl<$($generics)*> ParallelExtend<$item> for $collection {
            fn par_extend<I>(&mut self, par_iter: I)
            where
                I: IntoParallelIterator<Item = $item>,
            {
                self.extend(parts(par_iter.into_par_iter()).into_items());
            }
        }
    )*};
}

by_extend! {
    HashMap<K, V, S>, (K, V), [K: Eq + Hash + Send, V: Send, S: BuildHasher + Default + Send];
    HashSet<T, S>, T, [T: Eq + Hash + Send, S: BuildHasher + Default + Send];
    BTreeMap<K, V>, (K, V), [K: Ord + Send, V: Send];
    BTreeSet<T>, T, [T: Ord + Send];
    BinaryHeap<T>, T, [T: Ord + Send];
    LinkedList<T>, T, [T: Send];
    VecDeque<T>, T, [T: Send];
}

/// What is made of a vector.
macro_rules! by_vec {
    ($($collection:ty),*) => {$(
        impl<T: Send> FromParallelIterator<T> for $collection {
            fn from_par_iter<I>(par_iter: I) -> Self
            where
                I: IntoParallelIterator<Item = T>,
            {
                Vec::from_par_iter(par_iter).into()
            }
        }
    )*};
}

by_vec!(Box<[T]>, Rc<[T]>, Arc<[T]>);

/// Pieces of text: every leaf makes one string of its own, the parent joins them.
macro_rules! by_string {
    ($($item:ty, [$($generics:tt)*];)*) => {$(
        impl<$($generics)*> FromParallelIterator<$item> for String {
            fn from_par_iter<I>(par_iter: I) -> Self
            where
                I: IntoParallelIterator<Item = $item>,
            {
                let mut text = String::new();
                text.par_extend(par_iter);
                text
            }
        }

        impl<$($generics)*> ParallelExtend<$item> for String {
            fn par_extend<I>(&mut self, par_iter: I)
            where
                I: IntoParallelIterator<Item = $item>,
            {
                let leaves = par_iter.into_par_iter().fold(String::new, |mut text, piece| {
                    text.extend([piece]);
                    text
                });
                let leaves: Vec<String> = leaves.collect();
                self.reserve(leaves.iter().map(String::len).sum());
                self.extend(leaves);
            }
        }
    )*};
}

by_string! {
    char, [];
    &'a char, ['a];
    &'a str, ['a];
    String, [];
    Box<str>, [];
    Cow<'a, str>, ['a];
}

impl FromParallelIterator<()> for () {
    fn from_par_iter<I>(par_iter: I) -> Self
    where
        I: IntoParallelIterator<Item = ()>,
    {
        par_iter.into_par_iter().for_each(|()| ());
    }
}
