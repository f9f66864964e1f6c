//! A plain `fork` of a process whose memory is the image: the new process copies the image
//! to a file of its own while its parent waits, and goes on as an ordinary process. The cost
//! grows with the memory in use.

use crate::exec::control::{Role, me, private};
use crate::exec::master::master;
use crate::image::layout::{FILE_SIZE, IMAGE, IMAGE_SIZE, PRIVATE, STACK};
use crate::image::{regions, tls};
use crate::sys::{self, Sys};
use core::sync::atomic::{AtomicU32, Ordering::*};

/// A fork as it travels to the control stack and back.
struct Fork {
    /// Word that the new process shares with its parent: [`WAIT`], [`GO`] or an error.
    word: &'static AtomicU32,
    result: Sys<libc::pid_t>,
}

const WAIT: u32 = 0;
const GO: u32 = u32::MAX;

/// Forks; 0 in the new process.
///
/// # Safety
/// In the master or a plain process.
pub(crate) unsafe fn fork() -> Sys<libc::pid_t> {
    if sys::file_size_limited() {
        // Making the new process's image would kill it.
        return Err(libc::EFBIG);
    }
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: a fresh page anywhere; unmapped below. The control stack is free while user
    // code runs.
    unsafe {
        let page = sys::map(0, 4096, rw, kind, -1, 0)?;
        let mut f = Fork { word: &*(page as *const AtomicU32), result: Err(libc::ENOSYS) };
        sys::on_stack(PRIVATE + private::CONTROL_STACK, on_control_stack, &raw mut f as usize);
        let _ = sys::call(libc::SYS_munmap, [page, 4096, 0, 0, 0, 0]);
        f.result
    }
}

extern "C" fn on_control_stack(f: usize, _stack: usize) {
    // SAFETY: `fork` keeps the record alive. It lies on the image's stack, which both
    // processes share until the new one has its own image: only then does it write there.
    let f = unsafe { &mut *(f as *mut Fork) };
    // The word's address lies on that stack as well; keep a copy in a register or frame here.
    let word = f.word;
    match sys::fork_here() {
        Ok(0) => {
            if let Err(e) = own_image() {
                word.store(e as u32, SeqCst);
                sys::futex_wake(word);
                sys::exit(127);
            }
            f.result = Ok(0);
            word.store(GO, SeqCst);
            sys::futex_wake(word);
        }
        Ok(pid) => f.result = wait_for(word, pid),
        Err(e) => f.result = Err(e),
    }
}

fn wait_for(word: &AtomicU32, pid: i32) -> Sys<libc::pid_t> {
    loop {
        match word.load(SeqCst) {
            WAIT => sys::futex_wait(word, WAIT, 10_000_000),
            GO => return Ok(pid),
            e => {
                sys::reap_pid(pid, true);
                return Err(e as i32);
            }
        }
        // Killed before it was ready: its end is for the program to wait for.
        if word.load(SeqCst) == WAIT && sys::reap_pid(pid, false) {
            return Ok(pid);
        }
    }
}

/// Moves the new process to an image file of its own.
fn own_image() -> Sys<()> {
    let me = me();
    let old = me.image_fd;
    let new = sys::memory_file(c"detpar image", FILE_SIZE)?;
    let booted = me.role == Role::Master;
    let mut at = 0;
    while let Some((from, to)) = sys::next_data(old, at) {
        let to = to.min(IMAGE_SIZE);
        if from >= IMAGE_SIZE {
            break;
        }
        copy(new, IMAGE + from, to - from, from)?;
        at = to;
    }
    let segments = if booted { regions::segments() } else { &[] };
    for s in segments {
        copy(new, s.start, s.end - s.start, s.offset)?;
    }
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_FIXED | libc::MAP_NORESERVE;
    // SAFETY: the new file holds what the old one holds: the parent stands still.
    unsafe {
        sys::map(IMAGE, IMAGE_SIZE, rw, flags, new, 0)?;
        sys::protect(STACK, 4096, libc::PROT_NONE)?;
        for s in segments {
            sys::map(s.start, s.end - s.start, rw, flags, new, s.offset)?;
        }
    }
    sys::close(old);
    if booted {
        me.life_line.into_iter().for_each(sys::close);
    }
    me.image_fd = new;
    // Only now is memory this process's own.
    me.role = Role::Plain;
    master().forget_all();
    tls::refresh_thread_id();
    Ok(())
}

fn copy(fd: i32, from: usize, len: usize, offset: usize) -> Sys<()> {
    let mut done = 0;
    while done < len {
        let a = [fd as usize, from + done, len - done, offset + done, 0, 0];
        // SAFETY: the range is mapped, readable memory of the image.
        done += unsafe { sys::call(libc::SYS_pwrite64, a) }?;
    }
    Ok(())
}
