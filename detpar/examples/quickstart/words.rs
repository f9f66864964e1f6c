//! Words: cutting text into them, hashing and counting them.
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A word and how often it occurs.
pub type Count<W> = (W, u64);

/// A map whose hasher has no seed. The standard one draws its keys from the system, which is
/// an input like any other: with it, the order of iteration would differ from run to run.
pub type FixedMap<K, V> = HashMap<K, V, BuildHasherDefault<WordHasher>>;

/// Cuts a text into lower-cased words: letters, digits and inner apostrophes.
pub fn words(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    raw_words(text).map(lower)
}

/// How many words a text has.
pub fn count(text: &str) -> u64 {
    raw_words(text).count() as u64
}

fn raw_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty())
}

/// Most words are lower-cased already and stay slices of their document.
fn lower(word: &str) -> Cow<'_, str> {
    if word.chars().any(char::is_uppercase) {
        Cow::Owned(word.to_lowercase())
    } else {
        Cow::Borrowed(word)
    }
}

/// Hashes one word.
pub fn hash(word: &str) -> u64 {
    let mut state = WordHasher::default();
    state.write(word.as_bytes());
    state.finish()
}

/// Spreads the bits of a number over all 64 (the finaliser of splitmix64).
pub fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// FNV-1a with 64 bits and a finaliser; short keys only.
pub struct WordHasher(u64);

impl Default for WordHasher {
    fn default() -> Self {
        WordHasher(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    fn finish(&self) -> u64 {
        mix(self.0)
    }
}

/// Adds up the counts of many documents, most frequent first, ties by word.
pub fn table<'a, L>(lists: L) -> Vec<Count<String>>
where
    L: IntoIterator<Item = &'a [Count<Cow<'a, str>>]>,
{
    let mut sums = FixedMap::<&str, u64>::default();
    for (word, n) in lists.into_iter().flatten() {
        *sums.entry(word).or_default() += n;
    }
    let mut table: Vec<Count<&str>> = sums.into_iter().collect();
    table.sort_unstable_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
    table.into_iter().map(|(word, n)| (word.to_owned(), n)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_and_lowers() {
        let got: Vec<_> = words("Don't stop: 'Été' -- 42 times; it's 'quoted'.").collect();
        assert_eq!(got, ["don't", "stop", "été", "42", "times", "it's", "quoted"]);
        assert_eq!(count("Don't stop ' '' --"), 2);
    }

    #[test]
    fn lower_case_words_stay_borrowed() {
        assert!(words("plain text").all(|word| matches!(word, Cow::Borrowed(_))));
    }

    #[test]
    fn table_orders_by_count_then_word() {
        let one = [(Cow::from("pear"), 1), (Cow::from("apple"), 2)];
        let two = [(Cow::from("fig"), 1), (Cow::from("pear"), 1), (Cow::from("quince"), 1)];
        let want = [("apple", 2), ("pear", 2), ("fig", 1), ("quince", 1)];
        let want = want.map(|(word, n)| (word.to_owned(), n));
        assert_eq!(table([&one[..], &two[..]]), want);
        assert_eq!(table([&two[..], &one[..]]), want);
    }
}
