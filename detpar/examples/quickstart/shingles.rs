//! Near-duplicate documents: sets of five-word shingles, compared by MinHash signatures.
use crate::words::{FixedMap, mix};

/// Words of a shingle.
const WIDTH: usize = 5;
/// Hash functions of a signature.
const SIGNATURE: usize = 128;
/// Rows of a band. With 42 bands of 3 rows a pair of Jaccard index 0.5 becomes a candidate
/// with probability 0.996, one of 0.1 with 0.04.
const ROWS: usize = 3;
/// The least Jaccard index of a near-duplicate pair.
pub const THRESHOLD: f64 = 0.5;

/// Factor and summand of each hash function; fixed, so that a signature is a function of its
/// document alone.
static FUNCTIONS: [(u64, u64); SIGNATURE] = functions();

const fn functions() -> [(u64, u64); SIGNATURE] {
    let mut functions = [(0, 0); SIGNATURE];
    let mut state = 0x243f_6a88_85a3_08d3_u64;
    let mut i = 0;
    while i < SIGNATURE {
        // Knuth's generator suffices: the factors need only be odd and unrelated.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let factor = state ^ (state >> 29);
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        functions[i] = (factor | 1, state ^ (state >> 31));
        i += 1;
    }
    functions
}

/// What is compared of a document.
pub struct Sketch {
    /// Hashes of its shingles, sorted, each once.
    shingles: Vec<u64>,
    signature: [u32; SIGNATURE],
}

impl Sketch {
    /// Of the hashes of a document's words, in order.
    pub fn new(words: &[u64]) -> Self {
        let mut shingles: Vec<u64> = words
            .windows(WIDTH)
            .map(|window| window.iter().fold(0, |hash, word| mix(hash ^ word)))
            .collect();
        shingles.sort_unstable();
        shingles.dedup();
        let signature = signature(&shingles);
        Sketch { shingles, signature }
    }
}

/// The least value of each hash function over the shingles.
fn signature(shingles: &[u64]) -> [u32; SIGNATURE] {
    let mut least = [u32::MAX; SIGNATURE];
    for &shingle in shingles {
        for (least, &(factor, summand)) in least.iter_mut().zip(&FUNCTIONS) {
            let hash = shingle.wrapping_mul(factor).wrapping_add(summand) >> 32;
            *least = (*least).min(hash as u32);
        }
    }
    least
}

/// Pairs of documents worth an exact comparison, sorted, the lower index first.
///
/// Documents with one and the same set of shingles are paired with the first of them only, and
/// that one stands for all of them: a thousand copies of a licence make 999 pairs, not 499500.
pub fn candidates(sketches: &[&Sketch]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut first = FixedMap::<&[u64], usize>::default();
    let mut distinct = Vec::new();
    for (i, sketch) in sketches.iter().enumerate().filter(|(_, s)| !s.shingles.is_empty()) {
        let original = *first.entry(&sketch.shingles).or_insert(i);
        if original == i {
            distinct.push(i);
        } else {
            pairs.push((original, i));
        }
    }
    for band in 0..SIGNATURE / ROWS {
        let rows = band * ROWS..(band + 1) * ROWS;
        let key = |i: &usize| &sketches[*i].signature[rows.clone()];
        // A stable sort keeps the indices of a bucket ascending.
        distinct.sort_by(|a, b| key(a).cmp(key(b)).then(a.cmp(b)));
        for bucket in distinct.chunk_by(|a, b| key(a) == key(b)) {
            for (at, &left) in bucket.iter().enumerate() {
                pairs.extend(bucket[at + 1..].iter().map(|&right| (left, right)));
            }
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Shared shingles over all shingles of two documents.
pub fn jaccard(a: &Sketch, b: &Sketch) -> f64 {
    let (mut left, mut right) = (a.shingles.as_slice(), b.shingles.as_slice());
    let mut shared = 0;
    while let (Some(x), Some(y)) = (left.first(), right.first()) {
        shared += usize::from(x == y);
        left = &left[usize::from(x <= y)..];
        right = &right[usize::from(y <= x)..];
    }
    let all = a.shingles.len() + b.shingles.len() - shared;
    if all == 0 { 0.0 } else { shared as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(words: impl IntoIterator<Item = u64>) -> Sketch {
        Sketch::new(&words.into_iter().map(mix).collect::<Vec<_>>())
    }

    #[test]
    fn a_shingle_is_five_words_in_order() {
        assert!(sketch(0..4).shingles.is_empty());
        assert_eq!(sketch(0..5).shingles.len(), 1);
        assert_ne!(sketch(0..5).shingles, sketch((0..5).rev()).shingles);
        assert_eq!(sketch([7; 100]).shingles.len(), 1);
    }

    #[test]
    fn exact_jaccard() {
        // 96 and 96 shingles, 46 of them shared.
        let (a, b) = (sketch(0..100), sketch(50..150));
        assert_eq!(jaccard(&a, &b), 46.0 / 146.0);
        assert_eq!(jaccard(&a, &a), 1.0);
        assert_eq!(jaccard(&a, &sketch(1000..1100)), 0.0);
        assert_eq!(jaccard(&sketch(0..0), &sketch(0..0)), 0.0);
    }

    #[test]
    fn signatures_estimate_jaccard() {
        let (a, b) = (sketch(0..1000), sketch(200..1200));
        let equal = a.signature.iter().zip(&b.signature).filter(|(x, y)| x == y).count();
        let estimate = equal as f64 / SIGNATURE as f64;
        assert!((estimate - jaccard(&a, &b)).abs() < 0.12, "{estimate}");
    }

    #[test]
    fn candidates_are_the_near_pairs_and_copies_pair_with_the_first() {
        let all = [
            sketch(0..400),
            sketch(10_000..10_400),
            sketch(20..420),
            sketch(0..400),
            sketch(20_000..20_400),
            sketch(0..400),
            sketch(0..3),
            sketch(0..3),
        ];
        let all: Vec<&Sketch> = all.iter().collect();
        assert_eq!(candidates(&all), [(0, 2), (0, 3), (0, 5)]);
        assert!(candidates(&[]).is_empty());
    }
}
