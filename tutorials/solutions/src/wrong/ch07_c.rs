//! A grain below which the values are sorted, and their pairs not counted.
use crate::ch07::merge;

/// Sorts small pieces by the library's sort.
pub fn inversions(values: &mut [u32]) -> u64 {
    if values.len() <= 256 {
        values.sort();
        return 0;
    }
    let (left, right) = values.split_at_mut(values.len() / 2);
    let (a, b) = detpar::join(|| inversions(left), || inversions(right));
    a + b + merge(values)
}
