//! Side track B: fork on demand, after Zhao, Gong and Fonseca (EuroSys 2021, section 3).
use crate::tables::classic::Classic;
use crate::tables::{ENTRIES, Forks, Pid, System};

/// Our system.
pub struct Ours;

impl Forks for Ours {
    // ANCHOR: fork
    fn fork(system: &mut System, parent: Pid) -> Pid {
        let directory = system.directory(parent);
        directory.iter_mut().for_each(|region| region.writable = false);
        let directory = directory.clone();
        directory.iter().for_each(|region| system.table(region.table).count += 1);
        system.add(directory)
    }
    // ANCHOR_END: fork

    // ANCHOR: fault
    fn fault(system: &mut System, process: Pid, page: usize) {
        let mut region = system.directory(process)[page / ENTRIES];
        if system.table(region.table).count > 1 {
            // From here on two tables have the pages, and whoever writes to one copies it.
            let table = system.table(region.table);
            table.count -= 1;
            table.pages.iter_mut().flatten().for_each(|page| page.writable = false);
            for page in table.pages.clone().into_iter().flatten() {
                system.frame(page.frame).count += 1;
            }
            region.table = system.copy_table(region.table);
        }
        region.writable = true;
        system.directory(process)[page / ENTRIES] = region;
        Classic::fault(system, process, page);
    }
    // ANCHOR_END: fault

    // ANCHOR: exit
    fn exit(system: &mut System, process: Pid) {
        // A table that others have, too, stays. The rest is this process' alone.
        let mut own = Vec::new();
        for region in system.processes[process].take().unwrap_or_default() {
            let table = system.table(region.table);
            if table.count > 1 {
                table.count -= 1;
            } else {
                own.push(region);
            }
        }
        let rest = system.add(own);
        Classic::exit(system, rest);
    }
    // ANCHOR_END: exit
}
