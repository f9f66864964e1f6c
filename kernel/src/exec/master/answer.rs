//! What suspended children ask for.

use super::*;
use crate::image::layout::MAX_DEPTH;

impl Master {
    /// A worker's child is suspended and asks for something. What it says is a claim.
    pub(super) fn answer(&mut self, slot: u32) {
        let mail = &control().mail[slot as usize];
        let target = mail.target.load(SeqCst);
        let of_child = |t: &&Task| t.parent == slot + 1 && t.state != FREE;
        let task = self.tasks.get(target as usize).filter(of_child);
        let (mine, own) = (task.is_some(), task.is_some_and(|t| t.open));
        match mail.ask.load(SeqCst) {
            ask::RUN => match self.begin(slot, false) {
                Some(c) => self.suspend(slot, c + 1),
                None => self.reply(slot, u32::MAX),
            },
            ask::OPEN => {
                let c = self.begin(slot, true);
                self.reply(slot, c.unwrap_or(u32::MAX));
            }
            ask::WAIT if own => {
                self.tasks[target as usize].awaited = true;
                self.suspend(slot, target + 1);
            }
            ask::RESTART if own && self.tasks[target as usize].state != ACTIVE => {
                let request = self.request_of(slot);
                self.restart(target, &request);
                self.reply(slot, target);
            }
            ask::AGAIN if mine && self.tasks[target as usize].state == MERGING => {
                let request = self.request_of(slot);
                self.restart(target, &request);
                self.suspend(slot, target + 1);
            }
            ask::KILL if own => {
                self.cancel(target);
                self.reply(slot, target);
            }
            ask::READ => {
                self.suspend(slot, READING);
                self.has_readers = true;
            }
            ask::PARK => {
                self.suspend(slot, PARKED);
                self.make_room_after(slot);
            }
            _ => self.reply(slot, u32::MAX),
        }
    }

    fn request_of(&self, slot: u32) -> Request {
        // SAFETY: `control`: the worker wrote the request before its state said so.
        unsafe { (&raw const control().mail[slot as usize].request).read_volatile() }
    }

    /// Opens what a child asks for.
    fn begin(&mut self, slot: u32, open: bool) -> Option<u32> {
        let request = self.request_of(slot);
        let most = if open { 1 } else { crate::abi::MAX_CHILDREN };
        let valid = (1..=most).contains(&(request.count as usize))
            && (2..MAX_DEPTH as u32).contains(&request.depth);
        let c = self.free_construct().filter(|_| valid)?;
        self.open(c, &request, slot + 1);
        self.put_at_records(c, slot + 1);
        self.tasks[c as usize].open = open;
        Some(c)
    }

    /// A construct slot that nobody uses any more.
    pub(super) fn free_construct(&mut self) -> Option<u32> {
        (1..MAX_CONSTRUCTS as u32).find(|&c| {
            let t = &self.tasks[c as usize];
            // The master's own it releases itself.
            let nested = t.state == MERGING && t.parent != 0;
            if nested && control().constructs[c as usize].released.load(SeqCst) != 0 {
                self.release(c);
            }
            self.tasks[c as usize].state == FREE
        })
    }

    /// The child in a worker waits: its permit is free.
    fn suspend(&mut self, slot: u32, why: u32) {
        self.workers[slot as usize].suspended = why;
        self.running -= 1;
    }

    /// Lets a child that asked for something go on; it has its permit.
    pub(super) fn reply(&mut self, slot: u32, reply: u32) {
        control().mail[slot as usize].reply.store(reply, Relaxed);
        self.start(slot);
    }
}
