//! Chapter 4: tests that find conflicts, and that hold in every run.
use detpar::{assert_conflict, assert_deterministic};

// ANCHOR: bank
#[derive(Clone, Debug, PartialEq, detpar::Merge, detpar::Digest)]
struct Bank {
    balances: Vec<i64>,
}

impl Bank {
    fn transfer(&mut self, from: usize, to: usize, amount: i64) {
        self.balances[from] -= amount;
        self.balances[to] += amount;
    }
}
// ANCHOR_END: bank

// ANCHOR: conflict
#[detpar::test]
fn transfers_that_share_an_account_conflict() {
    let mut bank = Bank { balances: vec![100; 3] };
    let before = bank.clone();
    let transfers = [(0, 1, 10), (1, 2, 20)];
    let result = detpar::try_workspace(&mut bank, 2, |i, bank| {
        let (from, to, amount) = transfers[i];
        bank.transfer(from, to, amount);
    });
    let conflict = assert_conflict!(result);
    assert_eq!(conflict.children(), (0, 1));
    // All or nothing: neither transfer happened.
    assert_eq!(bank, before);
}
// ANCHOR_END: conflict

// ANCHOR: right
fn apply(bank: &mut Bank, transfers: &[(usize, usize, i64)]) {
    let n = bank.balances.len();
    // Each child has an account of its own, and looks through all transfers.
    detpar::workspace(bank, n, |account, bank| {
        for &(from, to, amount) in transfers {
            if from == account {
                bank.balances[account] -= amount;
            }
            if to == account {
                bank.balances[account] += amount;
            }
        }
    });
}

#[detpar::test]
fn transfers_by_account_are_right_in_every_run() {
    let bank = assert_deterministic!(|| {
        let mut bank = Bank { balances: vec![100; 3] };
        apply(&mut bank, &[(0, 1, 10), (1, 2, 20)]);
        bank
    });
    assert_eq!(bank.balances, [90, 90, 120]);
}
// ANCHOR_END: right
