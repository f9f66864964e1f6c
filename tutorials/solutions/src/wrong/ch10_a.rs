//! The lock is gone, and so are the children.
use std::cmp::Reverse;
use std::collections::HashMap;

/// Counts alone.
pub fn winner(votes: &[String]) -> (usize, Option<(String, usize)>) {
    let (mut none, mut counts) = (0, HashMap::new());
    for vote in votes {
        match vote.as_str() {
            "" => none += 1,
            name => *counts.entry(name).or_insert(0) += 1,
        }
    }
    let best = counts.into_iter().max_by_key(|&(name, votes)| (votes, Reverse(name)));
    (none, best.map(|(name, votes)| (name.to_string(), votes)))
}
