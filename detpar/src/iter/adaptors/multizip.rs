//! Tuples of iterators: `zip` of more than two.
use crate::iter::bridged::{indexed_by_other, parallel_by_other};
use crate::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

/// What a tuple of up to twelve parallel iterators becomes: yields tuples, as long as all have
/// some.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     let (a, b, mut c) = ([1, 2, 3], [10, 20, 30], [0; 3]);
///     (&a, &b, &mut c).into_par_iter().for_each(|(a, b, c)| *c = a + b);
///     assert_eq!(c, [11, 22, 33]);
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct MultiZip<T> {
    tuple: T,
}

/// Zips nested to the right.
macro_rules! nested {
    ($a:expr) => { $a };
    ($a:expr, $($b:expr),+) => { $a.zip(nested!($($b),+)) };
}

/// What they yield.
macro_rules! pattern {
    ($a:ident) => { $a };
    ($a:ident, $($b:ident),+) => { ($a, pattern!($($b),+)) };
}

macro_rules! tuples {
    ($($name:ident $field:tt $var:ident),+) => {
        impl<$($name),+> IntoParallelIterator for ($($name,)+)
        where
            $($name: IntoParallelIterator, $name::Iter: IndexedParallelIterator,)+
        {
            type Iter = MultiZip<($($name::Iter,)+)>;
            type Item = ($($name::Item,)+);

            fn into_par_iter(self) -> Self::Iter {
                MultiZip { tuple: ($(self.$field.into_par_iter(),)+) }
            }
        }

        impl<'a, $($name),+> IntoParallelIterator for &'a ($($name,)+)
        where
            $(&'a $name: IntoParallelIterator<Iter: IndexedParallelIterator>,)+
        {
            type Iter = MultiZip<($(<&'a $name as IntoParallelIterator>::Iter,)+)>;
            type Item = ($(<&'a $name as IntoParallelIterator>::Item,)+);

            fn into_par_iter(self) -> Self::Iter {
                MultiZip { tuple: ($(self.$field.into_par_iter(),)+) }
            }
        }

        impl<'a, $($name),+> IntoParallelIterator for &'a mut ($($name,)+)
        where
            $(&'a mut $name: IntoParallelIterator<Iter: IndexedParallelIterator>,)+
        {
            type Iter = MultiZip<($(<&'a mut $name as IntoParallelIterator>::Iter,)+)>;
            type Item = ($(<&'a mut $name as IntoParallelIterator>::Item,)+);

            fn into_par_iter(self) -> Self::Iter {
                MultiZip { tuple: ($(self.$field.into_par_iter(),)+) }
            }
        }

        impl<$($name: IndexedParallelIterator),+> ParallelIterator for MultiZip<($($name,)+)> {
            type Item = ($($name::Item,)+);

            parallel_by_other!(|this| nested!($(this.tuple.$field),+).map(|pattern!($($var),+)| ($($var,)+)));

            fn opt_len(&self) -> Option<usize> {
                Some(self.len())
            }
        }

        impl<$($name: IndexedParallelIterator),+> IndexedParallelIterator
            for MultiZip<($($name,)+)>
        {
            indexed_by_other!(|this| nested!($(this.tuple.$field),+).map(|pattern!($($var),+)| ($($var,)+)));

            fn len(&self) -> usize {
                [$(self.tuple.$field.len()),+].into_iter().min().unwrap_or(0)
            }
        }
    };
}

tuples!(T0 0 v0);
tuples!(T0 0 v0, T1 1 v1);
tuples!(T0 0 v0, T1 1 v1, T2 2 v2);
tuples!(T0 0 v0, T1 1 v1, T2 2 v2, T3 3 v3);
tuples!(T0 0 v0, T1 1 v1, T2 2 v2, T3 3 v3, T4 4 v4);
tuples!(T0 0 v0, T1 1 v1, T2 2 v2, T3 3 v3, T4 4 v4, T5 5 v5);
tuples!(T0 0 v0, T1 1 v1, T2 2 v2, T3 3 v3, T4 4 v4, T5 5 v5, T6 6 v6);
tuples!(T0 0 v0, T1 1 v1, T2 2 v2, T3 3 v3, T4 4 v4, T5 5 v5, T6 6 v6, T7 7 v7);
tuples!(T0 0 v0, T1 1 v1, T2 2 v2, T3 3 v3, T4 4 v4, T5 5 v5, T6 6 v6, T7 7 v7, T8 8 v8);
tuples!(T0 0 v0, T1 1 v1, T2 2 v2, T3 3 v3, T4 4 v4, T5 5 v5, T6 6 v6, T7 7 v7, T8 8 v8, T9 9 v9);
tuples!(T0 0 v0, T1 1 v1, T2 2 v2, T3 3 v3, T4 4 v4, T5 5 v5, T6 6 v6, T7 7 v7, T8 8 v8, T9 9 v9, T10 10 v10);
tuples!(T0 0 v0, T1 1 v1, T2 2 v2, T3 3 v3, T4 4 v4, T5 5 v5, T6 6 v6, T7 7 v7, T8 8 v8, T9 9 v9, T10 10 v10, T11 11 v11);
