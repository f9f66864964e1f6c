//! What is said once of the collections that are iterated by way of a vector: it is cut by its
//! length alone.

/// Declares an iterator over what a collection (or a reference to one) gives when it is iterated
/// one by one. `$bridge` says whether it is indexed; the second list of generics is that of the
/// collection.
macro_rules! by_vector {
    (
        $(#[$meta:meta])*
        $name:ident<$($param:tt),*> over $item:ty, $bridge:ident [$($generics:tt)*]
        of [$($all:tt)*] $collection:ty
    ) => {
        $(#[$meta])*
        #[must_use = "a parallel iterator does nothing until it is consumed"]
        pub struct $name<$($param),*> {
            inner: crate::vec::IntoIter<$item>,
        }

        crate::iter::bridged::$bridge!([$($generics)*] $name<$($param),*>, $item);

        impl<$($all)*> crate::iter::IntoParallelIterator for $collection {
            type Iter = $name<$($param),*>;
            type Item = $item;

            fn into_par_iter(self) -> Self::Iter {
                let items: Vec<$item> = self.into_iter().collect();
                $name { inner: crate::iter::IntoParallelIterator::into_par_iter(items) }
            }
        }
    };
}

/// `Clone` for an iterator over references, whatever they refer to.
macro_rules! clone_of_references {
    ($name:ident<$($param:tt),*>) => {
        impl<$($param),*> Clone for $name<$($param),*> {
            fn clone(&self) -> Self {
                $name { inner: self.inner.clone() }
            }
        }
    };
}

/// Declares the iterator `Drain` over what is taken out of a collection, and `par_drain`.
macro_rules! drained_by_vector {
    (
        $(#[$meta:meta])*
        Drain<$($param:tt),*> over $item:ty, $bridge:ident [$($generics:tt)*]
        of [$($all:tt)*] $collection:ty
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        #[must_use = "a parallel iterator does nothing until it is consumed"]
        pub struct Drain<'a, $($param),*> {
            inner: crate::vec::IntoIter<$item>,
            /// The collection stays borrowed, as in rayon.
            collection: std::marker::PhantomData<&'a mut ()>,
        }

        crate::iter::bridged::$bridge!(['a, $($generics)*] Drain<'a, $($param),*>, $item);

        /// The items are taken out at once; those nobody asked for are dropped.
        impl<'a, $($all)*> crate::iter::ParallelDrainFull for &'a mut $collection {
            type Iter = Drain<'a, $($param),*>;
            type Item = $item;

            fn par_drain(self) -> Self::Iter {
                let items: Vec<$item> = self.drain().collect();
                let inner = crate::iter::IntoParallelIterator::into_par_iter(items);
                Drain { inner, collection: std::marker::PhantomData }
            }
        }
    };
}

pub(super) use {by_vector, clone_of_references, drained_by_vector};
