//! The suite `four`: the programs that deterministic Linux was measured with (Cotter's thesis),
//! each of them in one shape for all contenders: joins of two,
//! as there with two threads.

mod lu;
mod matmult;
mod md5;
pub(super) mod qsort;

use super::join::Join;
use crate::measure::Sample;
use std::time::Duration;

/// Measures a case of this size; `None` where there is none of this name.
///
/// # Panics
/// Where a result is wrong.
pub fn run<J: Join>(case: &str, size: u64, how: &J, budget: Duration) -> Option<Sample> {
    let n = size as usize;
    match case {
        "md5" => Some(md5::run(n, how, budget)),
        "qsort" => Some(qsort::run(n, 1, how, budget)),
        "matmult" => Some(matmult::run(n, how, budget)),
        "lu" => Some(lu::run(n, how, budget)),
        _ => None,
    }
}

/// Numbers without a pattern, the same for everybody.
pub(super) fn numbers() -> impl Iterator<Item = u64> {
    let step = |n: &u64| {
        Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    };
    std::iter::successors(step(&42), step).map(|n| n >> 20)
}

/// Does `work` for both halves of a matrix's rows, with the number of the first row of each.
fn by_rows<J: Join>(
    rows: &mut [f64],
    width: usize,
    how: &J,
    work: impl Fn(usize, &mut [f64]) + Sync,
) {
    let half = rows.len() / width / 2;
    let both = rows.split_at_mut(half * width);
    how.parts(both, |upper| work(0, upper), |lower| work(half, lower));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;
    use crate::work::join::InOrder;

    #[test]
    fn every_case_has_work() {
        for case in suite::find("four").unwrap().cases {
            let size = case.size.min(100);
            let sample = run(case.name, size, &InOrder, Duration::ZERO);
            assert!(sample.is_some(), "{}", case.name);
        }
        assert!(run("nonesuch", 1, &InOrder, Duration::ZERO).is_none());
    }

    /// Half of the work is left out.
    struct Lazy;

    impl Join for Lazy {
        fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, a: A, _: B) {
            a();
        }
    }

    #[test]
    fn lost_work_is_noticed() {
        for case in ["md5", "qsort", "matmult", "lu"] {
            let lost = std::panic::catch_unwind(|| run(case, 100, &Lazy, Duration::ZERO));
            assert!(lost.is_err(), "{case}");
        }
    }

    #[test]
    fn bands_have_all_rows() {
        for count in [0, 1, 2, 7, 8] {
            let mut matrix = vec![0.0; count * 3];
            by_rows(&mut matrix, 3, &InOrder, |first, rows| {
                for (i, row) in rows.chunks_mut(3).enumerate() {
                    row.fill((first + i) as f64);
                }
            });
            let expected: Vec<f64> = (0..count).flat_map(|i| [i as f64; 3]).collect();
            assert_eq!(matrix, expected);
        }
    }
}
