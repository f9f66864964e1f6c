//! Saving to a disk image, and loading.

pub(crate) mod crc;
