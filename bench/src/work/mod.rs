//! The work of each case: the same code for everybody, who differs in how it is spread.

pub mod data;
pub mod fan;
pub mod four;
pub mod fs;
pub mod join;
pub mod map;
pub mod master;
pub mod nested;
pub mod odf;
pub mod reduce;
mod same;
pub mod sort;

/// Bytes of a page.
pub const PAGE: usize = 4096;

/// Memory of which every page was written.
pub(crate) fn touched(len: usize) -> Vec<u8> {
    let mut memory = vec![0u8; len];
    memory.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
    std::hint::black_box(memory)
}
