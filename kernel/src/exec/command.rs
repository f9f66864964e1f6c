//! What a parent does to the memory of a child that has stopped: the child's worker does it,
//! on the child's pages.

use super::control::{Me, Request};
use super::stage;
use crate::abi::Perm;
use crate::image::regions;
use crate::space::permissions;

/// One piece of work.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Command {
    /// See [`kind`].
    pub kind: u32,
    /// First address in the child.
    pub addr: usize,
    /// Bytes.
    pub len: usize,
    /// Where the bytes lie that are to be written; the permission that is to be set.
    pub data: usize,
}

/// Values of [`Command::kind`].
pub(crate) mod kind {
    /// Write bytes.
    pub const WRITE: u32 = 1;
    /// Write zeros.
    pub const ZERO: u32 = 2;
    /// Stage bytes, for the parent to read.
    pub const READ: u32 = 3;
    /// Set the permission of pages.
    pub const PERM: u32 = 4;
}

/// Whether a range lies in the memory of the image.
pub(crate) fn is_image(addr: usize, len: usize) -> bool {
    let Some(end) = addr.checked_add(len) else { return false };
    let mut at = addr;
    while at < end {
        match regions::end_of_region(at) {
            Some(to) => at = to,
            None => return false,
        }
    }
    true
}

/// Carries out the commands of a request on the memory of this worker's child.
pub(super) fn carry_out(me: &mut Me, r: &Request) {
    let st = stage::stage(me);
    (st.read, st.read_len) = (me.stage_end, 0);
    for c in r.commands.iter().filter(|c| is_image(c.addr, c.len)) {
        // SAFETY: image memory of this worker, whose child has stopped; the data lies in the
        // parent's exchange area.
        unsafe {
            match c.kind {
                kind::WRITE => core::ptr::copy(c.data as *const u8, c.addr as *mut u8, c.len),
                kind::ZERO => (c.addr as *mut u8).write_bytes(0, c.len),
                kind::READ => {
                    let Some(to) = stage::take(me, c.len) else { continue };
                    core::ptr::copy_nonoverlapping(c.addr as *const u8, to as *mut u8, c.len);
                    let st = stage::stage(me);
                    (st.read, st.read_len) = (to, c.len);
                }
                kind::PERM => {
                    let perm = [Perm::None, Perm::Read, Perm::ReadWrite];
                    if let Some(&perm) = perm.get(c.data) {
                        permissions::set(c.addr, c.addr + c.len, perm);
                    }
                }
                _ => {}
            }
        }
    }
}
