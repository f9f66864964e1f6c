//! Chapter 7: children that have enough to do.

/// Up to so many values are not divided among children, so that no child has fewer than 100.
const GRAIN: usize = 256;

/// Small pieces are sorted by the same function, one half after the other.
pub fn inversions(values: &mut [u32]) -> u64 {
    if values.len() < 2 {
        return 0;
    }
    let forks = values.len() > GRAIN;
    let (left, right) = values.split_at_mut(values.len() / 2);
    let (a, b) = if forks {
        detpar::join(|| inversions(left), || inversions(right))
    } else {
        (inversions(left), inversions(right))
    };
    a + b + merge(values)
}

/// Merges the two sorted halves and counts the pairs that were out of order.
pub(crate) fn merge(values: &mut [u32]) -> u64 {
    let (left, right) = values.split_at(values.len() / 2);
    let mut merged = Vec::with_capacity(values.len());
    let (mut i, mut j, mut count) = (0, 0, 0);
    while i < left.len() && j < right.len() {
        if right[j] < left[i] {
            // Before all that is left of the left half.
            count += (left.len() - i) as u64;
            merged.push(right[j]);
            j += 1;
        } else {
            merged.push(left[i]);
            i += 1;
        }
    }
    merged.extend_from_slice(&left[i..]);
    merged.extend_from_slice(&right[j..]);
    values.copy_from_slice(&merged);
    count
}
