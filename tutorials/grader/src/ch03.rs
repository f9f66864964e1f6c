//! Chapter 3: a round in which everybody reads before anybody writes.
use crate::{Random, Verdict, wrong};

/// One for each number would be more than three hundred.
pub const CHILDREN: usize = 100;

/// What the reader writes.
pub struct Attempt {
    /// One round of the rumour.
    pub spread: fn(&mut [u64]),
}

/// Plays some rounds with rows of several lengths.
///
/// # Errors
///
/// What is wrong.
pub fn check(attempt: &Attempt, random: &mut Random) -> Verdict {
    let mut answers = Vec::new();
    for n in [0, 1, 2, 3, 20 + random.within(0..20) as usize, 60] {
        let mut numbers: Vec<u64> = (0..n).map(|_| random.within(1..1000)).collect();
        for round in 1..=3 {
            let before = numbers.clone();
            (attempt.spread)(&mut numbers);
            let expected: Vec<u64> =
                (0..n).map(|i| before[i.saturating_sub(1)..(i + 2).min(n)].iter().sum()).collect();
            if let Some(i) = (0..n).find(|&i| numbers.get(i) != Some(&expected[i])) {
                let show = &before[i.saturating_sub(1)..(i + 2).min(n)];
                return wrong(
                    format!(
                        "{n} numbers, round {round}, number {i}: {:?} instead of {}; it and its \
                         neighbours were {show:?}",
                        numbers.get(i),
                        expected[i]
                    ),
                    "each number is written by one child, which reads its neighbours as they were",
                );
            }
        }
        answers.push(numbers);
    }
    Ok(format!("{answers:?}"))
}
