//! Tests of the heap on private memory at the true addresses. With the feature `interpose`
//! the process's own heap lies there, so these tests are for builds without it.

#![cfg(not(feature = "interpose"))]

mod cost;
mod faults;
mod limits;
mod model;
mod open;
mod open_random;
mod spaces;
mod support;
mod world;
