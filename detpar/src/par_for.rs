//! `par_for`: the indices of a range shared out to children of one workspace.
use crate::barrier::Barrier;
use crate::error::JoinError;
use crate::iter::width::{MOST, Width};
use crate::merge::State;
use crate::workspace::{try_workspace, try_workspace_with_barrier, unwind};
use std::ops::Range;

/// Runs `body(i, state)` for every index of a range, in children that each get `&mut` to a private
/// copy of the state and do several neighbouring indices in turn.
///
/// How many children there are and where their parts begin follows from the length of the range
/// alone ([`width`](crate::iter::width)). An index sees what the ones before it in its part
/// changed, and of other parts the state as it was at the call. To handle a failure, use
/// [`try_par_for`]; to choose the parts, [`par_for_blocks`].
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let mut squares = vec![0; 1000];
///     detpar::par_for(&mut squares, 0..1000, |i, squares| squares[i] = i * i);
///     assert_eq!(squares[31], 961);
/// }
/// ```
///
/// # Panics
///
/// As [`join`](crate::join()).
///
/// # Conflicts
///
/// As for [`workspace`](crate::workspace()), between the parts.
#[track_caller]
pub fn par_for<T, F>(state: &mut T, range: Range<usize>, body: F)
where
    T: State + ?Sized,
    F: Fn(usize, &mut T) + Sync,
{
    unwind(try_par_for(state, range, body));
}

/// Like [`par_for`], with the failure as a value: the state is as it was then.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let mut sum = 0;
///     let e = detpar::try_par_for(&mut sum, 0..10, |i, sum| *sum += i).unwrap_err();
///     assert!(matches!(e, detpar::JoinError::Conflict(c) if c.children() == (1, 2)));
///     assert_eq!(sum, 0);
/// }
/// ```
///
/// (The first of the ten children adds zero, which is no change.)
///
/// # Errors
///
/// As [`try_workspace`](crate::try_workspace()); a child is called by the number of its part.
///
/// # Conflicts
///
/// As for [`par_for`]; a conflict is the error [`JoinError::Conflict`].
pub fn try_par_for<T, F>(state: &mut T, range: Range<usize>, body: F) -> Result<(), JoinError>
where
    T: State + ?Sized,
    F: Fn(usize, &mut T) + Sync,
{
    let width = Width::of(range.len());
    try_workspace(state, width.leaves(), |leaf, state| {
        part(&range, &width, leaf).for_each(|i| body(i, state));
    })
}

/// Runs `body(indices, state)` for blocks of `block` neighbouring indices of a range; the last one
/// may be shorter.
///
/// Each block is done by a child, as in [`par_for`]; neighbouring ones share a child where there
/// are more than 1024.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let mut most = vec![0; 3];
///     let values = [3, 1, 4, 1, 5, 9, 2];
///     detpar::par_for_blocks(&mut most, 0..7, 3, |indices, most| {
///         let block = indices.start / 3;
///         most[block] = *values[indices].iter().max().unwrap();
///     });
///     assert_eq!(most, [4, 9, 2]);
/// }
/// ```
///
/// # Panics
///
/// As [`join`](crate::join()), and for blocks of no indices.
///
/// # Conflicts
///
/// As for [`workspace`](crate::workspace()), between children.
#[track_caller]
pub fn par_for_blocks<T, F>(state: &mut T, range: Range<usize>, block: usize, body: F)
where
    T: State + ?Sized,
    F: Fn(Range<usize>, &mut T) + Sync,
{
    unwind(try_par_for_blocks(state, range, block, body));
}

/// Like [`par_for_blocks`], with the failure as a value: the state is as it was then.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let failed = detpar::try_par_for_blocks(&mut (), 0..10, 4, |indices, ()| {
///         assert!(indices.len() == 4, "only {indices:?}");
///     });
///     assert!(failed.unwrap_err().to_string().contains("only 8..10"));
/// }
/// ```
///
/// # Errors
///
/// As [`try_workspace`](crate::try_workspace()).
///
/// # Panics
///
/// For blocks of no indices.
///
/// # Conflicts
///
/// As for [`par_for_blocks`].
#[track_caller]
pub fn try_par_for_blocks<T, F>(
    state: &mut T,
    range: Range<usize>,
    block: usize,
    body: F,
) -> Result<(), JoinError>
where
    T: State + ?Sized,
    F: Fn(Range<usize>, &mut T) + Sync,
{
    assert!(block > 0, "a block has at least one index");
    let blocks = range.len().div_ceil(block);
    // One child for each as far as possible, like items that are few but heavy.
    let width = Width::limited(blocks, 1, 1);
    try_workspace(state, width.leaves(), |leaf, state| {
        for number in part(&(0..blocks), &width, leaf) {
            let start = range.start + number * block;
            body(start..range.end.min(start.saturating_add(block)), state);
        }
    })
}

/// Runs `body(indices, state, barrier)` for the parts of a range, whose children can meet at a
/// [`Barrier`].
///
/// The parts are those of [`par_for`].
///
/// ```
/// #[detpar::main]
/// fn main() {
///     // Heat on a ring: each place takes the mean of its neighbours, ten times.
///     let mut heat = [vec![0.0; 100], vec![0.0; 100]];
///     heat[0][50] = 1024.0;
///     detpar::par_for_with_barrier(&mut heat, 0..100, |part, heat, barrier| {
///         for step in 0..10 {
///             let (now, next) = (step % 2, 1 - step % 2);
///             for i in part.clone() {
///                 heat[next][i] = (heat[now][(i + 99) % 100] + heat[now][(i + 1) % 100]) / 2.0;
///             }
///             barrier.wait(heat);
///         }
///     });
///     assert_eq!(heat[0][50], 252.0);
///     assert_eq!(heat[0].iter().sum::<f64>(), 1024.0);
/// }
/// ```
///
/// # Panics
///
/// As [`workspace_with_barrier`](crate::workspace_with_barrier()).
///
/// # Conflicts
///
/// As for [`workspace_with_barrier`](crate::workspace_with_barrier()).
#[track_caller]
pub fn par_for_with_barrier<T, F>(state: &mut T, range: Range<usize>, body: F)
where
    T: State + ?Sized,
    F: Fn(Range<usize>, &mut T, &Barrier<'_, T>) + Sync,
{
    unwind(try_par_for_with_barrier(state, range, body));
}

/// Like [`par_for_with_barrier`], with the failure as a value: the state is as it was then.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let mut n = [0; 8];
///     let met = detpar::try_par_for_with_barrier(&mut n, 0..8, |part, n, barrier| {
///         n[part.start] = 1;
///         barrier.wait(n);
///         n[7 - part.start] += 1;
///     });
///     assert!(met.is_ok());
///     assert_eq!(n, [2; 8]);
/// }
/// ```
///
/// # Errors
///
/// As [`try_workspace`](crate::try_workspace()).
///
/// # Conflicts
///
/// As for [`workspace_with_barrier`](crate::workspace_with_barrier()).
pub fn try_par_for_with_barrier<T, F>(
    state: &mut T,
    range: Range<usize>,
    body: F,
) -> Result<(), JoinError>
where
    T: State + ?Sized,
    F: Fn(Range<usize>, &mut T, &Barrier<'_, T>) + Sync,
{
    let width = Width::of(range.len());
    try_workspace_with_barrier(state, width.leaves(), |leaf, state, barrier| {
        body(part(&range, &width, leaf), state, barrier);
    })
}

/// The indices of a leaf; `width` cuts the whole range.
fn part(range: &Range<usize>, width: &Width, leaf: usize) -> Range<usize> {
    range.start + width.start(leaf)..range.start + width.start(leaf + 1)
}

const _: () = assert!(MOST == 1024, "as the documentation of `par_for_blocks` says");
