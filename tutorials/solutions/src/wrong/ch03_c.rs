//! Two workspaces: the second sees what the first one changed.

/// Takes from the left, then from the right.
pub fn spread(numbers: &mut [u64]) {
    let n = numbers.len();
    detpar::workspace(numbers, n, |i, numbers| {
        numbers[i] += if i > 0 { numbers[i - 1] } else { 0 };
    });
    detpar::workspace(numbers, n, |i, numbers| {
        numbers[i] += if i + 1 < n { numbers[i + 1] } else { 0 };
    });
}
