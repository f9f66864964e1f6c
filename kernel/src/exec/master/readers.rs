//! Children that wait for standard input, see [`input`].

use super::*;
use crate::exec::input::{self, LINE};

impl Master {
    /// Gives the children that can have it what they asked for; whether one could use a permit.
    pub(super) fn feed(&mut self) -> bool {
        if !self.has_readers {
            return false;
        }
        (self.has_readers, self.expects_input) = (false, false);
        let mut hungry = false;
        for slot in 0..self.high {
            let w = &self.workers[slot as usize];
            if w.suspended != READING || w.assigned == 0 {
                continue;
            }
            let c = w.assigned - 1;
            let again = told(c).request.watch != 0;
            if !again && !self.has_turn(slot) {
                self.has_readers = true;
            } else if !self.may_run(c, true) {
                (self.has_readers, hungry) = (true, true);
            } else if let Some(answer) = self.answer_to_reader(slot, again) {
                self.workers[slot as usize].suspended = 0;
                self.running += 1;
                self.reply(slot, answer);
            } else {
                (self.has_readers, self.expects_input) = (true, true);
            }
        }
        hungry
    }

    /// What a reader gets, as bytes in its mailbox and their number; none where that has not come.
    fn answer_to_reader(&self, slot: u32, again: bool) -> Option<u32> {
        let mail = &control().mail[slot as usize];
        let to = (&raw const mail.line).cast_mut();
        // SAFETY: `control`: the worker waits, and reads the bytes when it goes on; it wrote who it
        // is before its state said so. Any bytes are numbers.
        let (reader, to) = unsafe { ((&raw const mail.reader).read_volatile(), &mut *to) };
        if again {
            let bytes = input::find(reader).filter(|b| b.len() <= LINE);
            // Who was not given it the first time does not get it now.
            let Some(bytes) = bytes else { return Some(input::failed(libc::EIO)) };
            to[..bytes.len()].copy_from_slice(bytes);
            return Some(bytes.len() as u32);
        }
        if !input::has_room() {
            // Nothing is taken from the input that could not be given once more.
            return Some(input::failed(libc::ENOBUFS));
        }
        let want = (mail.target.load(SeqCst) as usize).clamp(1, LINE);
        let n = match input::line(&mut to[..want])? {
            n if n < 0 => return Some(input::failed(-n as i32)),
            n => n as usize,
        };
        input::remember(reader, &to[..n]);
        Some(n as u32)
    }

    /// Whether all that comes before a child in the program has ended or stopped, and the spaces
    /// above it wait for it.
    fn has_turn(&self, slot: u32) -> bool {
        let mut slot = slot;
        loop {
            let w = &self.workers[slot as usize];
            let Some(c) = w.assigned.checked_sub(1).filter(|c| self.is_at(*c, w.life)) else {
                return false;
            };
            let t = &self.tasks[c as usize];
            let all = &control().constructs[c as usize].outcomes[..t.count as usize];
            let over = |o: &Outcome| {
                let status = o.status.load(SeqCst);
                status == outcome::RETURNED || outcome::stopped(status)
            };
            let mine = u64::from(w.life) << 32 | u64::from(slot + 1);
            // Where one before it has failed, this one is not wanted any more.
            let first = all.iter().find(|o| !over(o));
            let is_first = first.is_some_and(|o| o.claim.load(SeqCst) == mine);
            if t.state != ACTIVE || t.open && !t.awaited || !is_first {
                return false;
            }
            match t.parent.checked_sub(1) {
                Some(parent) => slot = parent,
                None => return true,
            }
        }
    }

    /// Whether a child of a construct, or one below it, waits for input.
    pub(super) fn wants_input(&self, c: u32) -> bool {
        let below = |slot: u32| {
            let mut slot = slot;
            loop {
                let Some(own) = self.workers[slot as usize].assigned.checked_sub(1) else {
                    return false;
                };
                match self.tasks[own as usize].parent.checked_sub(1) {
                    _ if own == c => return true,
                    Some(parent) => slot = parent,
                    None => return false,
                }
            }
        };
        (0..self.high).any(|s| self.workers[s as usize].suspended == READING && below(s))
    }
}
