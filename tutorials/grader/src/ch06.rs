//! Chapter 6: dice that depend on seed and player, and on nothing else.
use crate::{Random, Verdict, wrong};

/// A child for each player, in each of three calls.
pub const CHILDREN: usize = 3 * PLAYERS;

const PLAYERS: usize = 5;

/// In each list: so many that no number is missing by chance.
const THROWS: usize = 200;

/// So many in a row are alike by no chance.
const ALIKE: usize = 20;

/// What the reader writes.
pub struct Attempt {
    /// Dice from a seed, for some players, of a length.
    pub dice: fn(u64, usize, usize) -> Vec<Vec<u8>>,
}

/// The dice of two seeds that are neighbours, and those of the first one again.
///
/// # Errors
///
/// What is wrong.
pub fn check(attempt: &Attempt, random: &mut Random) -> Verdict {
    let seed = random.within(0..1000);
    let dice = |seed| (attempt.dice)(seed, PLAYERS, THROWS);
    let (first, next, again) = (dice(seed), dice(seed + 1), dice(seed));
    let fair = |list: &Vec<u8>| {
        list.len() == THROWS && (1..=6).all(|n| list.contains(&n)) && list.iter().all(|n| *n <= 6)
    };
    if first.len() != PLAYERS || !first.iter().chain(&next).all(fair) {
        return wrong(
            format!("not {PLAYERS} lists of {THROWS} dice with all of 1 to 6: {first:?}"),
            "a die is a number from 1 to 6",
        );
    }
    let lists: Vec<_> = first.iter().chain(&next).enumerate().collect();
    for (i, a) in &lists {
        for (j, b) in &lists[i + 1..] {
            if alike(a, b) {
                let name =
                    |i| format!("player {} of seed {}", i % PLAYERS, seed + (i / PLAYERS) as u64);
                return wrong(
                    format!(
                        "{} and {} throw the same dice:\n  {:?}...\n  {:?}...",
                        name(*i),
                        name(*j),
                        &a[..ALIKE],
                        &b[..ALIKE]
                    ),
                    "what differs between two children, and is it mixed well?",
                );
            }
        }
    }
    if first != again {
        return wrong(
            format!("seed {seed} gave other dice when it was asked again"),
            "a result may depend on the seed and the player alone",
        );
    }
    Ok(format!("{first:?}"))
}

/// Whether a long piece of one is in the other.
fn alike(a: &[u8], b: &[u8]) -> bool {
    a.windows(ALIKE).any(|piece| b.windows(ALIKE).any(|other| piece == other))
}
