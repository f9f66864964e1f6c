//! What joins and parallel iterators cost, beside threads, rayon and `fork`, in one run.
//!
//! Two programs share this library. `detpar-bench` is the user's command: it starts one short
//! subprocess after another, detpar and each baseline in turn, and prints a table of their
//! medians. It measures detpar itself, too. Since a program that links detpar has its heap in
//! a shared image, everything else is measured by `detpar-bench-baseline`, which does not
//! link it. This library therefore names nothing of detpar's.
//!
//! | module | |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`suite`] | names: suites, cases, who is compared |
//! | [`driver`] | rounds of subprocesses |
//! | [`program`] | where the other program is |
//! | [`c`] | programs in C: built and found |
//! | [`task`] | what a subprocess is told, and what it answers |
//! | [`work`] | the work of each case, the same for everybody |
//! | [`measure`] | the loop around it |
//! | [`stats`] | medians |
//! | [`row`] | the printed results |
//! | [`chart`] | the drawn ones |
//! | [`system`] | what the operating system is asked |
#![deny(unsafe_code)]

pub mod c;
pub mod chart;
pub mod cli;
pub mod driver;
pub mod measure;
pub mod program;
pub mod row;
pub mod stats;
pub mod suite;
pub mod system;
pub mod task;
pub mod work;
