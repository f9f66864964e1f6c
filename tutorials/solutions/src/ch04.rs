//! Chapter 4: a bank.
use detpar::prelude::*;

/// Each child computes what its part of the transfers changes, and the parent adds the changes.
pub fn settle(balances: &mut [i64], transfers: &[(usize, usize, i64)]) {
    let length = transfers.len().div_ceil(4).max(1);
    let parts: Vec<_> = transfers.chunks(length).collect();
    let accounts = balances.len();
    let changes: Vec<Vec<i64>> = parts
        .par_iter()
        .map(|part| {
            let mut change = vec![0; accounts];
            for &(from, to, amount) in *part {
                change[from] -= amount;
                change[to] += amount;
            }
            change
        })
        .collect();
    for change in changes {
        balances.iter_mut().zip(change).for_each(|(balance, change)| *balance += change);
    }
}
