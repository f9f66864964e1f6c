//! `join` and `try_join`: two children of one closed construct.
use crate::engine;
use crate::error::JoinError;
use crate::iter::Exclusive;

/// Runs two closures, possibly in parallel, each on a private snapshot of memory, merges
/// their changes and returns both results.
///
/// Neither closure sees what the other does. What they print appears at the join, that of the
/// first before that of the second. To handle a failure, use [`try_join`].
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let numbers: Vec<u64> = (1..=1000).collect();
///     let mut halves = [0; 2];
///     let [low, high] = &mut halves;
///     let (sum, product) = detpar::join(
///         || {
///             *low = 1;
///             numbers.iter().sum::<u64>()
///         },
///         || {
///             *high = 2;
///             numbers[..10].iter().product::<u64>()
///         },
///     );
///     assert_eq!((sum, product), (500_500, 3_628_800));
///     assert_eq!(halves, [1, 2]);
/// }
/// ```
///
/// # Panics
///
/// Where a child panicked with a message, that panic continues: its message was printed by
/// the child, and is the payload here. Where the construct failed for any other reason it
/// panics at the caller's line with the [`JoinError`] as the message, a conflict for
/// instance. Panics too outside of [`main`](macro@crate::main).
///
/// # Conflicts
///
/// Two closures that changed the same byte conflict, even where both wrote the same value.
/// A byte that is written but keeps its value is not changed.
#[track_caller]
pub fn join<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    match try_join(a, b) {
        Ok(r) => r,
        Err(e) => e.unwind(),
    }
}

/// Like [`join`], with the failure as a value.
///
/// All or nothing: on failure nothing that either child changed is kept, no result, no write
/// to memory, and the closures are dropped unused. Only the output up to and including the
/// failing child's is delivered. (So it is in the engine `spaces`; the others take nothing back,
/// see `docs/engines.md`.)
///
/// ```
/// use detpar::JoinError;
///
/// #[detpar::main]
/// fn main() {
///     let mut kept = 1;
///     let failed = detpar::try_join(|| kept = 2, || "no number".parse::<u32>().unwrap());
///     match failed {
///         Err(JoinError::Panic(panic)) => {
///             assert_eq!(panic.child(), 1);
///             assert!(panic.message().unwrap().contains("ParseIntError"));
///         }
///         other => panic!("{other:?}"),
///     }
///     assert_eq!(kept, 1);
/// }
/// ```
///
/// # Errors
///
/// The failure of the child with the lower index, whichever happened first: see
/// [`JoinError`].
///
/// # Conflicts
///
/// As for [`join`]; a conflict is the error [`JoinError::Conflict`].
pub fn try_join<A, B, RA, RB>(a: A, b: B) -> Result<(RA, RB), JoinError>
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    engine::fork2(a, b)
}

/// Like [`join`], of closures that have a slice each to themselves: the parts of one that was split,
/// say.
///
/// The result is that of `join(|| a(left), || b(right))`. What the closures write to their slices is
/// there at once, though, and not merged page by page, where a slice has some tens of pages and lies on
/// the heap (`docs/exec.md`, "Grants in place"): to sort or fill large slices takes about as long as with
/// threads. If the construct fails the slices are what they were before.
///
/// ```
/// /// Sorts by halves; where both are small, at once.
/// fn sort(items: &mut [u64]) {
///     if items.len() < 1000 {
///         return items.sort_unstable();
///     }
///     let middle = items.len() / 2;
///     let (low, _, high) = items.select_nth_unstable(middle);
///     detpar::join_mut(low, high, sort, sort);
/// }
///
/// #[detpar::main]
/// fn main() {
///     let mut items: Vec<u64> = (0..10_000).rev().collect();
///     sort(&mut items);
///     assert!(items.is_sorted());
/// }
/// ```
///
/// # Panics
///
/// As [`join`].
///
/// # Conflicts
///
/// As for [`join`], in all memory but the slices.
#[track_caller]
pub fn join_mut<T, U, A, B, RA, RB>(left: &mut [T], right: &mut [U], a: A, b: B) -> (RA, RB)
where
    T: Send,
    U: Send,
    A: FnOnce(&mut [T]) -> RA + Send,
    B: FnOnce(&mut [U]) -> RB + Send,
    RA: Send,
    RB: Send,
{
    match try_join_mut(left, right, a, b) {
        Ok(r) => r,
        Err(e) => e.unwind(),
    }
}

/// Like [`join_mut`], with the failure as a value.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let mut items = vec![1; 10_000];
///     let (left, right) = items.split_at_mut(5000);
///     let failed = detpar::try_join_mut(left, right, |left| left.fill(2), |right| right[5000]);
///     assert!(failed.is_err());
///     assert_eq!(items, vec![1; 10_000]);
/// }
/// ```
///
/// # Errors
///
/// As [`try_join`].
///
/// # Conflicts
///
/// As for [`join_mut`]; a conflict is the error [`JoinError::Conflict`].
pub fn try_join_mut<T, U, A, B, RA, RB>(
    left: &mut [T],
    right: &mut [U],
    a: A,
    b: B,
) -> Result<(RA, RB), JoinError>
where
    T: Send,
    U: Send,
    A: FnOnce(&mut [T]) -> RA + Send,
    B: FnOnce(&mut [U]) -> RB + Send,
    RA: Send,
    RB: Send,
{
    let exclusive = [Exclusive::of(left), Exclusive::of(right)];
    engine::fork2_in_place(exclusive, || a(left), || b(right))
}
