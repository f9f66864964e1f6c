//! Chapter 4: a bank.

/// Applies transfers `(from, to, amount)` to the balances, in parallel.
///
/// Broken: each of four children applies a part of the transfers. Two parts that touch one
/// account conflict. Repair it: all transfers are applied, whatever accounts they touch, by
/// children. The order of the transfers does not matter, since a balance may be negative.
pub fn settle(balances: &mut [i64], transfers: &[(usize, usize, i64)]) {
    let length = transfers.len().div_ceil(4).max(1);
    let parts: Vec<_> = transfers.chunks(length).collect();
    detpar::workspace(balances, parts.len(), |i, balances| {
        for &(from, to, amount) in parts[i] {
            balances[from] -= amount;
            balances[to] += amount;
        }
    });
}
