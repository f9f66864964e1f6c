//! Chapter 7: pairs out of order, counted in children that are neither too few nor too small.
use crate::{Random, Verdict, wrong};

/// What the two cases of 1024 and more fork at least: four pieces are six children.
pub const CHILDREN: usize = 12;

/// What all cases fork at most if no child has fewer than 100 values: two for a fork, and a piece
/// more than forks.
pub const MOST: usize = 2 * (500 + 1024 + 1300) / 100;

/// What the reader writes.
pub struct Attempt {
    /// Counts the pairs out of order, and sorts.
    pub inversions: fn(&mut [u32]) -> u64,
}

/// Few and many values, with equal ones among them, and lists that are too short for any
/// child.
///
/// # Errors
///
/// What is wrong.
pub fn check(attempt: &Attempt, random: &mut Random) -> Verdict {
    let mut answers = Vec::new();
    let short = (0..8).map(|i| 60 + i);
    for n in [0, 1, 2, 3].into_iter().chain(short).chain([500, 1024, 1100 + random.within(0..200)])
    {
        let mut values: Vec<u32> = (0..n).map(|_| random.within(0..n) as u32).collect();
        let (expected, mut sorted) = (pairs(&values), values.clone());
        sorted.sort_unstable();
        let counted = (attempt.inversions)(&mut values);
        if counted != expected {
            return wrong(
                format!("{n} values with {expected} pairs out of order, counted were {counted}"),
                "who counts the pairs within a piece that is not divided any more?",
            );
        }
        if values != sorted {
            return wrong(format!("{n} values are not sorted"), "a merge needs sorted halves");
        }
        answers.push(counted);
    }
    Ok(format!("{answers:?}"))
}

/// The pairs, one by one.
fn pairs(values: &[u32]) -> u64 {
    let greater = |(i, a)| values[i + 1..].iter().filter(|b| a > *b).count() as u64;
    values.iter().enumerate().map(greater).sum()
}
