//! `fork`: one child that runs beside its parent until it is joined.
use crate::engine::{self, Started};
use crate::error::JoinError;
use std::marker::PhantomData;

/// A child that was started by [`fork`]. Dropped without a join it is ended, and nothing of it
/// is kept.
///
/// A handle that moves into another space is of no use there: its child cannot be joined from
/// there, and its end waits. Once that space is merged, the child is ended when its parent next
/// forks or joins a child by [`fork`], or ends itself; until then its number is in use. If that space
/// fails, the handle comes back with its closure.
#[must_use = "a child that is not joined is ended"]
#[derive(Debug)]
pub struct Child<R> {
    id: u32,
    started: Started<R>,
    /// Not to be sent to a child.
    here: PhantomData<*const ()>,
}

/// Starts a child that runs `f` from a snapshot of memory as of now, while the caller goes on.
///
/// The child sees nothing of what the parent writes later, the parent nothing of the child
/// until it joins it. `id` names the child among those of the same parent. Deep below the master
/// a parent may wait here until the child has ended: in forks nested more than five deep, as a
/// rule (docs/heap.md, "Open children in turn").
///
/// ```
/// #[detpar::main]
/// fn main() {
///     let words = vec!["a", "b", "c"];
///     let child = detpar::fork(7, {
///         let words = words.clone();
///         move || words.concat()
///     })
///     .unwrap();
///     let count = words.len();
///     assert_eq!((child.join().unwrap(), count), ("abc".to_string(), 3));
/// }
/// ```
///
/// # Errors
///
/// [`JoinError::Unsupported`] where a child with this id is alive, for ids from 2^31 on, and
/// where the system lacks what children need; [`JoinError::Limit`].
///
/// # Conflicts
///
/// See [`Child::join`].
pub fn fork<F, R>(id: u32, f: F) -> Result<Child<R>, JoinError>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    Ok(Child { id, started: engine::beside(id, f)?, here: PhantomData })
}

impl<R: Send> Child<R> {
    /// The name it was given.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Waits for the child, merges its changes into memory as it is now and returns its result.
    ///
    /// # Errors
    ///
    /// The child's failure; nothing of it was merged. Other children are not affected.
    /// [`JoinError::Unsupported`] in any space but the one that started the child.
    ///
    /// # Conflicts
    ///
    /// A byte that the child changed and that the parent changed too since the child's start,
    /// itself or by joining another child.
    pub fn join(self) -> Result<R, JoinError> {
        self.started.join()
    }
}
