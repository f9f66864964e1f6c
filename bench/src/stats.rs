//! Medians, and numbers rounded for print.

/// The middle of the samples, the mean of the two middle ones where their number is even;
/// `None` of none. Reorders them.
pub fn median(samples: &mut [f64]) -> Option<f64> {
    let n = samples.len();
    if n == 0 {
        return None;
    }
    let (below, &mut upper, _) = samples.select_nth_unstable_by(n / 2, f64::total_cmp);
    if n % 2 == 1 {
        return Some(upper);
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some((lower + upper) / 2.0)
}

/// The smallest sample; `None` of none.
pub fn minimum(samples: &[f64]) -> Option<f64> {
    samples.iter().copied().reduce(f64::min)
}

/// Rounds to so many significant decimal digits.
pub fn significant(x: f64, digits: usize) -> f64 {
    // Printing rounds exactly, which scaling by a power of ten does not.
    format!("{x:.*e}", digits.saturating_sub(1)).parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0]), Some(3.0));
        assert_eq!(median(&mut [4.0, 1.0]), Some(2.5));
        assert_eq!(median(&mut [9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [9.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&mut [5.0, 5.0, 5.0, 5.0]), Some(5.0));
    }

    #[test]
    fn median_is_that_of_sorted_samples() {
        let mut x = 12345u64;
        for n in 1..200 {
            let mut samples: Vec<f64> = (0..n)
                .map(|_| {
                    x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    (x >> 54) as f64
                })
                .collect();
            let mut sorted = samples.clone();
            sorted.sort_by(f64::total_cmp);
            let expected = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0;
            assert_eq!(median(&mut samples), Some(expected));
        }
    }

    #[test]
    fn an_outlier_does_not_move_the_median() {
        assert_eq!(median(&mut [5.0, 5.1, 4.9, 1e9, 5.0]), Some(5.0));
    }

    #[test]
    fn minima() {
        assert_eq!(minimum(&[]), None);
        assert_eq!(minimum(&[2.0, 1.0, 3.0]), Some(1.0));
    }

    #[test]
    fn significant_digits() {
        assert_eq!(significant(0.0, 3), 0.0);
        assert_eq!(significant(1234.567, 5), 1234.6);
        assert_eq!(significant(0.000123456, 3), 0.000123);
        assert_eq!(significant(-9.9996, 4), -10.0);
        assert_eq!(significant(1e300, 4), 1e300);
        assert_eq!(significant(5e-324, 4), 5e-324);
        assert_eq!(significant(f64::INFINITY, 4), f64::INFINITY);
        assert!(significant(f64::NAN, 4).is_nan());
    }
}
