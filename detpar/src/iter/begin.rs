//! What a leaf starts with: the state of `map_with`, `fold` and their like.
//!
//! There is one state for each leaf, made in the leaf. How many there are is thus a function of
//! the length alone.

/// Makes the state of a leaf.
pub(super) trait Begin: Clone + Send {
    /// The state.
    type State;

    /// Begins a leaf. Called in the child.
    fn begin(self) -> Self::State;
}

/// The state is a value, cloned where the work is cut.
#[derive(Clone)]
pub(super) struct With<T>(pub(super) T);

impl<T: Clone + Send> Begin for With<T> {
    type State = T;

    fn begin(self) -> T {
        self.0
    }
}

/// The state is what a closure returns.
pub(super) struct Init<'f, F>(pub(super) &'f F);

impl<F> Clone for Init<'_, F> {
    fn clone(&self) -> Self {
        Init(self.0)
    }
}

impl<T, F: Fn() -> T + Sync> Begin for Init<'_, F> {
    type State = T;

    fn begin(self) -> T {
        (self.0)()
    }
}

/// How a leaf begins, and the closure that works on its state.
pub(super) struct Work<'f, B, F> {
    pub(super) begin: B,
    pub(super) op: &'f F,
}

impl<B: Clone, F> Clone for Work<'_, B, F> {
    fn clone(&self) -> Self {
        Work { begin: self.begin.clone(), op: self.op }
    }
}
