//! No child at all: right, and nothing is parallel.
use crate::ch07::merge;

/// Sorts one half after the other.
pub fn inversions(values: &mut [u32]) -> u64 {
    if values.len() < 2 {
        return 0;
    }
    let (left, right) = values.split_at_mut(values.len() / 2);
    let halves = inversions(left) + inversions(right);
    halves + merge(values)
}
