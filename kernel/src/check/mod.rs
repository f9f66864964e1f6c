//! Checking mode.
pub(crate) mod decode;
mod vector;
