//! Workers: the processes that execute spaces. Starts, stops and schedules them; does not
//! interpret images.
//!
//! The master is the only arbiter: it makes workers, gives them constructs and resumes
//! suspended spaces; a worker takes the children of its construct itself. `docs/exec.md`
//! tells the protocol.

pub(crate) mod ahead;
pub(crate) mod cause;
pub(crate) mod changes;
mod chaos;
pub(crate) mod claims;
pub(crate) mod collect;
pub(crate) mod command;
pub(crate) mod common;
pub(crate) mod control;
mod evict;
pub(crate) mod exits;
pub(crate) mod exposed;
pub(crate) mod grants;
pub(crate) mod inplace;
pub(crate) mod input;
pub(crate) mod layer;
pub(crate) mod master;
pub(crate) mod reference;
pub(crate) mod stage;
pub(crate) mod timeline;
pub(crate) mod trace;
pub(crate) mod turns;
pub(crate) mod worker;
