//! The exercises of the tutorials, each broken in one place. `cargo xtask grade NN` grades the
//! module `chNN`; what each function should do is said above it.
pub mod ch01;
pub mod ch02;
pub mod ch03;
pub mod ch04;
pub mod ch05;
pub mod ch06;
pub mod ch07;
pub mod ch08;
pub mod ch09;
pub mod ch10;
