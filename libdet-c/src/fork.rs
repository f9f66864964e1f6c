//! Children by number: fork, join and what lies between.

use crate::error::{Failed, guard};
use crate::raw::{self, How};
use crate::twice::second_return;
use core::ffi::{c_int, c_long, c_void};
use kernel::abi::End;

/// What a child of [`det_fork_fn`] runs.
type Body = unsafe extern "C" fn(*mut c_void);

/// The fork behind [`det_fork`](crate::det_fork); the caller's registers lie at `saved`.
///
/// # Safety
/// Called by `det_fork` alone.
pub(crate) unsafe extern "C" fn fork_here(id: c_int, saved: *mut ()) -> c_int {
    guard(-1, || {
        // SAFETY: the snapshot has the saved registers, and the frames above them.
        unsafe { raw::fork(id, second_return, saved, 0) }?;
        Ok(1)
    })
}

/// Starts a child that runs `body(arg)`, from a snapshot of memory as of now: 0, or -1 with
/// `errno`. See `det_fork(3)`.
///
/// # Safety
/// `body` accepts `arg` in the child's copy of memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_fork_fn(id: c_int, body: Option<Body>, arg: *mut c_void) -> c_int {
    /// # Safety
    /// `data` is a `Body` that accepts `arg`.
    unsafe extern "C" fn entry(data: *mut (), arg: usize, _out: *mut u8) -> End {
        // SAFETY: `det_fork_fn` passes a function of this type.
        let body = unsafe { core::mem::transmute::<*mut (), Body>(data) };
        // SAFETY: the contract of `det_fork_fn`.
        unsafe { body(core::ptr::with_exposed_provenance_mut(arg)) };
        End::Returned
    }
    guard(-1, || {
        let body = body.ok_or(Failed::new(libc::EFAULT, "det_fork_fn: the function is null"))?;
        // SAFETY: the entry takes what is passed here, and C's code does not unwind.
        unsafe { raw::fork(id, entry, body as *mut (), arg.expose_provenance()) }?;
        Ok(0)
    })
}

/// Waits for a child, merges what it changed, and frees its number: the code of its `det_exit`
/// (as 31 bits), or -1 with `errno`. See `det_join(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn det_join(id: c_int) -> c_int {
    guard(-1, || raw::get(id, How::Join).map(code))
}

/// The same without a wait: -1 with `EAGAIN` while the child runs. In the master only.
#[unsafe(no_mangle)]
pub extern "C" fn det_try_join(id: c_int) -> c_int {
    guard(-1, || raw::get(id, How::JoinNow).map(code))
}

fn code(code: i64) -> c_int {
    (code & i64::from(c_int::MAX)) as c_int
}

/// Waits until a child has stopped, and takes nothing of it: its state, or -1 with `errno`.
#[unsafe(no_mangle)]
pub extern "C" fn det_wait(id: c_int) -> c_long {
    guard(-1, || raw::get(id, How::Wait))
}

/// A child's state as of now, in the master only; or -1 with `errno`.
#[unsafe(no_mangle)]
pub extern "C" fn det_status(id: c_int) -> c_long {
    guard(-1, || raw::get(id, How::Look))
}

/// Ends a child and everything below it, and frees its number: the state in which its parent last
/// found it, or -1 with `errno`. Nothing of it is merged, and nothing of it runs any more. See
/// `det_fork(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn det_kill(id: c_int) -> c_long {
    guard(-1, || raw::kill(id))
}

/// Ends the calling child with a code for its join. Elsewhere it ends the program, as `exit`
/// does; in a child of `det_for` or `det_reduce` it is a fault, as the construct would lack a part.
#[unsafe(no_mangle)]
pub extern "C" fn det_exit(code: c_int) -> ! {
    raw::exit(code);
    if !raw::in_child() {
        std::process::exit(code)
    }
    eprintln!("det_exit: this child shares work with others: return from its function instead");
    std::process::abort()
}
