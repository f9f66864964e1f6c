//! The fork that systems have had for long: it copies all tables, and pages when they are written.
use super::{ENTRIES, Forks, Pid, Region, System};

/// It.
pub struct Classic;

// ANCHOR: classic
impl Forks for Classic {
    fn fork(system: &mut System, parent: Pid) -> Pid {
        let mut directory = Vec::new();
        for region in system.directory(parent).clone() {
            let mut frames = Vec::new();
            for page in system.table(region.table).pages.iter_mut().flatten() {
                page.writable = false;
                frames.push(page.frame);
            }
            frames.into_iter().for_each(|frame| system.frame(frame).count += 1);
            directory.push(Region { table: system.copy_table(region.table), writable: true });
        }
        system.add(directory)
    }

    fn fault(system: &mut System, process: Pid, page: usize) {
        let table = system.directory(process)[page / ENTRIES].table;
        let Some(mut entry) = system.table(table).pages[page % ENTRIES] else { return };
        if system.frame(entry.frame).count > 1 {
            system.frame(entry.frame).count -= 1;
            entry.frame = system.copy_frame(entry.frame);
        }
        entry.writable = true;
        system.table(table).pages[page % ENTRIES] = Some(entry);
    }

    fn exit(system: &mut System, process: Pid) {
        for region in system.processes[process].take().unwrap_or_default() {
            for page in system.table(region.table).pages.clone().into_iter().flatten() {
                system.frame(page.frame).count -= 1;
                if system.frame(page.frame).count == 0 {
                    system.free_frame(page.frame);
                }
            }
            system.free_table(region.table);
        }
    }
}
// ANCHOR_END: classic
