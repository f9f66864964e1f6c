//! The space that runs in this process: its beginning as master, its allocator, its threads.

pub(crate) mod boot;
pub(crate) mod descriptors;
pub(crate) mod fork;
pub(crate) mod loaded;
pub(crate) mod memory;
pub(crate) mod signals;
pub(crate) mod threads;
