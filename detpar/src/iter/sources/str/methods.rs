//! The parallel methods of text.
use super::*;

/// The parallel methods of text. All yield what the methods of `str` with the same names do, in
/// the same order.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     let text = String::from("one two");
///     assert_eq!(text.par_split_whitespace().map(str::len).sum::<usize>(), 6);
/// }
/// ```
pub trait ParallelString {
    /// The text.
    fn as_parallel_string(&self) -> &str;

    /// Yields the characters.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!("grüße".par_chars().max(), Some('ü'));
    /// }
    /// ```
    fn par_chars(&self) -> Chars<'_> {
        Chars { text: self.as_parallel_string() }
    }

    /// Yields the characters and where they begin.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<_> = "dé!".par_char_indices().collect();
    ///     assert_eq!(v, [(0, 'd'), (1, 'é'), (3, '!')]);
    /// }
    /// ```
    fn par_char_indices(&self) -> CharIndices<'_> {
        CharIndices { text: self.as_parallel_string() }
    }

    /// Yields the bytes of the UTF-8. Of ASCII it may be quicker to take `as_bytes().par_iter()`.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!("é".par_bytes().collect::<Vec<_>>(), [0xc3, 0xa9]);
    /// }
    /// ```
    fn par_bytes(&self) -> Bytes<'_> {
        Bytes { text: self.as_parallel_string() }
    }

    /// Yields the text as UTF-16.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!("é𝄞".par_encode_utf16().count(), 3);
    /// }
    /// ```
    fn par_encode_utf16(&self) -> EncodeUtf16<'_> {
        EncodeUtf16 { text: self.as_parallel_string() }
    }

    /// Yields what is between separators.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<_> = "a,,b".par_split(',').collect();
    ///     assert_eq!(v, ["a", "", "b"]);
    /// }
    /// ```
    fn par_split<P: Pattern>(&self, separator: P) -> Split<'_, P> {
        Split { text: self.as_parallel_string(), separator }
    }

    /// Yields the parts that end with a separator, which they keep.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<_> = "a,,b".par_split_inclusive(',').collect();
    ///     assert_eq!(v, ["a,", ",", "b"]);
    /// }
    /// ```
    fn par_split_inclusive<P: Pattern>(&self, separator: P) -> SplitInclusive<'_, P> {
        SplitInclusive { text: self.as_parallel_string(), separator }
    }

    /// Yields the parts that a terminator ends, without it.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<_> = "a;b;".par_split_terminator(';').collect();
    ///     assert_eq!(v, ["a", "b"]);
    /// }
    /// ```
    fn par_split_terminator<P: Pattern>(&self, terminator: P) -> SplitTerminator<'_, P> {
        SplitTerminator { text: self.as_parallel_string(), terminator }
    }

    /// Yields the lines, without their ends.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let sum: i32 = "1\n2\r\n3".par_lines().map(|n| n.parse::<i32>().unwrap()).sum();
    ///     assert_eq!(sum, 6);
    /// }
    /// ```
    fn par_lines(&self) -> Lines<'_> {
        Lines { text: self.as_parallel_string() }
    }

    /// Yields the words between whitespace.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let longest = "to be or not".par_split_whitespace().max_by_key(|w| w.len());
    ///     assert_eq!(longest, Some("not"));
    /// }
    /// ```
    fn par_split_whitespace(&self) -> SplitWhitespace<'_> {
        SplitWhitespace { text: self.as_parallel_string() }
    }

    /// Yields the words between ASCII whitespace.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!(" to  be ".par_split_ascii_whitespace().count(), 2);
    /// }
    /// ```
    fn par_split_ascii_whitespace(&self) -> SplitAsciiWhitespace<'_> {
        SplitAsciiWhitespace { text: self.as_parallel_string() }
    }

    /// Yields the characters that match, as texts.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     assert_eq!("a1b22".par_matches(char::is_numeric).count(), 3);
    /// }
    /// ```
    fn par_matches<P: Pattern>(&self, pattern: P) -> Matches<'_, P> {
        Matches { text: self.as_parallel_string(), pattern }
    }

    /// Yields the characters that match, as texts, and where they begin.
    ///
    /// ```
    /// use detpar::prelude::*;
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let v: Vec<_> = "a1b2".par_match_indices(['1', '2']).collect();
    ///     assert_eq!(v, [(1, "1"), (3, "2")]);
    /// }
    /// ```
    fn par_match_indices<P: Pattern>(&self, pattern: P) -> MatchIndices<'_, P> {
        MatchIndices { text: self.as_parallel_string(), pattern }
    }
}

impl ParallelString for str {
    fn as_parallel_string(&self) -> &str {
        self
    }
}
