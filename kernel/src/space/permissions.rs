//! What the running space's code may do with its pages, where that is less than reading and
//! writing. Calls lift the restrictions while they work and put them back in force at their end.

use crate::abi::{PAGE, Perm};
use crate::exec::command::is_image;
use crate::exec::control::{Me, Role, me, private, private_item};
use crate::image::early;
use crate::space::threads;
use crate::sys;

/// A range of pages that may not be written, or not even read.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Restricted {
    pub start: usize,
    pub end: usize,
    /// A [`Perm`] as a number.
    perm: u32,
}

/// Most ranges of one space.
pub(crate) const MAX: usize = 4096;

impl Restricted {
    fn perm(&self) -> Perm {
        match self.perm {
            0 => Perm::None,
            1 => Perm::Read,
            _ => Perm::ReadWrite,
        }
    }
}

fn at(i: usize) -> &'static mut Restricted {
    // SAFETY: at most MAX ranges fit (asserted below); any bytes are valid.
    unsafe { private_item::<Restricted>(private::PERMISSIONS, i) }
}

/// The restricted ranges, ascending.
pub(crate) fn all(me: &Me) -> &'static [Restricted] {
    // SAFETY: as in `at`; the table changes only in `set` and `take_over`.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(at(0)), me.restricted.min(MAX)) }
}

fn apply(range: &Restricted, perm: Perm) {
    let rights = match perm {
        Perm::None => libc::PROT_NONE,
        Perm::Read => libc::PROT_READ,
        Perm::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
    };
    // SAFETY: image memory; whoever then goes against it is the program.
    let _ = unsafe { sys::protect(range.start, range.end - range.start, rights) };
}

/// Lets the control plane reach all memory.
#[inline]
pub(crate) fn lift() {
    if me().restricted > 0 {
        all(me()).iter().for_each(|r| apply(r, Perm::ReadWrite));
    }
}

/// Puts the restrictions in force.
#[inline]
pub(crate) fn enforce() {
    if me().restricted > 0 {
        all(me()).iter().for_each(|r| apply(r, r.perm()));
    }
}

/// Whether all of a range may be read, and written too if `write`.
pub(crate) fn allow(addr: usize, len: usize, write: bool) -> bool {
    let bad = |r: &Restricted| match r.perm() {
        Perm::None => true,
        Perm::Read => write,
        Perm::ReadWrite => false,
    };
    let end = addr.saturating_add(len);
    len == 0 || !all(me()).iter().any(|r| r.start < end && addr < r.end && bad(r))
}

/// Changes what may be done with whole pages. Nothing changes, and the answer is false, where
/// there would be too many ranges.
pub(crate) fn set(start: usize, end: usize, perm: Perm) -> bool {
    let me = me();
    if start >= end {
        return true;
    }
    // At worst one range becomes two, and one is new.
    if me.restricted + 2 > MAX {
        return false;
    }
    let mut i = 0;
    while i < me.restricted {
        let r = *at(i);
        if r.end <= start || end <= r.start {
            i += 1;
            continue;
        }
        remove(me, i);
        let left = Restricted { end: start, ..r };
        let right = Restricted { start: end, ..r };
        for part in [right, left] {
            if part.start < part.end {
                insert(me, i, part);
            }
        }
        i += usize::from(r.start < start) + usize::from(end < r.end);
    }
    if perm != Perm::ReadWrite {
        let place = all(me).partition_point(|r| r.end <= start);
        insert(me, place, Restricted { start, end, perm: perm as u32 });
    }
    true
}

/// The master has protected memory of its own by `mprotect`: of the image's pages that is what
/// its code may do with them, so the kernel's own work on them, children and merges go by the
/// same rules. What has no place here stays a matter of the mapping alone.
pub(crate) fn note(addr: usize, len: usize, rights: i32) {
    let end = addr.saturating_add(len).next_multiple_of(PAGE);
    let data = rights & !(libc::PROT_READ | libc::PROT_WRITE) == 0;
    if !early::is_ready() || me().role != Role::Master || !data || !threads::alone() {
        return;
    }
    if addr < end && is_image(addr, end - addr) {
        let perm = match rights {
            libc::PROT_NONE => Perm::None,
            libc::PROT_READ => Perm::Read,
            _ => Perm::ReadWrite,
        };
        set(addr, end, perm);
    }
}

fn remove(me: &mut Me, i: usize) {
    for j in i..me.restricted - 1 {
        *at(j) = *at(j + 1);
    }
    me.restricted -= 1;
}

fn insert(me: &mut Me, i: usize, r: Restricted) {
    for j in (i..me.restricted).rev() {
        *at(j + 1) = *at(j);
    }
    *at(i) = r;
    me.restricted += 1;
}

/// Takes over the restrictions of another space; what is no table of such counts as none.
pub(crate) fn take_over(ranges: &[Restricted]) {
    let me = me();
    me.restricted = 0;
    let sound = |r: &&Restricted| {
        r.start < r.end && r.start.is_multiple_of(PAGE) && r.end.is_multiple_of(PAGE)
    };
    for r in ranges.iter().take(MAX).filter(sound) {
        *at(me.restricted) = *r;
        me.restricted += 1;
    }
}

const _: () =
    assert!(private::PERMISSIONS + MAX * size_of::<Restricted>() <= private::TEMPLATE_EXITS);
