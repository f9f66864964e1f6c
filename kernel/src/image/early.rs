//! The first steps, taken at the first allocation of the process, before any constructor of
//! Rust's runtime: the image file, the heap and private control memory.

use super::layout::{FILE_SIZE, IMAGE, IMAGE_SIZE, PRIVATE, STACK};
use crate::exec::control::{Role, me, private};
use crate::heap::Heap;
use crate::sys;
use core::sync::atomic::{AtomicU32, Ordering::*};

const NEW: u32 = 0;
const BUSY: u32 = 1;
const READY: u32 = 2;
/// Ready, and blocks of the heap have records of where they were allocated.
const RECORDING: u32 = 3;

static STATE: AtomicU32 = AtomicU32::new(NEW);

/// Whether image and private memory are mapped.
#[inline]
pub(crate) fn is_ready() -> bool {
    STATE.load(Acquire) >= READY
}

/// Whether they are, and blocks have no records.
#[inline]
pub(crate) fn is_plainly_ready() -> bool {
    STATE.load(Acquire) == READY
}

/// Whether blocks made from now on have records.
#[inline]
pub(crate) fn is_recording() -> bool {
    STATE.load(Relaxed) == RECORDING
}

/// Gives blocks records from now on. For the master, before it has children.
pub(crate) fn record() {
    ensure();
    STATE.store(RECORDING, Release);
}

/// Maps them on first use.
#[inline]
pub(crate) fn ensure() {
    if !is_ready() {
        set_up();
    }
}

#[cold]
fn set_up() {
    if STATE.compare_exchange(NEW, BUSY, Acquire, Acquire).is_err() {
        while !is_ready() {
            core::hint::spin_loop();
        }
        return;
    }
    let remedy = "; remedy: raise the limit on address space (ulimit -v unlimited) and allow \
                  overcommit (vm.overcommit_memory 0 or 1)";
    if sys::file_size_limited() {
        sys::die(&["detpar: cannot create the image; remedy: ulimit -f unlimited"]);
    }
    let fixed = libc::MAP_FIXED_NOREPLACE | libc::MAP_NORESERVE;
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let fd = match sys::memory_file(c"detpar image", FILE_SIZE) {
        Ok(fd) => fd,
        Err(libc::EMFILE | libc::ENFILE) => sys::die(&[
            "detpar: cannot create the image: too many open files; remedy: raise the limit on \
             open files (ulimit -n)",
        ]),
        Err(libc::EPERM | libc::EACCES | libc::ENOSYS) => sys::die(&[
            "detpar: cannot create the image: memfd_create is refused; remedy: allow this call \
             to unprivileged processes (container profiles may deny it)",
        ]),
        Err(_) => sys::die(&[
            "detpar: cannot create the image (memfd_create); remedy: free memory, or raise the \
             container's limit on memory",
        ]),
    };
    let anon = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: the ranges are mapped nowhere else: NOREPLACE refuses to cover anything. The
    // guard page below the stack holds nothing yet.
    unsafe {
        if sys::map(IMAGE, IMAGE_SIZE, rw, libc::MAP_SHARED | fixed, fd, 0) != Ok(IMAGE) {
            sys::die(&["detpar: cannot reserve address space for the image", remedy]);
        }
        if sys::map(PRIVATE, private::SIZE, rw, anon | fixed, -1, 0) != Ok(PRIVATE) {
            sys::die(&["detpar: cannot reserve private control memory", remedy]);
        }
        let _ = sys::protect(STACK, crate::abi::PAGE, libc::PROT_NONE);
    }
    sys::wipe_on_fork(PRIVATE + private::SCRATCH, private::SIZE - private::SCRATCH);
    let me = me();
    me.role = Role::Plain;
    me.image_fd = fd;
    me.heap = Heap::ROOT.0;
    for s in &mut me.sequences {
        *s = crate::heap::state::Sequence::WHOLE;
    }
    STATE.store(READY, Release);
}
