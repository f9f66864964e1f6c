//! Memory that a child is about to read from begin to end, such as its part of a slice: its page
//! tables are filled at once. Else the child takes a fault for every sixteen pages the first time
//! that its worker comes there, nothing tells those faults from faults of changed pages, and all its
//! memory is scanned when it ends.

use super::control::{Role, me, private, private_item};
use crate::abi::PAGE;
use crate::check;
use crate::heap::class::HEAP_END;
use crate::image::layout::{HEAP, page_ceil, page_floor};
use crate::sys;

/// Fewest bytes: the pages of fewer come with one fault or two.
const FEWEST: usize = 32 * PAGE;
/// Most of them: a child may end before it has read all.
const MOST: usize = 16 << 20;

/// Ranges whose tables were filled in this worker, by their address. One that was emptied since
/// costs what it would have cost without this.
#[repr(C)]
struct Filled([(usize, usize); PLACES]);

const PLACES: usize = 1024;

fn filled() -> &'static mut Filled {
    // SAFETY: `control` and `own`; the table fits (asserted below) and any bytes are valid.
    unsafe { private_item::<Filled>(private::AHEAD, 0) }
}

/// Fills this worker's page tables for what the running child is about to read.
pub(crate) fn will_read(addr: usize, len: usize) {
    if len < FEWEST {
        return;
    }
    let me = me();
    let end = addr.checked_add(len.min(MOST)).filter(|end| HEAP <= addr && *end <= HEAP_END);
    let Some(end) = end.filter(|_| me.role == Role::Child && !check::is_on()) else { return };
    let range = (page_floor(addr), page_ceil(end));
    // Neighbours of equal length lie next to each other: an odd factor spreads them.
    let place = (range.0 / PAGE).wrapping_mul(0x9e37_79b9) / PLACES % PLACES;
    let known = &mut filled().0[place];
    if *known == range {
        return;
    }
    *known = range;
    let faults = sys::faults();
    let _ = sys::fill_tables_to_read(range.0, range.1 - range.0);
    // None of these was a change of the child's: private pages come of writing.
    me.clean_faults += sys::faults() - faults;
}

/// Notes that page tables of this worker were emptied for a range.
pub(super) fn forget(addr: usize, len: usize) {
    for known in filled().0.iter_mut().filter(|k| k.0 < addr + len && addr < k.1) {
        *known = (0, 0);
    }
}

const _: () = assert!(private::AHEAD + size_of::<Filled>() <= private::AHEAD_END);
