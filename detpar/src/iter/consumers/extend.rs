//! `collect` into the other collections of std: the leaves build vectors, the parent inserts
//! their items one after another, in order.
use super::collect::parts;
use crate::iter::{FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{OsStr, OsString};
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

/// The same with references to items that are copied.
macro_rules! by_copies {
    ($($collection:ty, $item:ty, [$($generics:tt)*];)*) => {$(
        impl<'a, $($generics)*> ParallelExtend<$item> for $collection {
            fn par_extend<I>(&mut self, par_iter: I)
            where
                I: IntoParallelIterator<Item = $item>,
            {
                self.extend(parts(par_iter.into_par_iter()).into_items());
            }
        }
    )*};
}

by_copies! {
    HashMap<K, V, S>, (&'a K, &'a V), [
        K: Copy + Eq + Hash + Send + Sync + 'a,
        V: Copy + Send + Sync + 'a,
        S: BuildHasher + Send
    ];
    HashSet<T, S>, &'a T, [T: Copy + Eq + Hash + Send + Sync + 'a, S: BuildHasher + Send];
    BTreeMap<K, V>, (&'a K, &'a V), [
        K: Copy + Ord + Send + Sync + 'a,
        V: Copy + Send + Sync + 'a
    ];
    BTreeSet<T>, &'a T, [T: Copy + Ord + Send + Sync + 'a];
    BinaryHeap<T>, &'a T, [T: Copy + Ord + Send + Sync + 'a];
    LinkedList<T>, &'a T, [T: Copy + Send + Sync + 'a];
    VecDeque<T>, &'a T, [T: Copy + Send + Sync + 'a];
    Vec<T>, &'a T, [T: Copy + Send + Sync + 'a];
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
    ($string:ident: $($item:ty, [$($generics:tt)*];)*) => {$(
        impl<$($generics)*> FromParallelIterator<$item> for $string {
            fn from_par_iter<I>(par_iter: I) -> Self
            where
                I: IntoParallelIterator<Item = $item>,
            {
                let mut text = $string::new();
                text.par_extend(par_iter);
                text
            }
        }

        impl<$($generics)*> ParallelExtend<$item> for $string {
            fn par_extend<I>(&mut self, par_iter: I)
            where
                I: IntoParallelIterator<Item = $item>,
            {
                let leaves = par_iter.into_par_iter().fold($string::new, |mut text, piece| {
                    text.extend([piece]);
                    text
                });
                let leaves: Vec<$string> = leaves.collect();
                self.reserve(leaves.iter().map(|leaf| leaf.len()).sum());
                self.extend(leaves);
            }
        }
    )*};
}

by_string! { String:
    char, [];
    &'a char, ['a];
    &'a str, ['a];
    String, [];
    Box<str>, [];
    Cow<'a, str>, ['a];
}

by_string! { OsString:
    &'a OsStr, ['a];
    OsString, [];
    Cow<'a, OsStr>, ['a];
}

macro_rules! by_boxed_text {
    ($($item:ty, [$($generics:tt)*];)*) => {$(
        impl<$($generics)*> FromParallelIterator<$item> for Box<str> {
            fn from_par_iter<I>(par_iter: I) -> Self
            where
                I: IntoParallelIterator<Item = $item>,
            {
                String::from_par_iter(par_iter).into()
            }
        }
    )*};
}

by_boxed_text! {
    char, [];
    &'a char, ['a];
    &'a str, ['a];
    String, [];
    Box<str>, [];
    Cow<'a, str>, ['a];
}

/// The owned form of what is borrowed.
impl<'a, C, T> FromParallelIterator<T> for Cow<'a, C>
where
    C: ToOwned<Owned: FromParallelIterator<T>> + ?Sized,
    T: Send,
{
    fn from_par_iter<I>(par_iter: I) -> Self
    where
        I: IntoParallelIterator<Item = T>,
    {
        Cow::Owned(C::Owned::from_par_iter(par_iter))
    }
}

impl FromParallelIterator<()> for () {
    fn from_par_iter<I>(par_iter: I) -> Self
    where
        I: IntoParallelIterator<Item = ()>,
    {
        par_iter.into_par_iter().for_each(|()| ());
    }
}

impl ParallelExtend<()> for () {
    fn par_extend<I>(&mut self, par_iter: I)
    where
        I: IntoParallelIterator<Item = ()>,
    {
        <()>::from_par_iter(par_iter);
    }
}
