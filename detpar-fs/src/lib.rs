//! Files and standard streams for deterministic children. For now the standard streams:
//! what a child prints is kept as records and delivered at the join, in program order.
//!
//! The crate depends on nothing of ours; `detpar` plugs it into the kernel.

pub mod console;
