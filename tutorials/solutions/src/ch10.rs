//! Chapter 10: each piece counts for itself, and the counts are added.
use detpar::prelude::*;
use std::cmp::Reverse;
use std::collections::HashMap;

type Counts<'a> = (usize, HashMap<&'a str, usize>);

fn add<'a>(mut counts: Counts<'a>, name: &'a str, votes: usize) -> Counts<'a> {
    *counts.1.entry(name).or_insert(0) += votes;
    counts
}

/// Counts are combined; the greatest number wins, then the lesser name.
pub fn winner(votes: &[String]) -> (usize, Option<(String, usize)>) {
    let (none, counts) = votes
        .par_iter()
        .fold(Counts::default, |(none, counts), vote| match vote.as_str() {
            "" => (none + 1, counts),
            name => add((none, counts), name, 1),
        })
        .reduce(Counts::default, |a, (none, counts)| {
            let all = (a.0 + none, a.1);
            counts.into_iter().fold(all, |all, (name, votes)| add(all, name, votes))
        });
    let best = counts.into_iter().max_by_key(|&(name, votes)| (votes, Reverse(name)));
    (none, best.map(|(name, votes)| (name.to_string(), votes)))
}
