//! Halves of equal length: the last line of an odd number is forgotten.

/// Counts the words of two halves.
pub fn count_words(lines: &[String]) -> usize {
    if lines.len() <= 8 {
        return lines.iter().map(|line| line.split_whitespace().count()).sum();
    }
    let half = lines.len() / 2;
    let (left, right) = (&lines[..half], &lines[half..2 * half]);
    let (left, right) = detpar::join(|| count_words(left), || count_words(right));
    left + right
}
