//! The job many times over, with plain threads and with detpar.
use crate::corpus::Document;
use crate::report::Report;
use crate::{analyse, threads};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// What the runs of one kind gave.
struct Runs {
    /// How often each digest came, and two of the numbers that came with it.
    digests: BTreeMap<String, (usize, [f64; 2])>,
    median: Duration,
}

fn repeat(runs: usize, job: impl Fn() -> Report) -> Runs {
    let mut digests = BTreeMap::new();
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        let report = job();
        times.push(start.elapsed());
        let statistics = &report.statistics;
        let shown = [statistics.skewness, statistics.score];
        digests.entry(report.digest()).or_insert((0, shown)).0 += 1;
    }
    Runs { digests, median: median(times) }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let middle = times.len() / 2;
    if times.len() % 2 == 1 { times[middle] } else { (times[middle - 1] + times[middle]) / 2 }
}

/// Runs both and renders the comparison. The error is a text as well: detpar gave more than one
/// digest, which is a bug in it.
pub fn compare(documents: &[Document], runs: usize) -> Result<String, String> {
    // One run of each beforehand, so that neither pays for cold caches.
    threads::analyse(documents);
    let plain = repeat(runs, || threads::analyse(documents));
    analyse::analyse(documents);
    let detpar = repeat(runs, || analyse::analyse(documents));
    let text = render(&plain, &detpar, runs);
    if detpar.digests.len() == 1 { Ok(text) } else { Err(text) }
}

fn render(plain: &Runs, detpar: &Runs, runs: usize) -> String {
    let kinds = [("plain threads", plain), ("detpar", detpar)];
    let mut out = format!("{:<15}{:>6}{:>18}{:>13}\n", "", "runs", "distinct digests", "median");
    for (name, kind) in kinds {
        let (distinct, ms) = (kind.digests.len(), kind.median.as_secs_f64() * 1e3);
        let _ = writeln!(out, "{name:<15}{runs:>6}{distinct:>18}{ms:>10.3} ms");
    }
    let ratio = detpar.median.as_secs_f64() / plain.median.as_secs_f64();
    let _ = writeln!(out, "detpar takes {ratio:.2} times as long as plain threads");
    for (name, kind) in kinds {
        let _ = writeln!(out, "\n{name}: digest, runs that gave it, skewness, sum of scores");
        for (digest, (times, [skewness, score])) in kind.digests.iter().take(LISTED) {
            let _ = writeln!(out, "  {digest}  {times:>5}  {skewness:<20?}  {score:?}");
        }
        if let more @ 1.. = kind.digests.len().saturating_sub(LISTED) {
            let _ = writeln!(out, "  and {more} more");
        }
    }
    let digests: Vec<&str> = detpar.digests.keys().map(String::as_str).collect();
    let _ = writeln!(out, "\ndigest: {}", digests.join(" "));
    out
}

/// Most digests that are listed of one kind.
const LISTED: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_and_even() {
        let ms = |times: &[u64]| median(times.iter().map(|&t| Duration::from_millis(t)).collect());
        assert_eq!(ms(&[9, 1, 4]), Duration::from_millis(4));
        assert_eq!(ms(&[9, 1, 4, 6]), Duration::from_millis(5));
    }

    #[test]
    fn lists_digests_and_ends_with_ours() {
        let plain = Runs {
            digests: (0..12).map(|i| (format!("p{i:02}"), (1, [0.25, 0.5]))).collect(),
            median: Duration::from_millis(2),
        };
        let detpar = Runs {
            digests: [("d0".to_owned(), (12, [0.25, 0.5]))].into(),
            median: Duration::from_millis(3),
        };
        let text = render(&plain, &detpar, 12);
        assert!(text.contains("1.50 times"), "{text}");
        assert!(text.contains("  0.5\n  and 2 more\n"), "{text}");
        assert!(text.ends_with("\ndigest: d0\n"), "{text}");
    }
}
