//! What a child read that a sibling wrote, found in the construct that has just been merged
//! (`DETPAR_WARN=reads`). In the master's process.

use crate::abi::Read;
use crate::exec::control::{private, private_item};

fn slot() -> &'static mut Option<Read> {
    // SAFETY: `control` and `own`: it fits (asserted below); zeroed memory is never looked at
    // before `clear` wrote it, see `take`.
    unsafe { private_item::<Option<Read>>(private::SEEN, 0) }
}

/// Nothing was found.
pub(crate) fn clear() {
    if super::reads() != 0 {
        *slot() = None;
    }
}

/// Notes it.
pub(crate) fn note(read: Read) {
    *slot() = Some(read);
}

/// What was noted since the last [`clear`], once.
pub(crate) fn take() -> Option<Read> {
    // Every construct clears it first.
    if super::reads() == 0 { None } else { slot().take() }
}

const _: () = assert!(private::SEEN + size_of::<Option<Read>>() <= private::SEEN_END);
