//! `workspace`: children that change private copies of one value.
use crate::barrier::Barrier;
use crate::error::JoinError;
use crate::merge::{Shape, State};
use crate::{fork, reducer};

/// Runs `n` children, child `i` with `body(i, state)`, each of which gets `&mut` to its private copy
/// of the same state, and merges what they changed.
///
/// Every child sees the state as it was at the call, and nothing of what its siblings do: there
/// are no races, only places that two children changed, which is a conflict in every run. The
/// unit is the scalar leaf of the type, or what must be whole; see [`merge`](crate::merge).
/// To handle a failure, use [`try_workspace`]; for steps in which children see each other's
/// results, [`workspace_with_barrier`]; for indices in blocks, [`par_for`](crate::par_for()).
///
/// All that everybody reads may be changed by one:
///
/// ```
/// #[detpar::main]
/// fn main() {
///     // Each at once what the other was: no third variable, and no lock.
///     let mut pair = (1, 2);
///     detpar::workspace(&mut pair, 2, |i, (x, y)| match i {
///         0 => *x = *y,
///         _ => *y = *x,
///     });
///     assert_eq!(pair, (2, 1));
///
///     // Everyone looks at all and moves itself.
///     let mut places = vec![0.0, 1.0, 5.0];
///     detpar::workspace(&mut places, 3, |i, places| {
///         let mean = places.iter().sum::<f64>() / 3.0;
///         places[i] = (places[i] + mean) / 2.0;
///     });
///     assert_eq!(places, [1.0, 1.5, 3.5]);
/// }
/// ```
///
/// # Panics
///
/// As [`join`](crate::join()).
///
/// # Conflicts
///
/// A unit of the state that two children changed, or one a unit and another what owns it; any
/// other byte that two children changed.
#[track_caller]
pub fn workspace<T, F>(state: &mut T, n: usize, body: F)
where
    T: State + ?Sized,
    F: Fn(usize, &mut T) + Sync,
{
    unwind(try_workspace(state, n, body));
}

/// Like [`workspace`], with the failure as a value: the state is as it was then.
///
/// ```
/// use detpar::JoinError;
///
/// #[detpar::main]
/// fn main() {
///     // By bytes that would be 257, which nobody wrote.
///     let mut n = 0u64;
///     let both = detpar::try_workspace(&mut n, 2, |i, n| *n = [256, 1][i]);
///     assert!(matches!(both, Err(JoinError::Conflict(c)) if c.children() == (0, 1)));
///     assert_eq!(n, 0);
/// }
/// ```
///
/// # Errors
///
/// The failure of the lowest index: see [`JoinError`].
///
/// # Conflicts
///
/// As for [`workspace`]; a conflict is the error [`JoinError::Conflict`].
pub fn try_workspace<T, F>(state: &mut T, n: usize, body: F) -> Result<(), JoinError>
where
    T: State + ?Sized,
    F: Fn(usize, &mut T) + Sync,
{
    run(state, n, |i, state, _| body(i, state))
}

/// Like [`workspace`], with a [`Barrier`] at which the children meet: all that they changed is
/// merged there, and each goes on with the state as it is then.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     // Sums from the left, in three steps.
///     let mut sums = [1, 2, 3, 4, 5, 6, 7, 8];
///     detpar::workspace_with_barrier(&mut sums, 8, |i, sums, barrier| {
///         for step in [1, 2, 4] {
///             if i >= step {
///                 sums[i] += sums[i - step];
///             }
///             barrier.wait(sums);
///         }
///     });
///     assert_eq!(sums, [1, 3, 6, 10, 15, 21, 28, 36]);
/// }
/// ```
///
/// # Panics
///
/// As [`workspace`], and as [`Barrier::wait`].
///
/// # Conflicts
///
/// As for [`workspace`], between one barrier and the next.
#[track_caller]
pub fn workspace_with_barrier<T, F>(state: &mut T, n: usize, body: F)
where
    T: State + ?Sized,
    F: Fn(usize, &mut T, &Barrier<'_, T>) + Sync,
{
    unwind(try_workspace_with_barrier(state, n, body));
}

/// Like [`workspace_with_barrier`], with the failure as a value: the state is then as it was at
/// the call, however many barriers were behind.
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let mut state = [0; 4];
///     let failed = detpar::try_workspace_with_barrier(&mut state, 4, |i, state, barrier| {
///         state[i] = 1;
///         barrier.wait(state);
///         assert!(i < 2, "all of them count {}", state.iter().sum::<i32>());
///     });
///     assert!(failed.unwrap_err().to_string().contains("all of them count 4"));
///     assert_eq!(state, [0; 4]);
/// }
/// ```
///
/// # Errors
///
/// As [`try_workspace`].
///
/// # Conflicts
///
/// As for [`workspace_with_barrier`].
pub fn try_workspace_with_barrier<T, F>(state: &mut T, n: usize, body: F) -> Result<(), JoinError>
where
    T: State + ?Sized,
    F: Fn(usize, &mut T, &Barrier<'_, T>) + Sync,
{
    run(state, n, body)
}

/// The state, as seen from any space.
struct Place<T: ?Sized>(*mut T);

// SAFETY: the only use is `run`, in which each child makes one reference to its own copy, and
// the parent waits: that is sending copies of which units come back, for which `T: State`.
unsafe impl<T: State + ?Sized> Sync for Place<T> {}

impl<T: ?Sized> Place<T> {
    fn at(&self) -> *mut T {
        self.0
    }
}

fn run<T, F>(state: &mut T, n: usize, body: F) -> Result<(), JoinError>
where
    T: State + ?Sized,
    F: Fn(usize, &mut T, &Barrier<'_, T>) + Sync,
{
    let shape = Shape::of(state);
    let state = Place(&raw mut *state);
    let given = fork::fork_each_by_units(n, &shape, |i| {
        reducer::collect(|| {
            let barrier = Barrier::new(&shape, state.at());
            // SAFETY: this child's own copy, to which there is no other reference: the parent
            // has lent its own to `run` and waits. A barrier changes it while this reference
            // is lent to `Barrier::wait`.
            body(i, unsafe { &mut *state.at() }, &barrier);
            barrier.end();
        })
    })?;
    given.into_iter().for_each(reducer::Given::absorb);
    Ok(())
}

#[track_caller]
pub(crate) fn unwind(result: Result<(), JoinError>) {
    if let Err(e) = result {
        e.unwind()
    }
}
