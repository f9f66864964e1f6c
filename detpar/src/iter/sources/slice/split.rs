//! Parts of slices between separators, and runs of likes.
use crate::iter::ParallelIterator;
use crate::iter::bridged::unindexed_by_method;
use crate::iter::sources::pieces;
use std::fmt::{self, Debug, Formatter};
use std::mem;
use std::ops::Range;

/// Where a slice may be cut: at the first separator from `at` on, which is left out.
fn at_separator<T>(slice: &[T], at: usize, is: impl Fn(&T) -> bool) -> Option<Range<usize>> {
    let found = at + slice[at..].iter().position(is)?;
    Some(found..found + 1)
}

/// The same behind the separator, which stays.
fn behind_separator<T>(slice: &[T], at: usize, is: impl Fn(&T) -> bool) -> Option<Range<usize>> {
    at_separator(slice, at, is).map(|gap| gap.end..gap.end)
}

/// Where a run ends.
fn between_runs<T>(slice: &[T], at: usize, same: impl Fn(&T, &T) -> bool) -> Option<Range<usize>> {
    let end = (at..slice.len()).find(|&i| !same(&slice[i - 1], &slice[i]))?;
    Some(end..end)
}

macro_rules! split {
    (
        $(#[$doc:meta])*
        $iter:ident, [$($mutable:tt)?], $bound:ident, $op:ident: Fn($($arg:ty),*), $std:ident, $gap:ident
    ) => {
        $(#[$doc])*
        #[must_use = "a parallel iterator does nothing until it is consumed"]
        pub struct $iter<'data, T, P> {
            pub(super) slice: &'data $($mutable)? [T],
            pub(super) $op: P,
        }

        impl<'data, T: $bound, P: Fn($($arg),*) -> bool + Sync + Send> $iter<'data, T, P> {
            fn inner(&mut self) -> impl ParallelIterator<Item = &'data $($mutable)? [T]> {
                let (slice, op) = (mem::take(&mut self.slice), &self.$op);
                let cut = pieces::cut(slice.len(), |at| $gap(slice, at, op));
                split!(@pieces [$($mutable)?] pieces slice cut);
                pieces::run(pieces, move |piece: &'data $($mutable)? [T]| piece.$std(op))
            }
        }

        unindexed_by_method!(
            ['data, T: $bound, P: Fn($($arg),*) -> bool + Sync + Send] $iter<'data, T, P>,
            &'data $($mutable)? [T]
        );

        impl<T: Debug, P> Debug for $iter<'_, T, P> {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($iter)).field("slice", &self.slice).finish_non_exhaustive()
            }
        }

        split!(@clone [$($mutable)?] $iter $op);
    };
    (@pieces [] $pieces:ident $slice:ident $cut:ident) => {
        let $pieces = $cut.into_iter().map(|range| &$slice[range]).collect();
    };
    (@pieces [mut] $pieces:ident $slice:ident $cut:ident) => {
        let $pieces = pieces::of_slice_mut($slice, $cut);
    };
    (@clone [] $iter:ident $op:ident) => {
        impl<T, P: Clone> Clone for $iter<'_, T, P> {
            fn clone(&self) -> Self {
                $iter { slice: self.slice, $op: self.$op.clone() }
            }
        }
    };
    (@clone [mut] $iter:ident $op:ident) => {};
}

split! {
    /// Parallel iterator over what is between the separators of a slice.
    Split, [], Sync, separator: Fn(&T), split, at_separator
}
split! {
    /// Parallel iterator over what is between the separators of a mutable slice.
    SplitMut, [mut], Send, separator: Fn(&T), split_mut, at_separator
}
split! {
    /// Parallel iterator over the parts of a slice that end with a separator.
    SplitInclusive, [], Sync, separator: Fn(&T), split_inclusive, behind_separator
}
split! {
    /// Parallel iterator over the parts of a mutable slice that end with a separator.
    SplitInclusiveMut, [mut], Send, separator: Fn(&T), split_inclusive_mut, behind_separator
}
split! {
    /// Parallel iterator over the runs of a slice.
    ChunkBy, [], Sync, pred: Fn(&T, &T), chunk_by, between_runs
}
split! {
    /// Parallel iterator over the runs of a mutable slice.
    ChunkByMut, [mut], Send, pred: Fn(&T, &T), chunk_by_mut, between_runs
}
