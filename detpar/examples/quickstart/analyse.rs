//! The job with detpar: the same result in every bit, at any number of workers.
use crate::corpus::Document;
use crate::part::{Part, per_document};
use crate::report::{Pair, Report};
use crate::shingles::{Sketch, THRESHOLD, candidates, jaccard};
use crate::stats::Moments;
use crate::words::{Count, table};
use detpar::prelude::*;

/// Analyses all documents.
#[deterministic]
pub fn analyse(documents: &[Document]) -> Report {
    let parts = documents.par_iter().map(per_document).collect::<Vec<_>>();
    let score = parts.par_iter().map(|part| part.score).sum::<f64>();
    let mut lengths = Moments::default();
    parts.iter().for_each(|part| lengths.merge(&part.lengths));
    let (words, pairs) = detpar::join(|| all_words(&parts), || near_duplicates(&parts));
    Report::new(words, pairs, &lengths, score)
}

fn all_words(parts: &[Part<'_>]) -> Vec<Count<String>> {
    table(parts.iter().map(|part| part.words.as_slice()))
}

fn near_duplicates(parts: &[Part<'_>]) -> Vec<Pair> {
    let sketches: Vec<&Sketch> = parts.iter().map(|part| &part.sketch).collect();
    candidates(&sketches)
        .par_iter()
        .map(|&(left, right)| Pair {
            left,
            right,
            jaccard: jaccard(sketches[left], sketches[right]),
        })
        .collect::<Vec<_>>()
        .into_iter()
        .filter(|pair| pair.jaccard >= THRESHOLD)
        .collect()
}
