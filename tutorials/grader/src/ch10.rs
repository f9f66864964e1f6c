//! Chapter 10: counts without a lock, and a winner that is the same for everybody.
use crate::{Random, Verdict, wrong};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The elections together fork far more.
pub const CHILDREN: usize = 10;

/// How many were no votes, and who has most.
pub type Winner = fn(&[String]) -> (usize, Option<(String, usize)>);

/// What the reader writes.
pub struct Attempt {
    /// Who has most votes.
    pub winner: Winner,
}

/// Elections with a clear winner, with a tie of many, and without votes.
///
/// # Errors
///
/// What is wrong.
pub fn check(attempt: &Attempt, random: &mut Random) -> Verdict {
    let mut answers = Vec::new();
    // In a tie all names come equally often, and so does none.
    let ties = [(598, 12, true), (510, 16, true), (420, 20, true)];
    for (voters, names, tie) in
        [(0, 1, false), (1, 1, false), (900, 7, false)].into_iter().chain(ties)
    {
        let first = random.within(0..80);
        let votes: Vec<String> = (0..voters)
            .map(|i| {
                let name = if tie { i % (names + 1) } else { random.within(0..names + 1) };
                if name == names { String::new() } else { format!("n{}", first + name) }
            })
            .collect();
        let mut counts = BTreeMap::new();
        votes.iter().for_each(|vote| *counts.entry(vote.as_str()).or_insert(0usize) += 1);
        let none = counts.remove("").unwrap_or(0);
        let best = counts.into_iter().max_by_key(|&(name, votes)| (votes, Reverse(name)));
        let expected = (none, best.map(|(name, votes)| (name.to_string(), votes)));
        let found = (attempt.winner)(&votes);
        if found != expected {
            return wrong(
                format!("{voters} voters, {names} names: {found:?}, not {expected:?}"),
                "are all counts added when two pieces meet? and who wins where two have as many?",
            );
        }
        answers.push(found);
    }
    Ok(format!("{answers:?}"))
}
