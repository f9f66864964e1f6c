//! Virtual width: how many leaves a parallel call has and where they begin.
//!
//! The cut is a function of the length alone (and of the limits the program itself sets with
//! `with_min_len` and `with_max_len`), never of the number of cores or workers. Whatever the
//! cut can be seen through, the rounding of a sum of floats or the number of items that
//! `fold` yields, is therefore the same in every run and on every machine.
//!
//! # The rule
//!
//! | length | leaves |
//! |---|---|
//! | 0 | none: the empty result is made in place, without a child |
//! | 1 to 16 | one for each item |
//! | 17 to 255 | 16 |
//! | 256 to 1023 | 32 |
//! | 1024 and more | 64 |
//!
//! A child costs some microseconds, so short inputs get few; items that are few but heavy
//! still get a leaf each, and `with_max_len(1)` gives every item its own up to [`MOST`].
//!
//! A longest leaf of `max` raises the number to at least `len / max`, rounded up; then a
//! shortest leaf of `min` lowers it to at most `len / min`, rounded down, but not below one;
//! and no call has more than [`MOST`] leaves, whatever the limits say.
//!
//! Leaves are contiguous and in order. Their lengths differ by at most one, the longer ones
//! come first.
//!
//! # The tree
//!
//! The results of `n > 1` leaves are combined by a binary tree in index order: the left
//! branch holds the first `n / 2` leaves, rounded up, the right branch the others, and so on
//! down to single leaves. [`Width::halves`] is this rule and the only place that has it.

/// Most leaves that one parallel call has.
pub const MOST: usize = 1024;

#[cfg(feature = "spaces")]
const _: () = assert!(MOST <= kernel::abi::MAX_CHILDREN);

/// Leaves of long inputs whose length of leaf is not limited.
pub const USUAL: usize = 64;

/// The cut of one parallel call.
///
/// ```
/// use detpar::iter::width::Width;
///
/// let width = Width::of(100);
/// assert_eq!(width.leaves(), 16);
/// assert_eq!((0..3).map(|i| width.start(i)).collect::<Vec<_>>(), [0, 7, 14]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width {
    len: usize,
    leaves: usize,
}

impl Width {
    /// The cut of `len` items without limits.
    ///
    /// ```
    /// use detpar::iter::width::Width;
    ///
    /// assert_eq!([10, 100, 500, 5000].map(|len| Width::of(len).leaves()), [10, 16, 32, 64]);
    /// ```
    pub fn of(len: usize) -> Width {
        Width::limited(len, 1, usize::MAX)
    }

    /// The cut of `len` items with leaves of at least `min` and at most `max` items. Where
    /// both cannot hold, `min` wins.
    ///
    /// ```
    /// use detpar::iter::width::Width;
    ///
    /// assert_eq!(Width::limited(100, 40, usize::MAX).leaves(), 2);
    /// assert_eq!(Width::limited(100, 1, 1).leaves(), 100);
    /// ```
    pub fn limited(len: usize, min: usize, max: usize) -> Width {
        let usual = match len {
            0..=16 => len,
            17..=255 => 16,
            256..=1023 => 32,
            _ => USUAL,
        };
        let at_least = len.div_ceil(max.max(1));
        let at_most = (len / min.max(1)).clamp(1, MOST).min(len);
        Width { len, leaves: usual.max(at_least).min(at_most) }
    }

    /// Number of items.
    ///
    /// ```
    /// use detpar::iter::width::Width;
    ///
    /// assert_eq!(Width::of(100).len(), 100);
    /// ```
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing to cut.
    ///
    /// ```
    /// use detpar::iter::width::Width;
    ///
    /// assert!(Width::of(0).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of leaves.
    ///
    /// ```
    /// use detpar::iter::width::Width;
    ///
    /// assert_eq!(Width::of(1_000_000).leaves(), 64);
    /// ```
    pub fn leaves(&self) -> usize {
        self.leaves
    }

    /// Index of the first item of leaf `leaf`; the length for the leaf after the last.
    ///
    /// # Panics
    /// Where there is no such leaf.
    ///
    /// ```
    /// use detpar::iter::width::Width;
    ///
    /// // Of ten items in three leaves the first has four.
    /// let width = Width::limited(10, 3, usize::MAX);
    /// assert_eq!([0, 1, 2, 3].map(|leaf| width.start(leaf)), [0, 4, 7, 10]);
    /// ```
    pub fn start(&self, leaf: usize) -> usize {
        assert!(leaf <= self.leaves, "leaf {leaf} of {}", self.leaves);
        if self.leaves == 0 {
            return 0;
        }
        // `leaf * (len / leaves)` cannot overflow, `leaf * len / leaves` could.
        leaf * (self.len / self.leaves) + leaf.min(self.len % self.leaves)
    }

    /// How a tree over `leaves > 1` leaves divides them into left and right.
    ///
    /// ```
    /// use detpar::iter::width::Width;
    ///
    /// assert_eq!(Width::halves(5), (3, 2));
    /// ```
    pub fn halves(leaves: usize) -> (usize, usize) {
        (leaves.div_ceil(2), leaves / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change of one of these numbers changes the bits of users' sums: a breaking change.
    #[test]
    fn the_table() {
        let table = [
            (0, 0),
            (1, 1),
            (2, 2),
            (15, 15),
            (16, 16),
            (17, 16),
            (64, 16),
            (255, 16),
            (256, 32),
            (1023, 32),
            (1024, 64),
            (usize::MAX, 64),
        ];
        for (len, leaves) in table {
            assert_eq!(Width::of(len).leaves(), leaves, "length {len}");
        }
    }

    #[test]
    fn limits() {
        assert_eq!(Width::limited(0, 5, 1).leaves(), 0);
        assert_eq!(Width::limited(10, 100, usize::MAX).leaves(), 1);
        assert_eq!(Width::limited(10, 3, usize::MAX).leaves(), 3);
        assert_eq!(Width::limited(10, 0, 0).leaves(), 10);
        assert_eq!(Width::limited(100, 1, 1).leaves(), 100);
        assert_eq!(Width::limited(100, 1, 3).leaves(), 34);
        assert_eq!(Width::limited(100, 1, 50).leaves(), 16);
        assert_eq!(Width::limited(100, 10, 3).leaves(), 10);
        assert_eq!(Width::limited(1_000_000, 1, 1).leaves(), MOST);
        assert_eq!(Width::limited(usize::MAX, 1, 1).leaves(), MOST);
    }

    #[test]
    fn leaves_cover_everything_in_order() {
        for len in (0..2000).chain([usize::MAX - 1, usize::MAX]) {
            for (min, max) in [(1, usize::MAX), (1, 1), (7, usize::MAX), (1, 5), (9, 3)] {
                let width = Width::limited(len, min, max);
                let starts: Vec<usize> = (0..=width.leaves()).map(|i| width.start(i)).collect();
                assert_eq!((starts[0], starts[width.leaves()]), (0, len));
                let lens: Vec<usize> = starts.windows(2).map(|w| w[1] - w[0]).collect();
                assert!(lens.windows(2).all(|w| w[0] == w[1] || w[0] == w[1] + 1));
                assert!(lens.iter().all(|&l| l > 0));
                if let (Some(first), Some(last)) = (lens.first(), lens.last()) {
                    assert!(first - last <= 1);
                    assert!(lens.len() == 1 || *last >= min);
                    assert!(min > 1 || lens.len() == MOST || *first <= max);
                }
            }
        }
    }
}
