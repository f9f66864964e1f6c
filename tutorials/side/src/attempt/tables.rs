//! Side track B: a fork that copies all tables. Make it on demand.
use crate::tables::classic::Classic;
use crate::tables::{Forks, Pid, System};

/// The reader's system.
pub struct Mine;

impl Forks for Mine {
    fn fork(system: &mut System, parent: Pid) -> Pid {
        Classic::fork(system, parent)
    }

    fn fault(system: &mut System, process: Pid, page: usize) {
        Classic::fault(system, process, page)
    }

    fn exit(system: &mut System, process: Pid) {
        Classic::exit(system, process)
    }
}
