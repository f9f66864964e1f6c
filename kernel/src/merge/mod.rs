//! The merge: what k children changed, joined with the memory of their parent.
//!
//! Pure functions on slices. They allocate nothing, use no thread-local, do no I/O and have no
//! panicking path, because they run where none of that is available: on the master's small control
//! stack while the program's own memory is being changed.
//!
//! [`plan`] looks for conflicts over all children and changes nothing; [`apply`] consumes the plan
//! and writes. A byte that two children changed is a conflict, even if both wrote the same value;
//! the design is in `docs/merge.md`. It follows Determinator (Aviram et al., OSDI 2010, sections
//! 3.2 and 4.4).
//!
//! # Examples
//!
//! ```
//! use kernel::merge::{self, Child, Cursor, Page, Target, Writes};
//!
//! struct OnePage(Page);
//! impl Target for OnePage {
//!     fn page(&self, _: u64) -> &Page {
//!         &self.0
//!     }
//!     fn page_mut(&mut self, _: u64) -> &mut Page {
//!         &mut self.0
//!     }
//! }
//!
//! let mut parent = OnePage(Page([0; 4096]));
//! let mut pages = [Page([0; 4096]), Page([0; 4096])];
//! pages[0].0[10] = 1; // what child 0 wrote
//! pages[1].0[11] = 2; // what child 1 wrote
//! let child = |index: u32| Child {
//!     index,
//!     addrs: &[0x1000],
//!     pages: &pages[index as usize..][..1],
//!     frees: &[],
//!     writes: Writes::NONE,
//! };
//! let children = [child(0), child(1)];
//! let mut scratch = [Cursor::NEW; 2];
//! let plan = merge::plan(&parent, &children, &[], &mut scratch).expect("no conflict");
//! merge::apply(plan, &mut parent);
//! assert_eq!(parent.0.0[9..13], [0, 1, 2, 0]);
//! ```
#![cfg_attr(not(detpar_mutant = "asan"), forbid(unsafe_code))]

mod apply;
pub mod cases;
mod claim;
mod count;
mod once;
pub mod oracle;
mod page;
mod plan;
mod region;
mod shared;
mod sweep;
mod units;
mod word;

#[cfg(test)]
mod tests;

pub use apply::apply;
pub use count::{COUNT, SUM};
pub use once::{Accept, Done, WriteOnce};
pub use plan::{Plan, plan, plan_by_units};
pub use region::{Changes, Hook, HookConflict, Policy, Region};
pub use shared::shared;
pub use sweep::Cursor;
pub use units::{Area, NOBODY, Owner, Run, Units};

use crate::abi::{Conflict, PAGE};
use core::fmt;

/// One page of memory.
#[derive(Clone)]
#[repr(C, align(4096))]
pub struct Page(pub [u8; PAGE]);

/// The parent's memory. In a closed construct it is also the reference image.
pub trait Target {
    /// The page at a page-aligned address.
    ///
    /// Asked only for pages that a child lists as dirty or in which a freed block lies; that those
    /// are pages of the image is checked before the merge.
    fn page(&self, addr: u64) -> &Page;

    /// The same, to write.
    fn page_mut(&mut self, addr: u64) -> &mut Page;
}

/// An inherited heap block that a child freed: counts as a write of all its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Block {
    /// Address of the first byte.
    pub addr: u64,
    /// Bytes.
    pub len: u64,
}

impl Block {
    /// The address after the last byte. Claims are checked not to overflow.
    const fn end(&self) -> u64 {
        self.addr.saturating_add(self.len)
    }
}

/// The bytes of a page that somebody wrote: bit `i % 8` of byte `i / 8` stands for byte `i`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Mask(pub [u8; PAGE / 8]);

/// Pages of which is known to the byte what a child wrote, whatever the values. A page that is
/// not among them counts by comparison with the reference.
#[derive(Clone, Copy, Debug)]
pub struct Writes<'a> {
    /// Addresses of the pages, page-aligned and strictly ascending.
    pub addrs: &'a [u64],
    /// `masks[i]` is what was written of the page at `addrs[i]`.
    pub masks: &'a [Mask],
}

impl Writes<'_> {
    /// No page.
    pub const NONE: Writes<'static> = Writes { addrs: &[], masks: &[] };
}

/// What one child hands over.
#[derive(Clone, Copy)]
pub struct Child<'a> {
    /// Its index among its siblings.
    pub index: u32,
    /// Addresses of its dirty pages, page-aligned and strictly ascending.
    pub addrs: &'a [u64],
    /// Their contents: `pages[i]` lies at `addrs[i]`.
    pub pages: &'a [Page],
    /// The inherited blocks it freed, sorted by address, not overlapping.
    pub frees: &'a [Block],
    /// What it wrote, where that is known exactly.
    pub writes: Writes<'a>,
}

/// What a merge moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Pages dirtied by at least one child.
    pub pages: u64,
    /// Pages dirtied by several.
    pub shared: u64,
    /// Bytes found changed where several children touched one page and bytes merge as bytes. Pages
    /// of one child are copied whole, their bytes are not looked at.
    pub changed: u64,
}

/// Why there is no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// Two children changed the same byte.
    Conflict(Conflict),
    /// Not enough scratch memory.
    Scratch {
        /// Cursors needed: one for each child.
        needed: usize,
    },
    /// What a child hands over breaks the rules of [`Child`], or its index is not above the one
    /// before.
    Malformed {
        /// Index of the child.
        child: u32,
    },
    /// The regions are not sorted and disjoint, or the units are not.
    Regions,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(conflict) => write!(
                f,
                "children {} and {} both changed the byte at {:#x}",
                conflict.lower, conflict.higher, conflict.address
            ),
            Self::Scratch { needed } => write!(f, "the merge needs {needed} cursors"),
            Self::Malformed { child } => {
                write!(f, "the dirty pages or frees that child {child} handed over are malformed")
            }
            Self::Regions => f.write_str("the regions or units are not sorted and disjoint"),
        }
    }
}

impl core::error::Error for PlanError {}
