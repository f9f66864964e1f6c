//! Strings that a range is taken out of.
use crate::iter::bridged::unindexed_by_method;
use crate::iter::{ParallelDrainRange, ParallelIterator};
use crate::str::ParallelString;
use crate::vec;
use std::ops::{Range, RangeBounds};

/// Parallel iterator over the characters of a range that leaves the string.
#[derive(Debug)]
#[must_use = "a parallel iterator does nothing until it is consumed"]
pub struct Drain<'a> {
    string: &'a mut String,
    /// In bounds, between characters.
    range: Range<usize>,
}

impl<'a> ParallelDrainRange<usize> for &'a mut String {
    type Iter = Drain<'a>;
    type Item = char;

    /// # Panics
    /// Also where the range begins or ends within a character.
    #[track_caller]
    fn par_drain<R: RangeBounds<usize>>(self, range: R) -> Drain<'a> {
        let range = vec::bounds(range, self.len());
        for at in [range.start, range.end] {
            assert!(self.is_char_boundary(at), "byte {at} is within a character");
        }
        Drain { string: self, range }
    }
}

impl Drain<'_> {
    fn inner(&mut self) -> impl ParallelIterator<Item = char> {
        self.string[self.range.clone()].par_chars()
    }
}

unindexed_by_method!(['a] Drain<'a>, char);

impl Drop for Drain<'_> {
    fn drop(&mut self) {
        self.string.drain(self.range.clone());
    }
}
