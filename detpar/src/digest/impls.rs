//! Digests of the standard library's types.
use super::{Digest, Digester, of};
use crate::error::JoinError;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::marker::PhantomData;
use std::num::{NonZero, Saturating, Wrapping};
use std::ops::{Range, RangeInclusive};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl Digest for $type {
            fn feed(&self, to: &mut Digester) {
                to.bytes(&self.to_le_bytes());
            }
        }

        impl Digest for NonZero<$type> {
            fn feed(&self, to: &mut Digester) {
                self.get().feed(to);
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);

/// Implements it by way of another value.
macro_rules! through {
    ($($type:ty { $value:ident => $as:expr })*) => {$(
        impl Digest for $type {
            fn feed(&self, to: &mut Digester) {
                let $value = self;
                ($as).feed(to);
            }
        }
    )*};
}

through! {
    usize { n => *n as u64 }
    isize { n => *n as i64 }
    NonZero<usize> { n => n.get() }
    NonZero<isize> { n => n.get() }
    bool { b => u8::from(*b) }
    char { c => u32::from(*c) }
    f32 { f => f.to_bits() }
    f64 { f => f.to_bits() }
    str { s => s.as_bytes() }
    String { s => s.as_bytes() }
    OsStr { s => s.as_bytes() }
    OsString { s => s.as_bytes() }
    CStr { s => s.to_bytes() }
    CString { s => s.to_bytes() }
    Path { p => p.as_os_str() }
    PathBuf { p => p.as_os_str() }
    Duration { d => d.as_nanos() }
    Ordering { o => *o as i8 }
    JoinError { e => e.to_string() }
}

macro_rules! holders {
    ($([$($generics:tt)*] $type:ty { $value:ident => $as:expr })*) => {$(
        impl<$($generics)*> Digest for $type {
            fn feed(&self, to: &mut Digester) {
                let $value = self;
                ($as).feed(to);
            }
        }
    )*};
}

holders! {
    [T: Digest + ?Sized] &T { v => **v }
    [T: Digest + ?Sized] &mut T { v => **v }
    [T: Digest + ?Sized] Box<T> { v => **v }
    [T: Digest + ?Sized] Rc<T> { v => **v }
    [T: Digest + ?Sized] Arc<T> { v => **v }
    [T: Digest + ToOwned + ?Sized] Cow<'_, T> { v => **v }
    [T: Digest + Copy] Cell<T> { v => v.get() }
    [T: Digest + ?Sized] RefCell<T> { v => *v.borrow() }
    [T: Digest] Wrapping<T> { v => v.0 }
    [T: Digest] Saturating<T> { v => v.0 }
    [T: Digest] Reverse<T> { v => v.0 }
    [T: Digest] Range<T> { v => (&v.start, &v.end) }
    [T: Digest] RangeInclusive<T> { v => (v.start(), v.end()) }
    [T: Digest] Vec<T> { v => v[..] }
}

impl<T: ?Sized> Digest for PhantomData<T> {
    fn feed(&self, _: &mut Digester) {}
}

impl<T: Digest> Digest for [T] {
    fn feed(&self, to: &mut Digester) {
        sequence(self.len(), self, to);
    }
}

impl<T: Digest, const N: usize> Digest for [T; N] {
    fn feed(&self, to: &mut Digester) {
        self.iter().for_each(|v| v.feed(to));
    }
}

impl<T: Digest> Digest for Option<T> {
    fn feed(&self, to: &mut Digester) {
        to.variant(u32::from(self.is_some()));
        if let Some(v) = self {
            v.feed(to);
        }
    }
}

impl<T: Digest, E: Digest> Digest for Result<T, E> {
    fn feed(&self, to: &mut Digester) {
        to.variant(u32::from(self.is_err()));
        match self {
            Ok(v) => v.feed(to),
            Err(e) => e.feed(to),
        }
    }
}

fn sequence<T: Digest>(len: usize, all: impl IntoIterator<Item = T>, to: &mut Digester) {
    to.len(len);
    all.into_iter().for_each(|v| v.feed(to));
}

fn without_order<T: Digest>(len: usize, all: impl IntoIterator<Item = T>, to: &mut Digester) {
    to.len(len);
    all.into_iter().fold(0u128, |sum, v| sum.wrapping_add(of(&v))).feed(to);
}

macro_rules! collections {
    ($($how:ident: [$($generics:tt)*] $type:ty;)*) => {$(
        impl<$($generics)*> Digest for $type {
            fn feed(&self, to: &mut Digester) {
                $how(self.len(), self, to);
            }
        }
    )*};
}

collections! {
    sequence: [T: Digest] VecDeque<T>;
    sequence: [T: Digest] LinkedList<T>;
    sequence: [T: Digest] BTreeSet<T>;
    sequence: [K: Digest, V: Digest] BTreeMap<K, V>;
    without_order: [T: Digest] BinaryHeap<T>;
    without_order: [T: Digest, S] HashSet<T, S>;
    without_order: [K: Digest, V: Digest, S] HashMap<K, V, S>;
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => {$(
        impl<$($name: Digest),*> Digest for ($($name,)*) {
            #[expect(non_snake_case, reason = "the values are named as their types")]
            fn feed(&self, to: &mut Digester) {
                let ($($name,)*) = self;
                $($name.feed(to);)*
            }
        }
    )*};
}

impl Digest for () {
    fn feed(&self, _: &mut Digester) {}
}

tuples! {
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
    (A B C D E F G H I)
    (A B C D E F G H I J)
    (A B C D E F G H I J K)
    (A B C D E F G H I J K L)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed<T: Digest + ?Sized>(value: &T, bytes: &[u8]) {
        let mut plain = Digester::new();
        plain.bytes(bytes);
        assert_eq!(of(value), plain.finish());
    }

    #[test]
    fn the_published_algorithm() {
        // XXH3_128bits of nothing, by the reference implementation.
        assert_eq!(of(&()), 0x99aa_06d3_0147_98d8_6001_c324_468d_497f);
    }

    #[test]
    fn the_bytes_of_the_table() {
        fed(&0x0102_0304u32, &[4, 3, 2, 1]);
        fed(&-2i16, &[0xfe, 0xff]);
        fed(&1usize, &[1, 0, 0, 0, 0, 0, 0, 0]);
        fed(&(true, 'a', NonZero::new(7u8)), &[1, b'a', 0, 0, 0, 1, 0, 0, 0, 7]);
        fed(&-0.0f32, &[0, 0, 0, 0x80]);
        fed("ab", &[2, 0, 0, 0, 0, 0, 0, 0, b'a', b'b']);
        fed(&vec![1u8], &[1, 0, 0, 0, 0, 0, 0, 0, 1]);
        fed(&[1u8, 2], &[1, 2]);
        fed(&None::<u8>, &[0; 4]);
        fed(&Err::<u8, u8>(3), &[1, 0, 0, 0, 3]);
        fed(&(), &[]);
    }

    #[test]
    fn holders_are_what_they_hold() {
        for held in [
            of(&Box::new(5u8)),
            of(&Rc::new(5u8)),
            of(&Arc::new(&mut 5u8)),
            of(&Cow::Borrowed(&5u8)),
            of(&Cell::new(5u8)),
            of(&RefCell::new(5u8)),
            of(&Wrapping(5u8)),
        ] {
            assert_eq!(held, of(&5u8));
        }
        assert_eq!(of(&String::from("x")), of(Path::new("x")));
        assert_eq!(of(&VecDeque::from([1, 2])), of(&[1, 2][..]));
    }

    #[test]
    fn neighbours_are_kept_apart() {
        assert_ne!(of(&("a", "bc")), of(&("ab", "c")));
        assert_ne!(of(&[vec![1u8], vec![]]), of(&[vec![], vec![1u8]]));
        assert_ne!(of(&(None::<u8>, Some(1u8))), of(&(Some(1u8), None::<u8>)));
        assert_ne!(of(&0.0f64), of(&-0.0f64));
    }

    #[test]
    fn order_counts_where_there_is_one() {
        let ordered: BTreeMap<u8, &str> = [(1, "a"), (2, "b")].into();
        assert_eq!(of(&ordered), of(&vec![(1u8, "a"), (2, "b")]));
        let numbers = 0..1000u32;
        let up: HashSet<u32> = numbers.clone().collect();
        let mut down: HashSet<u32> = HashSet::with_capacity(5000);
        down.extend(numbers.clone().rev());
        assert!(up.iter().ne(&down) && of(&up) == of(&down));
        down.remove(&7);
        assert_ne!(of(&up), of(&down));
        let swapped: HashMap<u8, u8> = [(1, 2), (3, 4)].into();
        assert_ne!(of(&swapped), of(&HashMap::from([(1u8, 4u8), (3, 2)])));
        let heap: BinaryHeap<u32> = numbers.clone().collect();
        assert_eq!(of(&heap), of(&BinaryHeap::from_iter(numbers.rev())));
        assert_ne!(of(&vec![1, 2]), of(&vec![2, 1]));
    }
}
