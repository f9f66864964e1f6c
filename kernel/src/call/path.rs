//! Where in the tree the running space is.

use super::open::OWN_IDS;
use crate::exec::control::{Role, brief, me};
use crate::image::layout::MAX_DEPTH;

/// The indices that lead from the master to the running space, of each space in its construct:
/// none in the master. That of an open child is its id, or, where the kernel chose the id, its
/// place among its parent's open children.
pub fn task_path() -> Vec<u32> {
    #[cfg(feature = "interpose")]
    if crate::apart::is_on() {
        return crate::apart::path();
    }
    let me = me();
    let mut path = Vec::with_capacity(me.depth as usize);
    if me.role != Role::Child {
        return path;
    }
    let mut at = (me.construct, me.index);
    // Whoever wrote what stands there, the way up ends.
    while let Some(b) = brief(at.0).filter(|_| path.len() < MAX_DEPTH) {
        let open = b.request.lane != 0;
        path.push(if open { b.request.name % OWN_IDS } else { at.1 });
        at = (b.request.parent, b.request.parent_index);
    }
    path.reverse();
    path
}
