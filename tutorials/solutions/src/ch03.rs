//! Chapter 3: everybody reads, then everybody writes.

/// Each child takes from its neighbours, and writes its own number alone.
pub fn spread(numbers: &mut [u64]) {
    let n = numbers.len();
    detpar::workspace(numbers, n, |i, numbers| {
        let left = if i > 0 { numbers[i - 1] } else { 0 };
        let right = if i + 1 < n { numbers[i + 1] } else { 0 };
        numbers[i] += left + right;
    });
}
