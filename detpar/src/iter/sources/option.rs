//! Options: one item or none.
use crate::iter::bridged::{drive_by_bridge, indexed_by_inner, parallel_by_bridge};
use crate::iter::plumbing::{Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use std::option;

/// Parallel iterator over the value of an option.
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct IntoIter<T> {
    option: Option<T>,
}

impl<T: Send> IntoParallelIterator for Option<T> {
    type Iter = IntoIter<T>;
    type Item = T;

    fn into_par_iter(self) -> IntoIter<T> {
        IntoIter { option: self }
    }
}

/// Parallel iterator over a reference to the value of an option.
#[derive(Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Iter<'a, T> {
    inner: IntoIter<&'a T>,
}

indexed_by_inner!(['a, T: Sync] Iter<'a, T>, &'a T);

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Iter { inner: self.inner.clone() }
    }
}

impl<'a, T: Sync> IntoParallelIterator for &'a Option<T> {
    type Iter = Iter<'a, T>;
    type Item = &'a T;

    fn into_par_iter(self) -> Self::Iter {
        Iter { inner: self.as_ref().into_par_iter() }
    }
}

/// Parallel iterator over a mutable reference to the value of an option.
#[derive(Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct IterMut<'a, T> {
    inner: IntoIter<&'a mut T>,
}

indexed_by_inner!(['a, T: Send] IterMut<'a, T>, &'a mut T);

impl<'a, T: Send> IntoParallelIterator for &'a mut Option<T> {
    type Iter = IterMut<'a, T>;
    type Item = &'a mut T;

    fn into_par_iter(self) -> Self::Iter {
        IterMut { inner: self.as_mut().into_par_iter() }
    }
}

impl<T: Send> ParallelIterator for IntoIter<T> {
    type Item = T;

    parallel_by_bridge!();
}

impl<T: Send> IndexedParallelIterator for IntoIter<T> {
    drive_by_bridge!();

    fn len(&self) -> usize {
        usize::from(self.option.is_some())
    }

    fn with_producer<CB>(self, callback: CB) -> CB::Output
    where
        CB: ProducerCallback<T>,
    {
        callback.callback(OptionProducer(self.option))
    }
}

struct OptionProducer<T>(Option<T>);

impl<T: Send> Producer for OptionProducer<T> {
    type Item = T;
    type IntoIter = option::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let none = OptionProducer(None);
        if index == 0 { (none, self) } else { (self, none) }
    }
}
