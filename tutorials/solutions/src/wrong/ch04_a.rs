//! The conflict is ignored, and with it all of the transfers.

/// Tries, and says nothing when it fails.
pub fn settle(balances: &mut [i64], transfers: &[(usize, usize, i64)]) {
    let length = transfers.len().div_ceil(4).max(1);
    let parts: Vec<_> = transfers.chunks(length).collect();
    let _ = detpar::try_workspace(balances, parts.len(), |i, balances| {
        for &(from, to, amount) in parts[i] {
            balances[from] -= amount;
            balances[to] += amount;
        }
    });
}
