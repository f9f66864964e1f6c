//! Deterministic parallelism for C: `det.h` as functions. `docs/c.md` tells what they mean.
//!
//! | module | job |
//! |---|---|
//! | `start` | a C program's main becomes the master |
//! | `twice` | the functions that return twice |
//! | `raw` | the only caller of the kernel's put and get |
//! | `fork` | children by number: fork, join and what lies between |
//! | `odf` | forks of the program itself |
//! | `signals` | signals of the master, and handlers of them |
//! | `files` | the tree of files that children have |
//! | `registers` | registers of stopped children |
//! | `share` | work shared out to children |
//! | `error` | errno, messages, conflicts; no panic gets out |

mod error;
mod files;
mod fork;
mod odf;
mod raw;
mod registers;
mod share;
mod signals;
mod start;
mod twice;

pub use error::{det_conflict, det_conflict_count, det_conflict_get, det_strerror};
pub use files::{det_fs_export, det_fs_import, det_fs_load, det_fs_mkdir, det_fs_save};
pub use fork::{det_exit, det_fork_fn, det_join, det_kill, det_status, det_try_join, det_wait};
pub use odf::{det_odf_fork, det_odf_switch};
pub use raw::{det_dget, det_dkill};
pub use registers::{det_get_regs, det_put_regs};
pub use share::{det_barrier, det_for, det_reduce};
pub use signals::det_signals;
pub use start::det_init;
pub use twice::{det_dput, det_dret, det_fork};
