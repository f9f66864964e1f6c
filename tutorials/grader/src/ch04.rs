//! Chapter 4: transfers that touch the same accounts.
use crate::{Random, Verdict, wrong};

/// A few for each bank.
pub const CHILDREN: usize = 8;

/// Applies transfers `(from, to, amount)` to balances.
pub type Settle = fn(&mut [i64], &[(usize, usize, i64)]);

/// What the reader writes.
pub struct Attempt {
    /// Applies transfers to balances.
    pub settle: Settle,
}

/// Settles banks with many transfers and few accounts, and one without transfers.
///
/// # Errors
///
/// What is wrong.
pub fn check(attempt: &Attempt, random: &mut Random) -> Verdict {
    let mut answers = Vec::new();
    for (accounts, transfers) in [(8, 0), (2, 9), (10, 200), (50, 100 + random.within(0..100))] {
        let mut account = || random.within(0..accounts) as usize;
        let pairs: Vec<_> = (0..transfers).map(|_| (account(), account())).collect();
        let transfers: Vec<_> =
            pairs.into_iter().map(|(a, b)| (a, b, random.within(1..100) as i64)).collect();
        let mut expected = vec![1000; accounts as usize];
        for &(from, to, amount) in &transfers {
            expected[from] -= amount;
            expected[to] += amount;
        }
        let mut balances = vec![1000; accounts as usize];
        (attempt.settle)(&mut balances, &transfers);
        if let Some(i) = (0..expected.len()).find(|&i| balances.get(i) != Some(&expected[i])) {
            return wrong(
                format!(
                    "{accounts} accounts, {} transfers: account {i} should have {}, it has {:?}",
                    transfers.len(),
                    expected[i],
                    balances.get(i)
                ),
                "every transfer changes two balances; which child writes which balance?",
            );
        }
        answers.push(balances);
    }
    Ok(format!("{answers:?}"))
}
