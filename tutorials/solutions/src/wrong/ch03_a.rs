//! A child gives to one neighbour only: no conflict, and half of the rumours.

/// Gives to the right.
pub fn spread(numbers: &mut [u64]) {
    let n = numbers.len();
    detpar::workspace(numbers, n, |i, numbers| {
        if i + 1 < n {
            numbers[i + 1] += numbers[i];
        }
    });
}
