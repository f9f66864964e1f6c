//! A bug on purpose: two children add to one counter.
use crate::corpus::Document;
use crate::words;
use detpar::JoinError;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A plain counter. It is atomic only because safe Rust has no other mutable static; with
/// threads this program would print a wrong total every now and then and no tool would object.
static TOTAL: AtomicU64 = AtomicU64::new(0);

/// Counts the words of both halves at once.
///
/// Each child has a private copy of the counter, so neither sees the other's additions, and at
/// the join there is no right value: the conflict is reported every time, whoever was first.
/// (What is compared is single bytes. A child whose words come to a multiple of 256 leaves the
/// lowest one as it was; only then can the two miss each other.)
pub fn count(documents: &[Document]) -> Result<u64, JoinError> {
    TOTAL.store(0, Relaxed);
    let (left, right) = documents.split_at(documents.len() / 2);
    let (left, right) = detpar::try_join(|| count_half(left), || count_half(right))?;
    Ok(left + right)
}

fn count_half(documents: &[Document]) -> u64 {
    let mut total = 0;
    for document in documents {
        let words = words::count(&document.text);
        total += words;
        TOTAL.store(TOTAL.load(Relaxed) + words, Relaxed); // the planted race
    }
    total
}
