//! Where the children of a workspace meet.
use crate::error::JoinError;
use crate::fork;
use crate::merge::{Merge, Shape, State};
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

/// Where the children of a [`workspace_with_barrier`](crate::workspace_with_barrier()) or a
/// [`par_for_with_barrier`](crate::par_for_with_barrier()) meet.
///
/// A child has it by reference and cannot give it away, so that nobody else waits there:
///
/// ```compile_fail,E0277
/// detpar::workspace_with_barrier(&mut 0, 2, |_, state, barrier| {
///     let mut own = 1;
///     detpar::join(|| barrier.wait(&mut own), || ());
/// });
/// ```
pub struct Barrier<'w, T: ?Sized> {
    /// What the state consists of, as the merge knows it.
    shape: &'w Shape,
    /// Where it lies. A pointer also keeps the barrier in its child.
    state: *mut T,
    /// Whether the state owns other memory than the merge knows: nothing of it may merge any more.
    grown: Cell<bool>,
    marker: PhantomData<fn(&mut T)>,
}

impl<'w, T: State + ?Sized> Barrier<'w, T> {
    pub(crate) fn new(shape: &'w Shape, state: *mut T) -> Self {
        Barrier { shape, state, grown: Cell::new(false), marker: PhantomData }
    }

    /// Waits until all siblings wait or have ended, merges what all changed and goes on with that:
    /// all that is reached through `state` is then the same in every child.
    ///
    /// What a child has elsewhere, on its stack, stays as it is. One that ends takes part no
    /// longer, and nobody waits for it: there is no deadlock. Any number of children can meet, on
    /// any number of workers.
    ///
    /// # Panics
    ///
    /// In the child, which fails the workspace, where [`try_wait`](Barrier::try_wait) answers an
    /// error, and in these cases:
    /// - `state` is not the child's state.
    /// - The state owns other memory than before the workspace: a `Vec` has grown, say. Only the
    ///   last step, after which no child waits any more, may do that.
    ///
    /// # Conflicts
    ///
    /// As for [`workspace`](crate::workspace()); nothing of any step is kept.
    #[track_caller]
    pub fn wait(&self, state: &mut T) {
        if let Err(e) = self.try_wait(state) {
            e.unwind()
        }
    }

    /// Like [`wait`](Barrier::wait), with the refusal as a value: the child goes on as if it had
    /// not waited.
    ///
    /// ```
    /// #[detpar::main]
    /// fn main() {
    ///     detpar::workspace_with_barrier(&mut [0; 2], 2, |i, state, barrier| {
    ///         let beside = detpar::fork(0, move || i);
    ///         assert!(barrier.try_wait(state).is_err());
    ///         state[i] = beside.unwrap().join().unwrap();
    ///         assert!(barrier.try_wait(state).is_ok());
    ///         assert_eq!(*state, [0, 1]);
    ///     });
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`JoinError::Unsupported`] while the child has open children of its own: those of
    /// [`fork`](crate::fork()) that are not joined, and of a scope.
    ///
    /// # Panics
    ///
    /// As [`wait`](Barrier::wait), but for what is an error.
    #[track_caller]
    pub fn try_wait(&self, state: &mut T) -> Result<(), JoinError> {
        // A reference that was not given here must not see the memory change.
        assert!(std::ptr::eq(state, self.state), "a barrier takes the workspace's own state");
        self.end();
        fork::barrier()?;
        // One that ended before may have changed it, too.
        self.grown.set(T::Value::OWNS && Shape::of(state) != *self.shape);
        self.end();
        Ok(())
    }

    /// Fails a child that must not go on, also where it has caught the panic of its last wait.
    #[track_caller]
    pub(crate) fn end(&self) {
        if self.grown.get() {
            panic!(
                "the state owns other memory than before the workspace: let what it owns have its \
                 size before children meet at a barrier"
            );
        }
    }
}

impl<T: ?Sized> fmt::Debug for Barrier<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}
