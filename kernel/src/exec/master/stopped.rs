//! Children that have stopped: they wait in their workers, or leave them; and go on.

use super::*;
use crate::exec::claims;

/// Stopped children that keep their workers while there is no need of these: a process costs
/// more memory than a record and is one of those that the program may have, but to wake it costs
/// far less than to rebuild a child.
const KEEP: usize = 128;

impl Master {
    /// Lets the stopped children of a construct go on with a new request.
    pub(super) fn restart(&mut self, c: u32, request: &Request) {
        let con = &control().constructs[c as usize];
        // SAFETY: `control`: its children have stopped and read the request when they go on.
        unsafe { (&raw const told(c).request).cast_mut().write(*request) };
        let task = &mut self.tasks[c as usize];
        (task.state, task.awaited, task.done, task.parked) = (ACTIVE, false, 0, 0);
        task.starved_since = 0;
        con.reported.store(0, Relaxed);
        for i in 0..self.tasks[c as usize].count as usize {
            let o = &con.outcomes[i];
            let status = o.status.load(SeqCst);
            if !outcome::stopped(status) {
                con.reported.fetch_add(1, Relaxed);
                continue;
            }
            o.status.store(0, SeqCst);
            self.tasks[c as usize].parked += 1;
            if status == outcome::EVICTED {
                o.evicted.store(1, SeqCst);
                continue;
            }
            let slot = (o.claim.load(SeqCst) as u32).wrapping_sub(1);
            let given = |w: &&mut Worker| w.assigned == c + 1;
            if let Some(w) = self.workers.get_mut(slot as usize).filter(given) {
                w.restarted = true;
            }
        }
        self.active[self.active_count as usize] = c;
        self.active_count += 1;
    }

    /// Lets restarted children of a construct go on, as far as there are permits; whether all
    /// do. None where one fails since no worker can be had for it.
    pub(super) fn resume_stopped(&mut self, c: u32) -> Option<bool> {
        let con = &control().constructs[c as usize];
        let mut without = None;
        for i in 0..self.tasks[c as usize].count {
            if self.tasks[c as usize].parked == 0 {
                break;
            }
            let o = &con.outcomes[i as usize];
            if o.evicted.load(SeqCst) != 0 && o.claim.load(SeqCst) as u32 == NOBODY {
                // Those that have a worker come first where no other is to be had.
                if without.is_some() {
                    continue;
                }
                if !self.may_run(c, true) {
                    return Some(false);
                }
                if self.assign(c, Some(i)) {
                    o.evicted.store(0, SeqCst);
                    self.unpark(c);
                } else {
                    without = Some(i);
                }
                continue;
            }
            let slot = (o.claim.load(SeqCst) as u32).wrapping_sub(1);
            let Some(w) = self.workers.get(slot as usize) else { continue };
            // One that has stopped once more is parked as well, before it says so.
            if !w.restarted || w.assigned != c + 1 || w.suspended != PARKED {
                continue;
            }
            if w.epoch != me().epoch && !w.pinned {
                // It goes on with the mappings as they are now, wherever it waited.
                self.tell_to_leave(slot);
                continue;
            }
            if !self.may_run(c, true) {
                return Some(false);
            }
            let w = &mut self.workers[slot as usize];
            (w.suspended, w.restarted, w.pinned) = (0, false, false);
            self.running += 1;
            self.unpark(c);
            control().mail[slot as usize].reply.store(tell::GO_ON, Relaxed);
            self.start(slot);
        }
        let Some(i) = without else { return Some(true) };
        if !self.make_room() && self.is_stuck() {
            self.fail_for_lack_of_workers(c, i);
            return None;
        }
        Some(false)
    }

    /// One restarted child less that did not get a permit yet.
    pub(super) fn unpark(&mut self, c: u32) {
        let parked = &mut self.tasks[c as usize].parked;
        *parked = parked.saturating_sub(1);
    }

    /// A child has stopped in a worker: where many have, it does not keep it.
    pub(super) fn make_room_after(&mut self, slot: u32) {
        let parked = |w: &&Worker| w.suspended == PARKED;
        let held = self.workers[..self.high as usize].iter().filter(parked).count();
        if held > KEEP || chaos::choose(2) {
            self.tell_to_leave(slot);
        }
    }

    /// Gets a worker, soon, from a child that has stopped, if possible one that is not wanted
    /// yet; whether there is one. As many at a time as there are permits.
    pub(super) fn make_room(&mut self) -> bool {
        let leaving = self.leaving();
        let all = &self.workers[..self.high as usize];
        if leaving > 0 && leaving as u32 + self.running >= self.width {
            return true;
        }
        let can = |w: &Worker| w.suspended == PARKED && !w.pinned;
        let best = all.iter().rposition(|w| can(w) && !w.restarted);
        let Some(slot) = best.or_else(|| all.iter().rposition(can)) else { return leaving > 0 };
        self.tell_to_leave(slot as u32);
        true
    }

    /// Workers that are leaving their stopped children.
    pub(super) fn leaving(&self) -> usize {
        self.workers[..self.high as usize].iter().filter(|w| w.suspended == LEAVING).count()
    }

    fn tell_to_leave(&mut self, slot: u32) {
        let w = &mut self.workers[slot as usize];
        if w.suspended != PARKED || w.pinned {
            return;
        }
        w.suspended = LEAVING;
        control().mail[slot as usize].reply.store(tell::LEAVE, Relaxed);
        self.start(slot);
    }

    /// A worker cannot leave its child.
    pub(super) fn stays(&mut self, slot: u32) {
        let w = &mut self.workers[slot as usize];
        (w.suspended, w.pinned) = (PARKED, true);
    }

    /// A worker has left its child: the worker is idle, the child evicted.
    pub(super) fn left(&mut self, slot: u32) {
        let w = &mut self.workers[slot as usize];
        let (c, life, restarted) = (w.assigned - 1, w.life, w.restarted);
        (w.assigned, w.suspended, w.restarted) = (0, 0, false);
        self.evictions += 1;
        self.leave(c, life);
        if !self.is_at(c, life) {
            return;
        }
        let mine = u64::from(life) << 32 | u64::from(slot + 1);
        let count = self.tasks[c as usize].count as usize;
        let all = &control().constructs[c as usize].outcomes[..count];
        let has = |o: &&Outcome| {
            let status = o.status.load(SeqCst);
            o.claim.load(SeqCst) == mine && (status == 0 || status == outcome::STOPPED)
        };
        let Some(o) = all.iter().find(has) else { return };
        o.claim.store(u64::from(life) << 32 | u64::from(NOBODY), SeqCst);
        if restarted {
            o.evicted.store(1, SeqCst);
        } else {
            o.status.store(outcome::EVICTED, SeqCst);
        }
    }

    /// Children of a new construct that are to go on from records: they count as evicted ones,
    /// of a parent in the worker before `parent`, or of the master.
    pub(super) fn put_at_records(&mut self, c: u32, parent: u32) {
        let con = &control().constructs[c as usize];
        let (at, count) = (told(c).request.records, self.tasks[c as usize].count);
        let slot = parent.checked_sub(1).unwrap_or(MASTER_AREA);
        let Some(records) = claims::view::<u64>(slot, at, count as usize, 8).filter(|_| at != 0)
        else {
            return;
        };
        con.next.store(count, SeqCst);
        for (i, (o, &record)) in con.outcomes.iter().zip(records).enumerate() {
            if record == 0 {
                o.status.store(outcome::RETURNED, SeqCst);
                con.reported.fetch_add(1, SeqCst);
                continue;
            }
            o.stage.store(record, SeqCst);
            o.evicted.store(1, SeqCst);
            self.set_owner(c, i as u32, NOBODY);
            self.tasks[c as usize].parked += 1;
        }
    }

    /// Says which worker has a child: its slot plus one, or [`NOBODY`].
    pub(super) fn set_owner(&self, c: u32, i: u32, owner: u32) {
        let con = &control().constructs[c as usize];
        let life = u64::from(told(c).life.load(Relaxed)) << 32;
        con.outcomes[i as usize].claim.store(life | u64::from(owner), SeqCst);
    }
}
