//! Files and standard streams for deterministic children.
//!
//! [`Fs`] is a file system in memory: [`Mkfs`] makes one, [`Fs::fork`] gives a child one of its
//! own without copying anything. [`console`] keeps what a child prints as records, to be delivered
//! at the join, in program order.
//!
//! The crate depends on nothing of ours; `detpar` plugs it into the kernel. `docs/fs-design.md`
//! says why it is as it is, `docs/fs-spec.md` what the bits are.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

pub mod console;
mod errno;
mod file;
mod fs;
mod fsck;
mod layout;
mod listing;
mod meta;
mod mkfs;
mod persist;
mod reconcile;
mod seed;
mod tree;
mod volume;

pub use errno::Errno;
pub use file::{File, OpenOptions};
pub use fs::Fs;
pub use fsck::{Place, Problem};
pub use layout::BLOCK;
pub use layout::inode::{Kind, Policy};
pub use listing::{DirEntry, ReadDir};
pub use meta::{Metadata, Usage, time};
pub use mkfs::Mkfs;
pub use persist::{LoadError, Store};
pub use reconcile::{ConflictKind, FileConflict, ReconcileError};
pub use seed::Seed;
