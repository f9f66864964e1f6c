//! The counts are right; of several with as many votes the map's order decides.
use detpar::prelude::*;
use std::collections::HashMap;

/// Takes whoever comes last out of the map.
pub fn winner(votes: &[String]) -> (usize, Option<(String, usize)>) {
    let counts = votes
        .par_iter()
        .fold(HashMap::new, |mut counts: HashMap<&str, usize>, vote| {
            *counts.entry(vote).or_insert(0) += 1;
            counts
        })
        .reduce(HashMap::new, |mut a, b| {
            b.into_iter().for_each(|(name, votes)| *a.entry(name).or_insert(0) += votes);
            a
        });
    let none = counts.get("").copied().unwrap_or(0);
    let named = counts.into_iter().filter(|(name, _)| !name.is_empty());
    let best = named.max_by_key(|&(_, votes)| votes);
    (none, best.map(|(name, votes)| (name.to_string(), votes)))
}
