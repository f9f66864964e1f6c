//! The image: all writable memory of the program, in one memory file at fixed addresses.
//!
//! The master maps it shared and runs at native speed; workers map it private at the same
//! addresses. A snapshot is then a worker that dropped its private pages, and a child's
//! changes are the pages that are no longer those of the file.

pub(crate) mod counts;
pub(crate) mod early;
pub(crate) mod foreign;
pub(crate) mod huge;
pub(crate) mod layout;
pub(crate) mod lazy;
pub(crate) mod regions;
pub(crate) mod tls;
