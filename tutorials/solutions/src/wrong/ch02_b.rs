//! No conflict any more, since nothing is forked.

/// Counts one line after another.
pub fn count_words(lines: &[String]) -> usize {
    lines.iter().map(|line| line.split_whitespace().count()).sum()
}
