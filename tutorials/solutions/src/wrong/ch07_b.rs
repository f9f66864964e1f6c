//! A limit of the depth, and none of the length: few values make as many children as many do.
use crate::ch07::merge;

/// Forks eight levels deep.
pub fn inversions(values: &mut [u32]) -> u64 {
    to_depth(values, 8)
}

fn to_depth(values: &mut [u32], depth: u32) -> u64 {
    if values.len() < 2 {
        return 0;
    }
    let (left, right) = values.split_at_mut(values.len() / 2);
    let (a, b) = if depth > 0 {
        detpar::join(|| to_depth(left, depth - 1), || to_depth(right, depth - 1))
    } else {
        (to_depth(left, 0), to_depth(right, 0))
    };
    a + b + merge(values)
}
