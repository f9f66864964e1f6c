//! Ends of workers, wanted and unwanted.

use super::*;

impl Master {
    /// Kills the workers of children that a failure below made useless.
    pub(super) fn stop_above(&mut self, c: u32, limit: u32) {
        let con = &control().constructs[c as usize];
        let life = told(c).life.load(Relaxed);
        for i in limit..self.tasks[c as usize].count {
            let o = &con.outcomes[i as usize];
            let fresh = u64::from(life) << 32;
            let revoked = fresh | u64::from(u32::MAX);
            // Nobody takes it from here on: a worker may be about to.
            let Err(claim) = o.claim.compare_exchange(fresh, revoked, SeqCst, SeqCst) else {
                continue;
            };
            let claimed = claim >> 32 == u64::from(life) && claim != revoked;
            let status = o.status.load(SeqCst);
            if claimed && (status == 0 || status == outcome::STOPPED) {
                self.kill_worker_of(c, claim);
                // Its slot may get another worker, which has nothing to do with this child.
                o.claim.store(revoked, SeqCst);
            }
        }
    }

    /// Kills the worker that claims a child of a construct, if it was given to that.
    pub(super) fn kill_worker_of(&mut self, c: u32, claim: u64) {
        let slot = (claim as u32).wrapping_sub(1);
        let Some(w) = self.workers.get(slot as usize) else { return };
        if w.assigned == c + 1 && self.is_at(c, w.life) {
            self.kill(slot);
        }
    }

    /// Kills a worker and everything its suspended child waits for.
    pub(super) fn kill(&mut self, slot: u32) {
        let Some(w) = self.workers.get_mut(slot as usize) else { return };
        if w.pid == 0 {
            return;
        }
        sys::kill_and_reap(w.pidfd);
        self.forget(slot);
    }

    /// A worker is gone: frees its slot, cancels what its child waited for.
    pub(super) fn forget(&mut self, slot: u32) {
        let w = &mut self.workers[slot as usize];
        let (assigned, suspended, life) = (w.assigned, w.suspended, w.life);
        sys::close(w.pidfd);
        let restarted = w.restarted;
        *w = Worker::NONE;
        if restarted && self.is_at(assigned - 1, life) {
            self.unpark(assigned - 1);
        }
        if assigned != 0 {
            timeline::worker_ended(slot);
            self.leave(assigned - 1, life);
            if suspended == 0 {
                self.running -= 1;
            }
        }
        for c in 0..MAX_CONSTRUCTS as u32 {
            let t = &self.tasks[c as usize];
            if t.parent == slot + 1 && t.state != FREE {
                self.cancel(c);
            }
        }
    }

    /// One worker less for a construct, if this is still the life it was given to.
    pub(super) fn leave(&mut self, c: u32, life: u32) {
        if self.is_at(c, life) {
            self.tasks[c as usize].workers -= 1;
        }
    }

    /// Whether a construct slot is in this life still.
    pub(super) fn is_at(&self, c: u32, life: u32) -> bool {
        told(c).life.load(Relaxed) == life
    }

    /// Ends a construct whose parent no longer wants it.
    pub fn cancel(&mut self, c: u32) {
        self.deactivate(c);
        control().constructs[c as usize].limit.store(0, SeqCst);
        self.stop_above(c, 0);
        self.end_life(c);
        self.tasks[c as usize].state = FREE;
    }

    pub(super) fn look_for_deaths(&mut self) {
        for s in 0..self.high {
            let w = &self.workers[s as usize];
            if w.pid == 0 || w.assigned == 0 {
                continue;
            }
            if let Some(status) = sys::reap(w.pidfd, false) {
                if control().told.births[s as usize].up.load(SeqCst) == 0 {
                    self.note_stillborn(status);
                }
                self.account_death(s, status);
                self.forget(s);
            } else {
                // A new worker is for an instant in the program's process group, and may have
                // been stopped with it.
                sys::go_on(w.pidfd);
            }
        }
        self.look_for_lost();
    }

    /// A worker says that it ended its child, or that it could not be set up, and exits. It does
    /// not have to: whatever it does, nobody waits for that.
    pub(super) fn end_faulted(&mut self, slot: u32) {
        let error = control().told.births[slot as usize].error.load(SeqCst);
        if error != 0 {
            self.setup_error = error;
        } else if self.owes(slot) {
            // It may still report, or dies and is found.
            return;
        }
        sys::kill_and_reap(self.workers[slot as usize].pidfd);
        self.account_death(slot, 0);
        self.forget(slot);
    }

    /// A worker died while it was set up. One may be killed by chance; where all are, more of
    /// them would not help.
    fn note_stillborn(&mut self, signal: i32) {
        self.stillborn += 1;
        if self.stillborn >= STILLBORN {
            self.setup_error = step::error(step::DEAD, signal);
        }
    }

    /// The child that a dead worker had taken, if it had not reported, failed with it.
    pub(super) fn account_death(&mut self, slot: u32, status: i32) {
        let c = self.workers[slot as usize].assigned;
        if c == 0 {
            return;
        }
        let con = &control().constructs[c as usize - 1];
        let mine = u64::from(told(c - 1).life.load(Relaxed)) << 32 | u64::from(slot + 1);
        let given = control().mail[slot as usize].given.load(SeqCst);
        for i in 0..self.tasks[c as usize - 1].count {
            let o = &con.outcomes[i as usize];
            let said = o.status.load(SeqCst);
            if o.claim.load(SeqCst) == mine && said == 0 && given == i + 1 {
                // An evicted child that it was to take waits for another.
                self.set_owner(c - 1, i, NOBODY);
                o.evicted.store(1, SeqCst);
                self.tasks[c as usize - 1].parked += 1;
            } else if o.claim.load(SeqCst) == mine && (said == 0 || said == outcome::STOPPED) {
                self.fail(c - 1, i, status);
            }
        }
    }

    /// Ends all workers.
    pub fn shut_down(&mut self) {
        for s in 0..self.high {
            self.kill(s);
        }
        self.high = 0;
    }

    /// In a forked process: the workers are its parent's.
    pub fn forget_all(&mut self) {
        for w in self.workers.iter_mut().take(self.high as usize).filter(|w| w.pid != 0) {
            sys::close(w.pidfd);
            w.pid = 0;
        }
        self.high = 0;
    }
}
