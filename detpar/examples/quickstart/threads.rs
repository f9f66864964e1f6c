//! The same job with plain threads, the way it is often written: they take documents from a
//! shared counter and add what they find to shared sums, whoever is first.
//!
//! There is no data race here, and everything that can be put in order afterwards is. The sums
//! in floating point cannot: they were grouped by who came first.
use crate::corpus::Document;
use crate::part::{Part, per_document};
use crate::report::{Pair, Report};
use crate::shingles::{Sketch, THRESHOLD, candidates, jaccard};
use crate::stats::Moments;
use crate::words::table;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

#[derive(Default)]
struct Totals<'a> {
    parts: Vec<(usize, Part<'a>)>,
    lengths: Moments,
    score: f64,
}

/// Analyses all documents.
pub fn analyse(documents: &[Document]) -> Report {
    let totals = Mutex::new(Totals::default());
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(document) = documents.get(i) else { break };
            let part = per_document(document);
            let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
            totals.lengths.merge(&part.lengths);
            totals.score += part.score;
            totals.parts.push((i, part));
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..width()).map(|_| scope.spawn(work)).collect();
        // The scope waits for the closures only; a join waits until the thread is gone, and
        // detpar runs no children while other threads live.
        threads.into_iter().for_each(|thread| thread.join().expect("the work does not panic"));
    });
    let totals = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Totals { mut parts, lengths, score } = totals;
    parts.sort_unstable_by_key(|(i, _)| *i);
    let (words, pairs) = thread::scope(|scope| {
        let words = scope.spawn(|| table(parts.iter().map(|(_, part)| part.words.as_slice())));
        let pairs = near_duplicates(&parts);
        (words.join().expect("counting does not panic"), pairs)
    });
    Report::new(words, pairs, &lengths, score)
}

/// At least two, or there would be nothing to compare.
fn width() -> usize {
    thread::available_parallelism().map_or(2, NonZero::get).max(2)
}

fn near_duplicates(parts: &[(usize, Part<'_>)]) -> Vec<Pair> {
    let sketches: Vec<&Sketch> = parts.iter().map(|(_, part)| &part.sketch).collect();
    candidates(&sketches)
        .into_iter()
        .map(|(left, right)| Pair {
            left,
            right,
            jaccard: jaccard(sketches[left], sketches[right]),
        })
        .filter(|pair| pair.jaccard >= THRESHOLD)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;
    use std::path::Path;

    #[test]
    fn all_but_floating_point_agrees_from_run_to_run() {
        let documents = corpus::read(Path::new(corpus::DEFAULT)).unwrap();
        let first = analyse(&documents);
        assert!(!first.words.is_empty());
        for _ in 0..5 {
            let again = analyse(&documents);
            assert_eq!(again.words, first.words);
            assert_eq!(again.pairs, first.pairs);
            let (a, b) = (&again.statistics, &first.statistics);
            assert!((a.score - b.score).abs() < 1e-9 * b.score);
            assert!((a.skewness - b.skewness).abs() < 1e-9);
        }
    }
}
