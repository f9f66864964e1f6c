//! Chapter 10: a function that came from a program with threads, lock and all.
use detpar::prelude::*;
use std::collections::HashMap;
use std::sync::Mutex;

/// Votes are names; what is empty is no vote. How many were no votes, and who has most votes: of
/// several with as many, whose name comes first in the alphabet.
///
/// Broken: the children share a lock. And who wins a tie?
pub fn winner(votes: &[String]) -> (usize, Option<(String, usize)>) {
    let counts = Mutex::new((0, HashMap::new()));
    votes.par_iter().for_each(|vote| {
        let mut counts = counts.lock().unwrap();
        if vote.is_empty() {
            counts.0 += 1;
        } else {
            *counts.1.entry(vote.clone()).or_insert(0) += 1;
        }
    });
    let (none, counts) = counts.into_inner().unwrap();
    (none, counts.into_iter().max_by_key(|(_, votes)| *votes))
}
