//! What types of std consist of.
use super::{Merge, Owned, Units};
use std::cmp::Ordering;
use std::marker::PhantomData;
use std::num::{NonZero, Saturating, Wrapping};
use std::time::Duration;

macro_rules! scalars {
    ($($type:ty)*) => { $(
        // SAFETY: a value that owns nothing, as one unit.
        unsafe impl Merge for $type {
            const OWNS: bool = false;

            fn units(at: usize, to: &mut Units) {
                to.unit(at, size_of::<Self>());
            }

            fn owned(&self, _: &mut Owned<'_>) {}
        }
    )* };
}

scalars! {
    u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 bool char
    NonZero<u8> NonZero<u16> NonZero<u32> NonZero<u64> NonZero<u128> NonZero<usize>
    NonZero<i8> NonZero<i16> NonZero<i32> NonZero<i64> NonZero<i128> NonZero<isize>
    Ordering Duration
}

// SAFETY: no bytes.
unsafe impl<T: ?Sized + Send> Merge for PhantomData<T> {
    const OWNS: bool = false;

    fn units(_: usize, _: &mut Units) {}

    fn owned(&self, _: &mut Owned<'_>) {}
}

macro_rules! wrappers {
    ($($type:ident)*) => { $(
        // SAFETY: what it wraps, whose layout it has (`repr(transparent)`).
        unsafe impl<T: Merge> Merge for $type<T> {
            const OWNS: bool = T::OWNS;

            fn units(at: usize, to: &mut Units) {
                T::units(at, to);
            }

            fn owned(&self, to: &mut Owned<'_>) {
                self.0.owned(to);
            }
        }
    )* };
}

wrappers! { Wrapping Saturating }

// SAFETY: its elements, side by side.
unsafe impl<T: Merge, const N: usize> Merge for [T; N] {
    const OWNS: bool = T::OWNS;

    fn units(at: usize, to: &mut Units) {
        to.array::<T>(at, N);
    }

    fn owned(&self, to: &mut Owned<'_>) {
        if T::OWNS {
            self.iter().for_each(|element| element.owned(to));
        }
    }
}

macro_rules! tuples {
    ($(($($type:ident $place:tt),*))*) => { $(
        // SAFETY: its parts, where they lie.
        unsafe impl<$($type: Merge),*> Merge for ($($type,)*) {
            const OWNS: bool = false $(|| $type::OWNS)*;

            fn units(_at: usize, _to: &mut Units) {
                $($type::units(_at + std::mem::offset_of!(Self, $place), _to);)*
            }

            fn owned(&self, _to: &mut Owned<'_>) {
                $(self.$place.owned(_to);)*
            }
        }
    )* };
}

tuples! {
    ()
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

// SAFETY: one unit, so that the variant and what it holds stay together; what that owns is its.
unsafe impl<T: Merge> Merge for Option<T> {
    const OWNS: bool = T::OWNS;

    fn units(at: usize, to: &mut Units) {
        to.unit(at, size_of::<Self>());
    }

    fn owned(&self, to: &mut Owned<'_>) {
        to.whole(self, |to| self.iter().for_each(|value| value.owned(to)));
    }
}

// SAFETY: as for `Option`.
unsafe impl<T: Merge, E: Merge> Merge for Result<T, E> {
    const OWNS: bool = T::OWNS || E::OWNS;

    fn units(at: usize, to: &mut Units) {
        to.unit(at, size_of::<Self>());
    }

    fn owned(&self, to: &mut Owned<'_>) {
        to.whole(self, |to| match self {
            Ok(value) => value.owned(to),
            Err(error) => error.owned(to),
        });
    }
}

macro_rules! headers {
    ($(($($generics:tt)*) $type:ty: $this:ident, $to:ident => $owned:expr;)*) => { $(
        // SAFETY: a header as one unit, which owns one block: all of it is named, and its
        // elements as far as they are there. It shares nothing.
        unsafe impl<$($generics)*> Merge for $type {
            const OWNS: bool = true;

            fn units(at: usize, to: &mut Units) {
                to.unit(at, size_of::<Self>());
            }

            fn owned(&self, $to: &mut Owned<'_>) {
                let $this = self;
                $owned
            }
        }
    )* };
}

headers! {
    (T: Merge) Vec<T>: v, to => to.elements(v, v.as_ptr(), v.capacity(), v);
    (T: Merge) Box<[T]>: b, to => to.elements(b, b.as_ptr(), b.len(), b);
    (T: Merge) Box<T>: b, to => to.elements(b, &raw const **b, 1, std::slice::from_ref(&**b));
    () String: s, to => to.one(s, s.as_ptr(), s.capacity());
    () Box<str>: s, to => to.one(s, s.as_ptr(), s.len());
}
