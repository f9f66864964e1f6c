//! `md5`: which number has this digest? All are tried.

use crate::measure::{self, Sample};
use crate::work::join::Join;
use ::md5::{Digest, Md5};
use std::hint::black_box;
use std::time::Duration;

fn digest(n: u64) -> [u8; 16] {
    Md5::digest(n.to_le_bytes()).into()
}

/// The largest number of a range that has the digest.
fn find(from: u64, to: u64, wanted: &[u8; 16]) -> Option<u64> {
    // All of them: to stop early would make the time a matter of luck.
    (from..to).filter(|n| digest(*n) == *wanted).max()
}

pub(super) fn run<J: Join>(candidates: usize, how: &J, budget: Duration) -> Sample {
    let n = candidates as u64;
    let search = |secret: u64| {
        let (wanted, (mut low, mut high)) = (digest(secret), (None, None));
        how.join(|| low = find(0, n / 2, &wanted), || high = find(n / 2, n, &wanted));
        low.or(high)
    };
    for secret in [n / 3, n - 1] {
        assert_eq!(search(secret), Some(secret), "wrong number");
    }
    measure::run(budget, || {
        black_box(search(black_box(n - 1)));
    })
}
