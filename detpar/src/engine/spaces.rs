//! Open children of the engine `spaces`: those that run beside their parent, in a scope or by a
//! handle. Closed constructs are `crate::fork` alone.
use crate::error::JoinError;
use crate::fork::{self, Frames, Given};
use kernel::abi::ChildId;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Children of a scope.
pub(crate) struct Children {
    /// Those so far, in order, and the closures they were given.
    children: Rc<RefCell<Vec<(ChildId, Given)>>>,
    /// An address below everything that lives for the scope on the stack.
    frames: usize,
    /// The space that the scope belongs to.
    space: u64,
}

impl Children {
    /// # Safety
    /// The child must borrow only what lives until the scope's end, in frames above the scope's.
    pub unsafe fn spawn(&self, child: impl FnOnce()) -> Result<(), JoinError> {
        if self.space != fork::space() {
            return Err(fork::not_ours());
        }
        // SAFETY: the caller's contract; the scope joins or ends every child before it returns.
        let child = unsafe { fork::fork_open(None, child, Frames::From(self.frames)) }?;
        self.children.borrow_mut().push(child);
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.children.borrow().len()
    }
}

// Not inlined: everything that lives for the scope lies in frames above this one.
#[inline(never)]
pub(super) fn scope<'scope, OP, R>(op: OP) -> Result<R, JoinError>
where
    OP: FnOnce(super::Children<'scope>) -> (R, Option<JoinError>),
{
    let mut here = 0u8;
    let frames = std::hint::black_box(&raw mut here) as usize;
    let all = Rc::<RefCell<Vec<_>>>::default();
    let children = Children { children: Rc::clone(&all), frames, space: fork::space() };
    let body = catch_unwind(AssertUnwindSafe(|| op(super::Children::Spaces(children))));
    let children = all.take();
    let ids: Vec<ChildId> = children.iter().map(|c| c.0).collect();
    match body {
        Ok((r, None)) => {
            if !ids.is_empty() {
                let end_all = |_: &_| ids.iter().copied().for_each(fork::end_open);
                drop(fork::join_open(&ids).inspect_err(end_all)?);
                children.into_iter().for_each(|(_, given)| given.forget());
            }
            Ok(r)
        }
        failed => {
            ids.into_iter().for_each(fork::end_open);
            match failed {
                Err(payload) => resume_unwind(payload),
                Ok((r, failed)) => failed.map_or(Ok(r), Err),
            }
        }
    }
}

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

/// A child that runs until it is joined.
#[derive(Debug)]
pub(crate) struct Started<R> {
    id: ChildId,
    given: Option<Given>,
    abandoned: Arc<AtomicBool>,
    /// What its closure returns.
    result: PhantomData<fn() -> R>,
}

pub(super) fn beside<F, R>(id: u32, f: F) -> Result<super::Started<R>, JoinError>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    end_abandoned();
    // SAFETY: what the closure refers to lives for ever, and not on the stack.
    let (id, given) = unsafe { fork::fork_open(Some(id), f, Frames::None) }?;
    let abandoned = Arc::new(AtomicBool::new(false));
    let _ = HANDLES.try_with(|h| h.borrow_mut().push((id, Arc::clone(&abandoned))));
    Ok(super::Started::Spaces(Started { id, given: Some(given), abandoned, result: PhantomData }))
}

impl<R> Started<R> {
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

    /// Its handle is about to be used up here.
    fn forget(&self) {
        let others = |(_, a): &(_, Arc<_>)| !Arc::ptr_eq(a, &self.abandoned);
        let _ = HANDLES.try_with(|handles| handles.borrow_mut().retain(others));
    }
}

impl<R> Drop for Started<R> {
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
