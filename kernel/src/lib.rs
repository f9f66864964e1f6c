//! Spaces, snapshot and merge, confinement: the kernel of detpar on stock Linux.
//!
//! | module | job |
//! |---|---|
//! | [`abi`] | flags, identifiers, records that cross the calls |
//! | [`call`] | put, get, ret |
//! | [`merge`] | the merge as pure functions |
//! | `image` | the memory all spaces share by snapshot, its regions |
//! | `heap` | the allocator, one instance per space |
//! | `space` | the space of this process: its start, its memory, its threads |
//! | `engine` | what executes spaces, behind one trait |
//! | `exec` | workers and their master |
//! | `check` | checking mode: what children write, exactly |
//! | [`confine`] | what a child may not reach |
//! | `apart` | spaces of C programs as plain processes, for sanitizers and debuggers |
//! | `interpose` | symbols of libc that are taken over |
//! | [`odf`] | forks of the program itself |
//! | [`replay`] | recording the inputs of the master, and giving them once more |
//! | [`doctor`] | what this system offers |
//! | `sys` | the only home of operating-system calls |

#![cfg_attr(not(feature = "interpose"), allow(dead_code))]

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("the spaces engine runs on 64-bit x86 Linux");

pub mod abi;
#[cfg(feature = "interpose")]
pub mod apart;
pub mod call;
mod check;
pub mod confine;
pub mod doctor;
mod engine;
pub mod error;
mod exec;
mod heap;
mod image;
#[cfg(feature = "interpose")]
mod interpose;
pub mod master;
pub mod merge;
pub mod odf;
pub mod replay;
mod space;
mod sys;
