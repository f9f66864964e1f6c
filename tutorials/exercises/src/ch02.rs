//! Chapter 2: a tree of joins.
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Counts the words of a text, halves in parallel, down to pieces of at most eight lines.
///
/// Broken: it counts in one place, as one would with threads. Repair it, so that the answer is
/// right and children are still forked.
pub fn count_words(lines: &[String]) -> usize {
    let count = AtomicUsize::new(0);
    count_into(lines, &count);
    count.into_inner()
}

fn count_into(lines: &[String], count: &AtomicUsize) {
    if lines.len() <= 8 {
        for line in lines {
            count.store(count.load(Relaxed) + line.split_whitespace().count(), Relaxed);
        }
        return;
    }
    let (left, right) = lines.split_at(lines.len() / 2);
    detpar::join(|| count_into(left, count), || count_into(right, count));
}
