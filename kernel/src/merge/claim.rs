//! What a child hands over is a claim until it is checked.

use super::{Block, Child, PlanError, Region};
use crate::abi::PAGE;

/// Checks everything that the merge relies on.
pub(super) fn check(
    children: &[Child<'_>],
    regions: &[Region],
    cursors: usize,
) -> Result<(), PlanError> {
    // Positions of children are 32 bits wide, and one value means "none".
    let needed = children.len();
    if cursors < needed || u32::try_from(needed).is_err() || needed == u32::MAX as usize {
        return Err(PlanError::Scratch { needed });
    }
    if !regions.is_sorted_by(|a, b| a.end <= b.start) || regions.iter().any(|r| r.start > r.end) {
        return Err(PlanError::Regions);
    }
    let mut last = None;
    for child in children {
        if last >= Some(child.index) || !is_sound(child) {
            return Err(PlanError::Malformed { child: child.index });
        }
        last = Some(child.index);
    }
    Ok(())
}

fn is_sound(child: &Child<'_>) -> bool {
    let page = PAGE as u64;
    child.addrs.len() == child.pages.len()
        && child.addrs.iter().all(|addr| addr.is_multiple_of(page))
        && child.addrs.is_sorted_by(|a, b| a < b)
        // So that the address after the last page exists.
        && child.addrs.last().is_none_or(|addr| addr.checked_add(page).is_some())
        && child.writes.addrs.len() == child.writes.masks.len()
        && child.writes.addrs.is_sorted_by(|a, b| a < b)
        && child.frees.iter().all(|block| is_block(block, page))
        && child.frees.is_sorted_by(|a, b| a.end() <= b.addr)
}

fn is_block(block: &Block, page: u64) -> bool {
    block.addr.checked_add(block.len).is_some_and(|end| end.checked_add(page).is_some())
}
