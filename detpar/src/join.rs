//! `join` and `try_join`: two children of one closed construct.
use crate::engine;
use crate::error::JoinError;

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
