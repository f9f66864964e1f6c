//! A store that loses power: what was written since the last sync may be there or not, in any
//! order, and a block in parts.

#[path = "../stream/random.rs"]
pub mod random;

use detpar_fs::Store;
use random::Random;
use std::io;

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

/// The store, and the power it has left.
pub struct Device {
    /// What lasts.
    pub lasting: Vec<u8>,
    /// What readers see.
    seen: Vec<u8>,
    since_sync: Vec<Change>,
    /// Writes, changes of the length and syncs until the power fails.
    pub left: u64,
    pub done: u64,
}

fn apply(to: &mut Vec<u8>, change: &Change) -> io::Result<()> {
    match change {
        Change::Write(at, bytes) => to.write_at(*at, bytes),
        Change::SetLen(len) => to.set_size(*len),
    }
}

impl Device {
    pub fn new(holds: Vec<u8>, left: u64) -> Device {
        Device { seen: holds.clone(), lasting: holds, since_sync: Vec::new(), left, done: 0 }
    }

    fn power(&mut self) -> io::Result<()> {
        self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
        self.done += 1;
        Ok(())
    }

    /// What the device may hold after the power failed: 0 nothing since the last sync, 1 all of
    /// it, else some of it, in some order, sectors of 512 bytes one by one.
    pub fn after(&self, variant: u64, r: &mut Random) -> Vec<u8> {
        let mut holds = self.lasting.clone();
        let mut changes = Vec::new();
        for change in &self.since_sync {
            match change {
                Change::Write(at, bytes) if variant > 1 => {
                    let sectors = bytes.chunks(512).enumerate();
                    let write =
                        |(i, s): (usize, &[u8])| Change::Write(at + 512 * i as u64, s.to_vec());
                    changes.extend(sectors.map(write));
                }
                change => changes.push(change.clone()),
            }
        }
        match variant {
            0 => changes.clear(),
            1 => {}
            _ => {
                let share = 1 + r.below(9);
                changes.retain(|_| r.below(10) < share);
                if !r.one_in(4) {
                    for i in (1..changes.len()).rev() {
                        changes.swap(i, r.below(i as u64 + 1) as usize);
                    }
                }
            }
        }
        changes.iter().for_each(|c| apply(&mut holds, c).unwrap());
        holds
    }
}

impl Store for Device {
    fn size(&mut self) -> io::Result<u64> {
        self.seen.size()
    }

    fn set_size(&mut self, len: u64) -> io::Result<()> {
        // What does not change anything is no step.
        if len == self.seen.size()? {
            return Ok(());
        }
        self.since_sync.push(Change::SetLen(len));
        self.power()?;
        self.seen.set_size(len)
    }

    fn read_at(&mut self, at: u64, to: &mut [u8]) -> io::Result<()> {
        self.seen.read_at(at, to)
    }

    fn write_at(&mut self, at: u64, from: &[u8]) -> io::Result<()> {
        // The write at which the power fails may be there, too, or a part of it.
        self.since_sync.push(Change::Write(at, from.to_vec()));
        self.power()?;
        self.seen.write_at(at, from)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.power()?;
        self.since_sync.clear();
        self.lasting.clone_from(&self.seen);
        Ok(())
    }
}
