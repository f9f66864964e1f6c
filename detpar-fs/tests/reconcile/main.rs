//! Reconcile beside a naive one, on random trees with two to five children, each perhaps with
//! children of its own.
//!
//! `DETPAR_FS_CASES` and `DETPAR_FS_SEED` say how many cases, and from which on.

#[path = "cases.rs"]
mod cases;

use cases::case;
use cases::random::setting;
use detpar_fs::Mkfs;
use std::collections::BTreeMap;

#[test]
fn as_the_naive_reconcile() {
    let (first, cases) = (setting("DETPAR_FS_SEED", 1), setting("DETPAR_FS_CASES", 2000));
    let mut tally: BTreeMap<String, u64> = BTreeMap::new();
    for seed in first..first + cases {
        for result in case(seed).conflicts {
            *tally.entry(format!("{result:?}")).or_insert(0) += 1;
        }
    }
    println!("{cases} cases from DETPAR_FS_SEED={first}: {tally:?}");
    // No conflict must have been there, and all kinds; moves into each other are rare.
    assert!(cases < 400 || tally.len() >= 7, "{tally:?}");
}

/// Two threads that take the same two file systems in turns of their own do not wait for each
/// other in a circle.
#[test]
fn each_into_the_other() {
    let a = Mkfs::new().blocks(200).inodes(64).mkfs().unwrap();
    let b = a.fork();
    // One of them has to be interrupted in the midst of it, on a machine with one processor.
    let started = std::sync::Barrier::new(2);
    let times = || (started.wait(), 0..200_000).1;
    std::thread::scope(|s| {
        s.spawn(|| times().for_each(|_| assert!(b.reconcile(&[&a]).is_err())));
        s.spawn(|| times().for_each(|_| a.reconcile(&[&b, &b]).unwrap()));
    });
}
