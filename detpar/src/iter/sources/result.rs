//! Results: the value of `Ok`, or nothing.
use crate::iter::IntoParallelIterator;
use crate::iter::bridged::indexed_by_inner;
use crate::option;

/// Parallel iterator over the value of an `Ok`.
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct IntoIter<T> {
    inner: option::IntoIter<T>,
}

indexed_by_inner!([T: Send] IntoIter<T>, T);

impl<T: Send, E> IntoParallelIterator for Result<T, E> {
    type Iter = IntoIter<T>;
    type Item = T;

    fn into_par_iter(self) -> IntoIter<T> {
        IntoIter { inner: self.ok().into_par_iter() }
    }
}

/// Parallel iterator over a reference to the value of an `Ok`.
#[derive(Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Iter<'a, T> {
    inner: option::IntoIter<&'a T>,
}

indexed_by_inner!(['a, T: Sync] Iter<'a, T>, &'a T);

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Iter { inner: self.inner.clone() }
    }
}

impl<'a, T: Sync, E> IntoParallelIterator for &'a Result<T, E> {
    type Iter = Iter<'a, T>;
    type Item = &'a T;

    fn into_par_iter(self) -> Self::Iter {
        Iter { inner: self.as_ref().ok().into_par_iter() }
    }
}

/// Parallel iterator over a mutable reference to the value of an `Ok`.
#[derive(Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct IterMut<'a, T> {
    inner: option::IntoIter<&'a mut T>,
}

indexed_by_inner!(['a, T: Send] IterMut<'a, T>, &'a mut T);

impl<'a, T: Send, E> IntoParallelIterator for &'a mut Result<T, E> {
    type Iter = IterMut<'a, T>;
    type Item = &'a mut T;

    fn into_par_iter(self) -> Self::Iter {
        IterMut { inner: self.as_mut().ok().into_par_iter() }
    }
}
