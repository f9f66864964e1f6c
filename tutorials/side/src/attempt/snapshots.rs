//! Side track A: a machine that copies everything and runs one child after the other.
use crate::machine::{Body, Change, Conflict, Failed, Machine, PAGE};
use std::io;

/// The reader's machine.
pub struct Mine;

impl Machine for Mine {
    type Memory = Vec<u8>;
    type Child<'m> = Vec<u8>;

    fn create(len: usize) -> io::Result<Vec<u8>> {
        Ok(vec![0; len])
    }

    fn snap(memory: &Vec<u8>) -> io::Result<Vec<u8>> {
        Ok(memory.clone())
    }

    fn changed_pages(before: &[u8], _after: &[u8]) -> Vec<usize> {
        (0..before.len().div_ceil(PAGE)).collect()
    }

    fn changes(_before: &[u8], after: &[u8]) -> Vec<Change> {
        after.iter().enumerate().map(|(at, &value)| Change { at, value }).collect()
    }

    fn merge(children: &[Vec<Change>]) -> Result<Vec<Change>, Conflict> {
        Ok(children.concat())
    }

    fn run(memory: &mut Vec<u8>, bodies: &[Body]) -> Result<(), Failed> {
        bodies.iter().for_each(|body| body(memory));
        Ok(())
    }
}
