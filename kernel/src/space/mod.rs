//! The space that runs in this process: its beginning as master, its allocator, its threads,
//! its private view of the image and its forks.

pub(crate) mod boot;
pub(crate) mod children;
pub(crate) mod descriptors;
pub(crate) mod fork;
pub(crate) mod loaded;
pub(crate) mod memory;
pub(crate) mod permissions;
pub(crate) mod private;
pub(crate) mod signals;
pub(crate) mod threads;
