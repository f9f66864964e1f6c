//! Chapter 2: words counted by a tree of joins.
use crate::{Random, Verdict, wrong};

/// All texts together need far more.
pub const CHILDREN: usize = 20;

/// What the reader writes.
pub struct Attempt {
    /// Counts the words of a text.
    pub count_words: fn(&[String]) -> usize,
}

/// Counts the words of texts of several lengths, odd and even ones.
///
/// # Errors
///
/// What is wrong.
pub fn check(attempt: &Attempt, random: &mut Random) -> Verdict {
    let mut answers = Vec::new();
    for lines in [0, 1, 8, 9, 64, 77, 100 + random.within(0..100) * 2 + 1] {
        let mut expected = 0;
        let text: Vec<String> = (0..lines)
            .map(|_| {
                // At least one, so that a lost line shows.
                let words = random.within(1..6) as usize;
                expected += words;
                "word ".repeat(words)
            })
            .collect();
        let counted = (attempt.count_words)(&text);
        if counted != expected {
            return wrong(
                format!("a text of {lines} lines has {expected} words, counted were {counted}"),
                "is every line in just one of the two halves?",
            );
        }
        answers.push(counted);
    }
    Ok(format!("{answers:?}"))
}
