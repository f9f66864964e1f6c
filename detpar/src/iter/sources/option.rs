//! Options: one item or none.
use crate::iter::bridged::{drive_by_bridge, parallel_by_bridge};
use crate::iter::plumbing::{Producer, ProducerCallback};
use crate::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use std::option;

/// Parallel iterator over the value of an option.
#[derive(Clone, Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct OptionIntoIter<T> {
    option: Option<T>,
}

impl<T: Send> IntoParallelIterator for Option<T> {
    type Iter = OptionIntoIter<T>;
    type Item = T;

    fn into_par_iter(self) -> OptionIntoIter<T> {
        OptionIntoIter { option: self }
    }
}

impl<'data, T: Sync> IntoParallelIterator for &'data Option<T> {
    type Iter = OptionIntoIter<&'data T>;
    type Item = &'data T;

    fn into_par_iter(self) -> Self::Iter {
        OptionIntoIter { option: self.as_ref() }
    }
}

impl<'data, T: Send> IntoParallelIterator for &'data mut Option<T> {
    type Iter = OptionIntoIter<&'data mut T>;
    type Item = &'data mut T;

    fn into_par_iter(self) -> Self::Iter {
        OptionIntoIter { option: self.as_mut() }
    }
}

impl<T: Send> ParallelIterator for OptionIntoIter<T> {
    type Item = T;

    parallel_by_bridge!();
}

impl<T: Send> IndexedParallelIterator for OptionIntoIter<T> {
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
