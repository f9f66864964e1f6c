//! Each child writes its own accounts, but sets them: of two transfers one is forgotten.

/// Computes each balance from the one before all transfers.
pub fn settle(balances: &mut [i64], transfers: &[(usize, usize, i64)]) {
    let before = balances.to_vec();
    detpar::workspace(balances, 4, |i, balances| {
        for &(from, to, amount) in transfers {
            if from % 4 == i {
                balances[from] = before[from] - amount;
            }
            if to % 4 == i {
                balances[to] = before[to] + amount;
            }
        }
    });
}
