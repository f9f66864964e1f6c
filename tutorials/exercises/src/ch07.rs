//! Chapter 7: children that are too small.

/// How many pairs of the values are out of order: `values[i] > values[j]` where `i < j`. Sorts
/// them on the way: a pair is out of order where a merge takes a value of the right half before
/// one of the left half.
///
/// Broken: the answer is right, but there is a child for nearly every value. Repair it, so that no
/// child has fewer than 100 values, and 1024 or more are shared among at least four children.
pub fn inversions(values: &mut [u32]) -> u64 {
    if values.len() < 2 {
        return 0;
    }
    let (left, right) = values.split_at_mut(values.len() / 2);
    let (a, b) = detpar::join(|| inversions(left), || inversions(right));
    a + b + merge(values)
}

/// Merges the two sorted halves and counts the pairs that were out of order.
fn merge(values: &mut [u32]) -> u64 {
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
