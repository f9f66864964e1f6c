//! The exercises of the tutorials done right, and in [`wrong`] three plausible wrong ways for
//! each, which the graders must reject.
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
pub mod wrong;
