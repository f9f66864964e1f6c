//! The pages on which children could meet without a difference in value showing it.

use super::sweep::{Cursor, Sweep};
use super::{Child, PlanError, claim};

/// Calls `each` with every page on which several children did something, one of them by writing;
/// and with the position of each that has the page among its own.
///
/// # Errors
///
/// As [`plan`](super::plan), where an argument breaks its rules.
pub fn shared(
    children: &[Child<'_>],
    scratch: &mut [Cursor],
    mut each: impl FnMut(u64, &mut dyn Iterator<Item = usize>),
) -> Result<(), PlanError> {
    claim::check(children, &[], scratch.len())?;
    let mut sweep = Sweep::new(children, scratch, true);
    while let Some(site) = sweep.next() {
        if site.members > 1 && site.dirty > 0 {
            let members = sweep.group(&site).members();
            each(site.addr, &mut members.filter(|m| m.page.is_some()).map(|m| m.who as usize));
        }
    }
    Ok(())
}
