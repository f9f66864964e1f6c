//! Text.
use crate::{numbers, same};
use detpar::iter::width::Width;
use detpar::prelude::*;

/// All texts of so many characters of an alphabet.
fn texts(alphabet: &[char], len: u32) -> impl Iterator<Item = String> {
    let all = alphabet.len();
    (0..all.pow(len))
        .map(move |n| (0..len).map(|place| alphabet[n / all.pow(place) % all]).collect())
}

#[track_caller]
fn same_characters(text: &str) {
    same(text.par_chars(), text.chars());
    same(text.par_char_indices(), text.char_indices());
    same(text.par_bytes(), text.bytes());
    same(text.par_encode_utf16(), text.encode_utf16());
}

pub fn characters() {
    for len in 0..=4 {
        texts(&['a', 'é', '€', '𝄞'], len).for_each(|text| same_characters(&text));
    }
}

#[track_caller]
fn same_parts(text: &str) {
    same(text.par_lines(), text.lines());
    same(text.par_split_whitespace(), text.split_whitespace());
    same(text.par_split_ascii_whitespace(), text.split_ascii_whitespace());
    macro_rules! same_by {
        ($($pattern:expr),*) => {$({
            let pattern = $pattern;
            same(text.par_split(pattern), text.split(pattern));
            same(text.par_split_inclusive(pattern), text.split_inclusive(pattern));
            same(text.par_split_terminator(pattern), text.split_terminator(pattern));
            same(text.par_matches(pattern), text.matches(pattern));
            same(text.par_match_indices(pattern), text.match_indices(pattern));
        })*};
    }
    same_by!('\n', ['é', '\n'], &['é', 'x'], &['\r', 'é'][..], |c: char| c != 'x');
}

pub fn parts_of_text() {
    // Lines with both ends, separators of one and of two bytes, spaces of both kinds.
    for len in 0..=3 {
        texts(&['x', '\n', '\r', 'é', '\u{2003}'], len).for_each(|text| same_parts(&text));
    }
}

pub fn long_text() {
    let alphabet: Vec<char> = "abc \n\r\n\u{2003}éx𝄞".chars().collect();
    for len in [17, 300, 2000] {
        let pick = |n: i64| alphabet[n.unsigned_abs() as usize % alphabet.len()];
        let text: String = numbers(len).into_iter().map(pick).collect();
        same_characters(&text);
        same_parts(&text);
        // A leaf for each piece; in a short text several cuts may be at the same character.
        let leaves = text.par_chars().fold(|| 0, |n, _| n + 1).count();
        assert!(leaves == Width::of(text.len()).leaves() || len == 17, "{leaves}");
    }
}
