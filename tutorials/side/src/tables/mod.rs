//! A model of page tables: which process sees which page, and who pays for a fork.
//!
//! Real tables have four levels. The lowest has 512 entries of a page each, 2 MiB, and nearly all
//! that a fork copies is there. So the model has two: each process has a *directory*, with an entry
//! for each region of 2 MiB, and *tables* of 512 entries.
pub mod audit;
pub mod checks;
pub mod classic;
pub mod draw;

/// Entries of a table, pages of a region.
pub const ENTRIES: usize = 512;

// ANCHOR: model
/// Number of a process.
pub type Pid = usize;

/// An entry of a directory: where the table of a region is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// Which table.
    pub table: usize,
    /// Whether the processor writes through it. If not, it does not even look at the table.
    pub writable: bool,
}

/// An entry of a table: where a page is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// Which frame of memory.
    pub frame: usize,
    /// Whether the processor writes to it.
    pub writable: bool,
}

/// A table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// How many directories have it.
    pub count: usize,
    /// Its entries.
    pub pages: Vec<Option<Page>>,
}

/// A page of memory, with room for one number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// How many tables have it.
    pub count: usize,
    /// What is in it.
    pub value: u64,
}
// ANCHOR_END: model

/// What was copied so far.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Cost {
    /// Writes that the processor refused.
    pub faults: usize,
    /// Entries of tables.
    pub entries: usize,
    /// Pages of memory.
    pub pages: usize,
}

/// A system with its processes, tables and memory. A place that is free is `None`.
#[derive(Clone, Default, Debug)]
pub struct System {
    /// The directories.
    pub processes: Vec<Option<Vec<Region>>>,
    /// All tables.
    pub tables: Vec<Option<Table>>,
    /// All memory.
    pub frames: Vec<Option<Frame>>,
    /// What was copied.
    pub cost: Cost,
}

// ANCHOR: forks
/// What a system does with its tables.
pub trait Forks {
    /// Step 1: makes a process that sees what the parent sees.
    fn fork(system: &mut System, parent: Pid) -> Pid;
    /// Step 2: makes a page writable, to which the processor refused to write.
    fn fault(system: &mut System, process: Pid, page: usize);
    /// Step 3: ends a process.
    fn exit(system: &mut System, process: Pid);
}
// ANCHOR_END: forks

/// Puts something in the first free place.
fn place<T>(places: &mut Vec<Option<T>>, item: T) -> usize {
    let free = places.iter().position(Option::is_none).unwrap_or(places.len());
    if free == places.len() {
        places.push(None);
    }
    places[free] = Some(item);
    free
}

impl System {
    /// A process with so many regions, in which every page has a number of its own.
    pub fn process(&mut self, regions: usize) -> Pid {
        let mut directory = Vec::new();
        for region in 0..regions {
            let page = |i| {
                let value = (region * ENTRIES + i) as u64;
                Some(Page { frame: self.new_frame(value), writable: true })
            };
            let pages = (0..ENTRIES).map(page).collect();
            let table = place(&mut self.tables, Table { count: 1, pages });
            directory.push(Region { table, writable: true });
        }
        place(&mut self.processes, directory)
    }

    fn new_frame(&mut self, value: u64) -> usize {
        place(&mut self.frames, Frame { count: 1, value })
    }

    // ANCHOR: calls
    /// The directory of a process.
    pub fn directory(&mut self, process: Pid) -> &mut Vec<Region> {
        self.processes[process].as_mut().expect("the process lives")
    }

    /// A table.
    pub fn table(&mut self, table: usize) -> &mut Table {
        self.tables[table].as_mut().expect("the table is in use")
    }

    /// A frame.
    pub fn frame(&mut self, frame: usize) -> &mut Frame {
        self.frames[frame].as_mut().expect("the frame is in use")
    }

    /// Adds a process with this directory.
    pub fn add(&mut self, directory: Vec<Region>) -> Pid {
        place(&mut self.processes, directory)
    }

    /// Copies a table: all its entries as they are. The copy counts 1; no other count changes.
    pub fn copy_table(&mut self, table: usize) -> usize {
        let pages = self.table(table).pages.clone();
        self.cost.entries += pages.iter().flatten().count();
        place(&mut self.tables, Table { count: 1, pages })
    }

    /// Copies a frame. The copy counts 1; no other count changes.
    pub fn copy_frame(&mut self, frame: usize) -> usize {
        let value = self.frame(frame).value;
        self.cost.pages += 1;
        self.new_frame(value)
    }

    /// Gives a table back.
    pub fn free_table(&mut self, table: usize) {
        self.tables[table] = None;
    }

    /// Gives a frame back.
    pub fn free_frame(&mut self, frame: usize) {
        self.frames[frame] = None;
    }
    // ANCHOR_END: calls

    /// What a process reads in a page. Reading asks for no right.
    pub fn read(&self, process: Pid, page: usize) -> Option<u64> {
        let region = self.processes.get(process)?.as_ref()?.get(page / ENTRIES)?;
        let table = self.tables.get(region.table)?.as_ref()?;
        let frame = table.pages.get(page % ENTRIES)?.as_ref()?.frame;
        Some(self.frames.get(frame)?.as_ref()?.value)
    }

    /// Writes to a page, as a processor does: where an entry forbids it, the system has one chance
    /// to change that.
    ///
    /// # Errors
    ///
    /// The write was refused twice.
    pub fn write<F: Forks>(&mut self, process: Pid, page: usize, value: u64) -> Result<(), String> {
        if !self.try_write(process, page, value) {
            self.cost.faults += 1;
            F::fault(self, process, page);
            if !self.try_write(process, page, value) {
                return Err(format!("after the fault, page {page} can still not be written"));
            }
        }
        Ok(())
    }

    fn try_write(&mut self, process: Pid, page: usize, value: u64) -> bool {
        let region = self.directory(process)[page / ENTRIES];
        let Some(Some(table)) = self.tables.get(region.table) else { return false };
        let Some(entry) = table.pages[page % ENTRIES] else { return false };
        let Some(Some(frame)) = self.frames.get_mut(entry.frame) else { return false };
        let writable = region.writable && entry.writable;
        if writable {
            frame.value = value;
        }
        writable
    }
}
