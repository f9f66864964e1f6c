//! `fork`: one child that runs beside its parent until it is joined.
use crate::error::JoinError;
use crate::fork::{self, Frames, Given};
use kernel::abi::ChildId;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

thread_local! {
    /// Children of this space whose handles exist, and whether these were used up elsewhere.
    static HANDLES: RefCell<Vec<(ChildId, Arc<AtomicBool>)>> = const { RefCell::new(Vec::new()) };
}

/// Ends children whose handles were used up in other spaces.
fn end_abandoned() {
    // A destructor of another thread-local may fork when this one is gone.
    let _ = HANDLES.try_with(|handles| {
        handles.borrow_mut().retain(|(id, abandoned)| {
            let gone = abandoned.load(Relaxed);
            if gone {
                fork::end_open(*id);
            }
            !gone
        });
    });
}

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
    id: ChildId,
    given: Option<Given>,
    abandoned: Arc<AtomicBool>,
    result: PhantomData<fn() -> R>,
}

/// Starts a child that runs `f` from a snapshot of memory as of now, while the caller goes on.
///
/// The child sees nothing of what the parent writes later, the parent nothing of the child
/// until it joins it. `id` names the child among those of the same parent.
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
    end_abandoned();
    // SAFETY: what the closure refers to lives for ever, and not on the stack.
    let (id, given) = unsafe { fork::fork_open(Some(id), f, Frames::None) }?;
    let abandoned = Arc::new(AtomicBool::new(false));
    let _ = HANDLES.try_with(|h| h.borrow_mut().push((id, Arc::clone(&abandoned))));
    Ok(Child { id, given: Some(given), abandoned, result: PhantomData })
}

impl<R: Send> Child<R> {
    /// The name it was given.
    pub fn id(&self) -> u32 {
        self.id.0
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
    pub fn join(mut self) -> Result<R, JoinError> {
        if self.given.as_ref().is_some_and(|g| !g.is_ours()) {
            return Err(fork::not_ours());
        }
        let given = self.given.take();
        self.forget();
        end_abandoned();
        let joined = fork::join_open(&[self.id]).inspect_err(|_| fork::end_open(self.id))?;
        // SAFETY: the child returned, so its buffer holds an R, moved out once.
        let r = unsafe { joined.result(0).cast::<R>().read() };
        drop(joined);
        if let Some(given) = given {
            given.forget();
        }
        Ok(r)
    }
}

impl<R> Child<R> {
    /// Its handle is about to be used up here.
    fn forget(&self) {
        let others = |(_, a): &(_, Arc<_>)| !Arc::ptr_eq(a, &self.abandoned);
        let _ = HANDLES.try_with(|handles| handles.borrow_mut().retain(others));
    }
}

impl<R> Drop for Child<R> {
    fn drop(&mut self) {
        match &self.given {
            Some(given) if given.is_ours() => {
                self.forget();
                fork::end_open(self.id);
            }
            // Its parent ends it, once it learns of this by the merge.
            Some(_) => self.abandoned.store(true, Relaxed),
            None => {}
        }
    }
}
