//! One after another, in place: a number that was changed is read by the next.

/// Takes from both neighbours, from left to right.
pub fn spread(numbers: &mut [u64]) {
    let n = numbers.len();
    for i in 0..n {
        let left = if i > 0 { numbers[i - 1] } else { 0 };
        let right = if i + 1 < n { numbers[i + 1] } else { 0 };
        numbers[i] = numbers[i].wrapping_add(left).wrapping_add(right);
    }
}
