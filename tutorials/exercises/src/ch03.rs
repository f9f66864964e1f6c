//! Chapter 3: everybody reads, then everybody writes.

/// One round of a rumour: each number becomes the sum of itself and its two neighbours, all as
/// they were before the round. Who has no neighbour on a side adds nothing for it.
///
/// Broken: each child gives its number to its neighbours, so two children write one place.
/// Repair it with one child for each number.
pub fn spread(numbers: &mut [u64]) {
    let n = numbers.len();
    detpar::workspace(numbers, n, |i, numbers| {
        let own = numbers[i];
        if i > 0 {
            numbers[i - 1] += own;
        }
        if i + 1 < n {
            numbers[i + 1] += own;
        }
    });
}
