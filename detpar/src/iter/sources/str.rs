//! Text: its characters, bytes, lines, words and other parts.
use crate::iter::ParallelIterator;
use crate::iter::bridged::unindexed_by_method;
use crate::iter::sources::pieces;
use std::fmt::{self, Debug, Formatter};
use std::ops::Range;

mod methods;

pub use methods::ParallelString;

/// What single characters are looked for by: a `char`, a slice or array of them, or a function.
pub trait Pattern: sealed::Test {}

impl<P: sealed::Test> Pattern for P {}

mod sealed {
    /// Says which characters are meant.
    pub trait Test: Sized + Sync + Send {
        /// Whether `c` is one of them.
        fn is_match(&self, c: char) -> bool;
    }

    impl Test for char {
        fn is_match(&self, c: char) -> bool {
            *self == c
        }
    }

    impl Test for &[char] {
        fn is_match(&self, c: char) -> bool {
            self.contains(&c)
        }
    }

    impl<const N: usize> Test for [char; N] {
        fn is_match(&self, c: char) -> bool {
            self.contains(&c)
        }
    }

    impl<const N: usize> Test for &[char; N] {
        fn is_match(&self, c: char) -> bool {
            self.contains(&c)
        }
    }

    impl<F: Fn(char) -> bool + Sync + Send> Test for F {
        fn is_match(&self, c: char) -> bool {
            self(c)
        }
    }
}

/// Where a text may be cut: between any two characters.
fn between_chars(text: &str, at: usize) -> Option<Range<usize>> {
    let at = text.ceil_char_boundary(at);
    Some(at..at)
}

/// At the first character from `at` on for which `is` holds, which is left out.
fn at_char(text: &str, at: usize, is: impl Fn(char) -> bool) -> Option<Range<usize>> {
    let at = text.ceil_char_boundary(at);
    let (found, c) = text[at..].char_indices().find(|(_, c)| is(*c))?;
    Some(at + found..at + found + c.len_utf8())
}

/// Behind it.
fn behind_char(text: &str, at: usize, is: impl Fn(char) -> bool) -> Option<Range<usize>> {
    at_char(text, at, is).map(|gap| gap.end..gap.end)
}

macro_rules! parts {
    (
        $(#[$doc:meta])*
        $iter:ident[$($p:ident $op:ident)?], $item:ty, |$text:ident, $at:ident| $gap:expr,
        |$start:ident, $piece:ident| $items:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone)]
        #[must_use = "a parallel iterator does nothing until it is consumed"]
        pub struct $iter<'ch $(, $p: Pattern)?> {
            text: &'ch str,
            $($op: $p,)?
        }

        impl<'ch $(, $p: Pattern)?> $iter<'ch $(, $p)?> {
            fn inner(&mut self) -> impl ParallelIterator<Item = $item> {
                let $text = self.text;
                $(let $op = &self.$op;)?
                let pieces = pieces::cut($text.len(), |$at| $gap);
                pieces::run(pieces, move |range| {
                    let ($start, $piece) = (range.start, &$text[range]);
                    $items
                })
            }
        }

        unindexed_by_method!(['ch $(, $p: Pattern)?] $iter<'ch $(, $p)?>, $item);

        impl<$($p: Pattern)?> Debug for $iter<'_ $(, $p)?> {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($iter)).field("text", &self.text).finish_non_exhaustive()
            }
        }
    };
}

parts! {
    /// Parallel iterator over the characters of a text.
    Chars[], char, |text, at| between_chars(text, at), |_at, piece| piece.chars()
}
parts! {
    /// Parallel iterator over the characters of a text and where they begin.
    CharIndices[], (usize, char), |text, at| between_chars(text, at),
    |start, piece| piece.char_indices().map(move |(i, c)| (start + i, c))
}
parts! {
    /// Parallel iterator over the bytes of a text.
    Bytes[], u8, |text, at| between_chars(text, at), |_at, piece| piece.bytes()
}
parts! {
    /// Parallel iterator over a text as UTF-16.
    EncodeUtf16[], u16, |text, at| between_chars(text, at), |_at, piece| piece.encode_utf16()
}
parts! {
    /// Parallel iterator over what is between separators in a text.
    Split[P separator], &'ch str,
    |text, at| at_char(text, at, |c| separator.is_match(c)),
    |_at, piece| piece.split(|c| separator.is_match(c))
}
parts! {
    /// Parallel iterator over the parts of a text that end with a separator.
    SplitInclusive[P separator], &'ch str,
    |text, at| behind_char(text, at, |c| separator.is_match(c)),
    |_at, piece| piece.split_inclusive(|c| separator.is_match(c))
}
parts! {
    /// Parallel iterator over the parts of a text that a terminator ends.
    SplitTerminator[P terminator], &'ch str,
    |text, at| at_char(text, at, |c| terminator.is_match(c)),
    |start, piece| {
        // Nothing follows the last terminator, in the last piece alone: the others end before one.
        let last = start + piece.len() == text.len();
        let mut parts = piece.split(|c| terminator.is_match(c));
        let mut rest = piece.split_terminator(|c| terminator.is_match(c));
        std::iter::from_fn(move || if last { rest.next() } else { parts.next() })
    }
}
parts! {
    /// Parallel iterator over the lines of a text.
    Lines[], &'ch str, |text, at| behind_char(text, at, |c| c == '\n'), |_at, piece| piece.lines()
}
parts! {
    /// Parallel iterator over the words of a text.
    SplitWhitespace[], &'ch str, |text, at| at_char(text, at, char::is_whitespace),
    |_at, piece| piece.split_whitespace()
}
parts! {
    /// Parallel iterator over the words of a text that ASCII whitespace separates.
    SplitAsciiWhitespace[], &'ch str, |text, at| at_char(text, at, |c| c.is_ascii_whitespace()),
    |_at, piece| piece.split_ascii_whitespace()
}
parts! {
    /// Parallel iterator over the characters of a text that match, each as a text.
    Matches[P pattern], &'ch str, |text, at| between_chars(text, at),
    |_at, piece| piece.matches(|c| pattern.is_match(c))
}
parts! {
    /// Parallel iterator over the characters of a text that match and where they begin.
    MatchIndices[P pattern], (usize, &'ch str), |text, at| between_chars(text, at),
    |start, piece| {
        piece.match_indices(|c| pattern.is_match(c)).map(move |(i, c)| (start + i, c))
    }
}
