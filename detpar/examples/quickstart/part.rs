//! What is computed of one document, by one child or one thread.
use crate::corpus::Document;
use crate::shingles::Sketch;
use crate::stats::{Moments, score};
use crate::words::{Count, FixedMap, hash, words};
use std::borrow::Cow;

/// The part of one document in the report.
pub struct Part<'a> {
    /// Its words, each once.
    pub words: Vec<Count<Cow<'a, str>>>,
    /// Its shingles.
    pub sketch: Sketch,
    /// Moments of the lengths of its words.
    pub lengths: Moments,
    /// Sum of the scores of its words.
    pub score: f64,
}

/// Analyses one document.
pub fn per_document(document: &Document) -> Part<'_> {
    let mut counts = FixedMap::<Cow<'_, str>, u64>::default();
    let mut hashes = Vec::new();
    let mut lengths = Moments::default();
    let mut sum = 0.0;
    for word in words(&document.text) {
        let letters = word.chars().count();
        lengths.push(letters as f64);
        sum += score(&word, letters);
        hashes.push(hash(&word));
        *counts.entry(word).or_default() += 1;
    }
    Part { words: counts.into_iter().collect(), sketch: Sketch::new(&hashes), lengths, score: sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_every_word() {
        let text = "The tide turns. The tide waits for no one; THE end.".to_owned();
        let document = Document { name: "t".into(), text };
        let mut part = per_document(&document);
        part.words.sort();
        assert_eq!(part.words.iter().map(|(_, n)| n).sum::<u64>(), 11);
        assert!(part.words.contains(&(Cow::from("the"), 3)));
        assert_eq!(part.words.len(), 8);
        assert!(part.score > 0.0);
    }
}
