//! Chapter 2: a tree of joins.

/// Counts the words of a text: each child returns its count, and the parent adds.
pub fn count_words(lines: &[String]) -> usize {
    if lines.len() <= 8 {
        return lines.iter().map(|line| line.split_whitespace().count()).sum();
    }
    let (left, right) = lines.split_at(lines.len() / 2);
    let (left, right) = detpar::join(|| count_words(left), || count_words(right));
    left + right
}
