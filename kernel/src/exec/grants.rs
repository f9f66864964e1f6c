//! Grants: fresh memory that the running child alone may have, mapped shared with the image
//! file. What it writes there needs neither copy nor merge.

use super::control::{Me, me, order, private, private_item};
use super::layer;
use crate::heap::class::{ZONE, locate, segment_addr};
use crate::sys;

/// Records a fresh range that the running child maps shared: what it writes there needs
/// neither copy nor merge.
pub(crate) fn take(zone: usize, number: u32) {
    let me = me();
    let (addr, len) = (segment_addr(zone, number), 1 << ZONE[zone].shift);
    me.table_below[zone] = me.table_below[zone].max(number + 1);
    if !map_granted(me, addr, len) {
        me.scan_below[zone] = me.scan_below[zone].max(number + 1);
    }
}

/// Whether the running child can have one more grant.
pub(super) fn has_room(me: &Me) -> bool {
    me.grant_count < private::GRANTS_MAX
}

/// Grants the running child a range. False, and nothing has changed, where that cannot be.
pub(super) fn map_granted(me: &mut Me, addr: usize, len: usize) -> bool {
    let room =
        has_room(me) && me.orders & order::NO_GRANTS == 0 && !layer::covers(me.chain, addr, len);
    if !room || map_shared(me, addr, len).is_err() {
        return false;
    }
    // SAFETY: below GRANTS_MAX entries fit; any bytes are valid.
    unsafe { *private_item(private::GRANTS, me.grant_count as usize) = (addr, len) };
    me.grant_count += 1;
    true
}

/// Pages that a child may take from the free end of a segment before that end is granted:
/// a few pages are cheaper to copy than to map.
const TAIL: usize = 4;

/// Notes that the running child took pages of a range that is free to its end, and grants
/// the range once that has become worth it.
pub(crate) fn take_tail(addr: usize, len: usize, pages: usize) {
    let me = me();
    me.tail_pages += pages;
    if me.tail_pages > TAIL && !covers(addr, len) {
        map_granted(me, addr, len);
    }
}

/// Whether a range was granted to the running child.
pub(crate) fn covers(addr: usize, len: usize) -> bool {
    (0..me().grant_count).map(at).any(|(a, n)| a <= addr && addr + len <= a + n)
}

/// Address and length of one of the running child's grants.
pub(super) fn at(i: u32) -> (usize, usize) {
    // SAFETY: below GRANTS_MAX entries fit; any bytes are valid.
    unsafe { *private_item::<(usize, usize)>(private::GRANTS, i as usize) }
}

/// All grants of the running child.
pub(super) fn all(me: &Me) -> &'static [(usize, usize)] {
    // SAFETY: as in `at`; the table changes only when a grant is taken or all are sealed.
    unsafe {
        core::slice::from_raw_parts(private_item(private::GRANTS, 0), me.grant_count as usize)
    }
}

/// Gives the child that goes on in this worker a grant that it has, or, where it takes a new
/// snapshot, had.
pub(super) fn renew(me: &mut Me, (addr, len): (usize, usize), has: bool) {
    if has && me.grant_count < private::GRANTS_MAX && map_shared(me, addr, len).is_ok() {
        // SAFETY: as in `map_granted`.
        unsafe { *private_item(private::GRANTS, me.grant_count as usize) = (addr, len) };
        me.grant_count += 1;
    } else {
        note_private(me, addr);
    }
}

/// Private pages of the running child may lie in the segment of an address.
fn note_private(me: &mut Me, addr: usize) {
    if let Some((zone, number)) = locate(addr) {
        me.scan_below[zone] = me.scan_below[zone].max(number + 1);
    }
}

/// Takes the ended child's grants back: the ranges are private again, so that what the next
/// child writes there stays its own.
pub(crate) fn seal(me: &mut Me) {
    for i in 0..me.grant_count {
        let (addr, len) = at(i);
        if show_file(me, addr, len).is_err() {
            sys::exit(74);
        }
        note_private(me, addr);
    }
    me.grant_count = 0;
}

/// Maps a range private, with nothing in it but what the file has.
pub(super) fn show_file(me: &Me, addr: usize, len: usize) -> sys::Sys<usize> {
    map_image(me, addr, len, libc::MAP_PRIVATE)
}

/// Maps a range of the heap as the file itself.
pub(super) fn map_shared(me: &Me, addr: usize, len: usize) -> sys::Sys<usize> {
    map_image(me, addr, len, libc::MAP_SHARED)
}

fn map_image(me: &Me, addr: usize, len: usize, kind: i32) -> sys::Sys<usize> {
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let flags = kind | libc::MAP_FIXED | libc::MAP_NORESERVE;
    let off = addr - crate::image::layout::IMAGE;
    // SAFETY: heap memory of the image keeps showing the file; the range is fresh or sealed.
    unsafe { sys::map(addr, len, rw, flags, me.image_fd, off) }
}
