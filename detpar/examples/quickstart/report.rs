//! The result of the job, and how it is printed.
use crate::corpus::Document;
use crate::digest::{Digest, Fnv128};
use crate::shingles::THRESHOLD;
use crate::stats::{Moments, entropy};
use crate::words::Count;
use std::fmt::{self, Write};

/// Two documents that say nearly the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Index of the first document.
    pub left: usize,
    /// Index of the second.
    pub right: usize,
    /// Shared shingles over all shingles.
    pub jaccard: f64,
}

/// Statistics over all words.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// Mean length of a word, in characters.
    pub mean: f64,
    /// Its variance.
    pub variance: f64,
    /// Its skewness.
    pub skewness: f64,
    /// Entropy of the word frequencies, in bits.
    pub entropy: f64,
    /// Sum of the scores of all words.
    pub score: f64,
}

/// The result.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// All words, most frequent first.
    pub words: Vec<Count<String>>,
    /// Near-duplicate documents, by index.
    pub pairs: Vec<Pair>,
    /// Statistics.
    pub statistics: Statistics,
}

impl Report {
    /// Puts a report together.
    pub fn new(
        words: Vec<Count<String>>,
        pairs: Vec<Pair>,
        lengths: &Moments,
        score: f64,
    ) -> Report {
        let statistics = Statistics {
            mean: lengths.mean(),
            variance: lengths.variance(),
            skewness: lengths.skewness(),
            entropy: entropy(&words),
            score,
        };
        Report { words, pairs, statistics }
    }

    /// The digest over everything in the report, printed or not.
    pub fn digest(&self) -> String {
        let mut state = Fnv128::new();
        Digest::digest(self, &mut state);
        state.hex()
    }
}

impl Digest for Count<String> {
    fn digest(&self, into: &mut Fnv128) {
        self.0.as_str().digest(into);
        self.1.digest(into);
    }
}

impl Digest for Pair {
    fn digest(&self, into: &mut Fnv128) {
        (self.left as u64).digest(into);
        (self.right as u64).digest(into);
        self.jaccard.digest(into);
    }
}

impl Digest for Statistics {
    fn digest(&self, into: &mut Fnv128) {
        let Statistics { mean, variance, skewness, entropy, score } = self;
        [*mean, *variance, *skewness, *entropy, *score].digest(into);
    }
}

impl Digest for Report {
    fn digest(&self, into: &mut Fnv128) {
        self.words.as_slice().digest(into);
        self.pairs.as_slice().digest(into);
        self.statistics.digest(into);
    }
}

/// Most pairs that are listed.
const LISTED: usize = 20;

/// The report as text, with the `top` most frequent words and the digest as its last line.
pub fn render(report: &Report, documents: &[Document], top: usize) -> String {
    let mut out = String::new();
    write_report(&mut out, report, documents, top).expect("a String takes any text");
    out
}

fn write_report(
    out: &mut String,
    report: &Report,
    documents: &[Document],
    top: usize,
) -> fmt::Result {
    let bytes: usize = documents.iter().map(|document| document.text.len()).sum();
    let total: u64 = report.words.iter().map(|(_, n)| n).sum();
    let distinct = report.words.len();
    writeln!(out, "{} files, {bytes} bytes, {total} words, {distinct} distinct", documents.len())?;
    if top.min(distinct) > 0 {
        write_words(out, &report.words[..top.min(distinct)])?;
    }
    write_pairs(out, &report.pairs, documents)?;

    let Statistics { mean, variance, skewness, entropy, score } = &report.statistics;
    writeln!(out, "\nstatistics of the words")?;
    writeln!(out, "  mean length         {mean:>18.9}")?;
    writeln!(out, "  variance of length  {variance:>18.9}")?;
    writeln!(out, "  skewness of length  {skewness:>18.9}")?;
    writeln!(out, "  entropy in bits     {entropy:>18.9}")?;
    writeln!(out, "  sum of scores       {score:>18.9}")?;
    writeln!(out, "\ndigest: {}", report.digest())
}

fn write_words(out: &mut String, words: &[Count<String>]) -> fmt::Result {
    writeln!(out, "\nmost frequent words")?;
    let width = words.iter().map(|(word, _)| word.chars().count()).max().unwrap_or(0);
    let digits = words.iter().map(|(_, n)| n.to_string().len()).max().unwrap_or(0);
    words.iter().try_for_each(|(word, n)| writeln!(out, "  {word:<width$}  {n:>digits$}"))
}

fn write_pairs(out: &mut String, pairs: &[Pair], documents: &[Document]) -> fmt::Result {
    writeln!(out, "\nnear-duplicate files, Jaccard index of five-word shingles >= {THRESHOLD:.2}")?;
    if pairs.is_empty() {
        return writeln!(out, "  none");
    }
    let mut closest: Vec<&Pair> = pairs.iter().collect();
    // Stable: equally close pairs stay in the order of the files.
    closest.sort_by(|a, b| b.jaccard.total_cmp(&a.jaccard));
    let listed = &closest[..LISTED.min(closest.len())];
    let name = |i: usize| documents[i].name.as_str();
    let width = listed.iter().map(|pair| name(pair.left).chars().count()).max().unwrap_or(0);
    for Pair { left, right, jaccard } in listed {
        writeln!(out, "  {jaccard:.3}  {:<width$}  {}", name(*left), name(*right))?;
    }
    match closest.len() - listed.len() {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Vec<Document>, Report) {
        let documents = ["a.txt", "longer.txt"]
            .map(|name| Document { name: name.to_owned(), text: "x y x".to_owned() })
            .into();
        let mut lengths = Moments::default();
        (0..6).for_each(|_| lengths.push(1.0));
        let words = vec![("x".to_owned(), 40), ("why".to_owned(), 2)];
        let pairs = vec![Pair { left: 0, right: 1, jaccard: 0.75 }];
        (documents, Report::new(words, pairs, &lengths, 1.25))
    }

    #[test]
    fn aligned_and_digest_last() {
        let (documents, report) = sample();
        let text = render(&report, &documents, 10);
        assert!(text.starts_with("2 files, 10 bytes, 42 words, 2 distinct\n"), "{text}");
        assert!(text.contains("\n  x    40\n  why   2\n"), "{text}");
        assert!(text.contains("\n  0.750  a.txt  longer.txt\n"), "{text}");
        let last = text.lines().last().unwrap();
        assert_eq!(last, format!("digest: {}", report.digest()));
        assert!(!render(&report, &documents, 0).contains("most frequent"));
    }

    #[test]
    fn the_digest_covers_every_part() {
        let (_, report) = sample();
        let mut others = [report.clone(), report.clone(), report.clone(), report.clone()];
        others[0].words[1].1 += 1;
        others[1].words[0].0.push('s');
        others[2].pairs[0].jaccard = 0.75f64.next_up();
        others[3].statistics.score = 1.25f64.next_down();
        for other in others {
            assert_ne!(other.digest(), report.digest());
        }
        assert_eq!(report.clone().digest(), report.digest());
    }

    #[test]
    fn a_long_list_of_pairs_is_cut() {
        let (documents, mut report) = sample();
        report.pairs = vec![report.pairs[0].clone(); LISTED + 3];
        assert!(render(&report, &documents, 1).contains("\n  and 3 more\n"));
    }
}
