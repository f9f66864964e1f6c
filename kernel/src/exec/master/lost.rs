//! What cannot be while workers keep to the protocol, but can if one runs hostile code: the
//! words by which children are handed out are written by all workers. A child that nobody has,
//! or a worker that takes nothing, would be waited for in vain.

use super::*;

/// For how long something may look wrong, in units of 2^20 cycles: a worker says that it is idle
/// just before it reports, and that it is parked; it may be off its processor in between. Some
/// seconds.
const PATIENCE: u32 = 20_000;

/// How many looks must find it so as well: the counter goes on while the whole machine stands
/// still, and while the master computes beside open children.
const LOOKS: u32 = 200;

/// Value of [`Task::odd`] where nothing is wrong; otherwise a lost child or a worker that takes
/// nothing stands in the place of either number.
pub(super) const NOTHING: [u32; 2] = [u32::MAX; 2];

/// Who has a child that has not reported.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// Nobody yet: any worker may take it.
    Nobody,
    /// A worker that runs it, or that will, or a record of it.
    Somebody,
    /// None that will report it.
    Lost,
}

impl Master {
    /// Looks after all active constructs; from time to time.
    pub(super) fn look_for_lost(&mut self) {
        for at in 0..self.active_count as usize {
            let Some(&c) = self.active.get(at) else { break };
            if self.tasks[c as usize].state != ACTIVE {
                continue;
            }
            let now = (cpu::cycles() >> 20) as u32;
            let odd = [self.first_lost(c), self.first_loafer(c)].map(|o| o.unwrap_or(u32::MAX));
            let task = &mut self.tasks[c as usize];
            if odd != task.odd {
                (task.odd, task.odd_since, task.odd_looks) = (odd, now, 0);
                continue;
            }
            task.odd_looks = task.odd_looks.saturating_add(1);
            let long = now.wrapping_sub(task.odd_since) > PATIENCE && task.odd_looks > LOOKS;
            if odd != NOTHING && long {
                (task.odd_since, task.odd_looks) = (now, 0);
                self.put_right(c, odd);
            }
        }
    }

    /// The first child of a construct that is lost. Hands out what was passed over.
    fn first_lost(&self, c: u32) -> Option<u32> {
        let con = &control().constructs[c as usize];
        let limit = con.limit.load(SeqCst).min(self.tasks[c as usize].count);
        let holder = |i: &u32| self.holder(c, *i);
        if let Some(i) = (0..limit).find(|i| holder(i) == Holder::Nobody) {
            // A hint from where on children are free: who takes one looks at its claim.
            con.next.fetch_min(i, SeqCst);
        }
        (0..limit).find(|i| holder(i) == Holder::Lost)
    }

    fn holder(&self, c: u32, i: u32) -> Holder {
        let o = &control().constructs[c as usize].outcomes[i as usize];
        let life = told(c).life.load(Relaxed);
        let claim = o.claim.load(SeqCst);
        let slot = (claim as u32).wrapping_sub(1);
        if o.status.load(SeqCst) != 0 {
            return Holder::Somebody;
        }
        let held = match claim as u32 {
            _ if claim >> 32 != u64::from(life) => false,
            0 => return Holder::Nobody,
            NOBODY => o.evicted.load(SeqCst) != 0,
            _ => self.workers.get(slot as usize).is_some_and(|w| {
                let state = control().mail[slot as usize].state.load(SeqCst);
                let idle = state == state::IDLE && w.suspended == 0;
                let waits = w.suspended == PARKED && !w.restarted;
                w.assigned == c + 1 && w.life == life && !idle && !waits
            }),
        };
        if held { Holder::Somebody } else { Holder::Lost }
    }

    /// The first worker of a construct that takes no child although there are some.
    fn first_loafer(&self, c: u32) -> Option<u32> {
        let con = &control().constructs[c as usize];
        let limit = con.limit.load(SeqCst).min(self.tasks[c as usize].count);
        (0..limit).find(|i| self.holder(c, *i) == Holder::Nobody)?;
        (0..self.high).find(|&s| {
            let w = &self.workers[s as usize];
            w.pid != 0 && w.assigned == c + 1 && w.suspended == 0 && !self.owes(s)
        })
    }

    /// Ends what has looked wrong for too long: a lost child has failed, with its worker where
    /// it has one; a worker that takes nothing makes room for another.
    fn put_right(&mut self, c: u32, [lost, loafer]: [u32; 2]) {
        let con = &control().constructs[c as usize];
        if let Some(o) = con.outcomes.get(lost as usize) {
            self.kill_worker_of(c, o.claim.load(SeqCst));
            self.fail(c, lost, 0);
        }
        if loafer != u32::MAX {
            let mine = u64::from(told(c).life.load(Relaxed)) << 32 | u64::from(loafer + 1);
            self.kill(loafer);
            // What it took in the last instant it has not begun, as far as anyone can tell.
            for i in 0..self.tasks[c as usize].count {
                let o = &con.outcomes[i as usize];
                if o.claim.load(SeqCst) != mine || o.status.load(SeqCst) != 0 {
                    continue;
                }
                // One that has begun to change its part in place cannot begin once more.
                match o.saved.load(SeqCst) {
                    0 => self.set_owner(c, i, 0),
                    _ => self.fail(c, i, 0),
                }
            }
        }
    }

    /// A child has failed with its worker, which died by a signal or without one.
    pub(super) fn fail(&mut self, c: u32, i: u32, signal: i32) {
        let con = &control().constructs[c as usize];
        let o = &con.outcomes[i as usize];
        o.stage.store(signal as u64, SeqCst);
        o.status.store(outcome::KILLED, SeqCst);
        con.limit.fetch_min(i + 1, SeqCst);
        con.reported.fetch_add(1, SeqCst);
    }
}
