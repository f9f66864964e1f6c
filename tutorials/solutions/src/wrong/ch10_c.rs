//! A piece that knows a name already loses what the other piece counted for it.
use detpar::prelude::*;
use std::cmp::Reverse;
use std::collections::HashMap;

/// `extend` replaces.
pub fn winner(votes: &[String]) -> (usize, Option<(String, usize)>) {
    let none = votes.par_iter().filter(|vote| vote.is_empty()).count();
    let counts = votes
        .par_iter()
        .filter(|vote| !vote.is_empty())
        .fold(HashMap::new, |mut counts: HashMap<&str, usize>, vote| {
            *counts.entry(vote).or_insert(0) += 1;
            counts
        })
        .reduce(HashMap::new, |mut a, b| {
            a.extend(b);
            a
        });
    let best = counts.into_iter().max_by_key(|&(name, votes)| (votes, Reverse(name)));
    (none, best.map(|(name, votes)| (name.to_string(), votes)))
}
