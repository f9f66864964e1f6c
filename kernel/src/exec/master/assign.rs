//! Who runs: gives permits and workers to children and to suspended spaces.

use super::*;
use crate::exec::{turns, worker};
use crate::space::private::keep_sign;

/// Workers that may be leaving their stopped children before no more are made.
const LEAVE_AT_ONCE: usize = 64;

impl Master {
    /// Gives permits to suspended spaces whose children are done; then to children that
    /// somebody waits for, newest construct first: the deepest work ends soonest; then to
    /// those of open constructs, oldest first.
    pub(super) fn dispatch(&mut self) {
        let mut hungry = self.feed() | self.resume_parents();
        let count = self.active_count as usize;
        let awaited = |t: &Task| !t.open || t.awaited;
        for at in (0..count).rev() {
            let Some(&c) = self.active[..self.active_count as usize].get(at) else { continue };
            if awaited(&self.tasks[c as usize]) {
                let Some(more) = self.serve(c) else { return };
                hungry |= more;
            }
        }
        for at in 0..count {
            let Some(&c) = self.active[..self.active_count as usize].get(at) else { continue };
            if !awaited(&self.tasks[c as usize]) {
                let Some(more) = self.serve(c) else { return };
                hungry |= more;
            }
        }
        control().told.hungry.store(u32::from(hungry), SeqCst);
    }

    /// Whether another space of a construct may run. One that nothing runs for gets a permit
    /// beyond the permitted number where nothing has happened for a while, or where it has waited
    /// for long: who holds the others, or takes them again and again, may compute for ever, and
    /// somebody may wait for this one. Few at a time: who has waited since before the last one got
    /// its permit comes before those who came since.
    pub(super) fn may_run(&mut self, c: u32, starved: bool) -> bool {
        /// Sleeps of [`TICK`].
        const WHILE: u32 = 5;
        /// Units of 2^20 cycles: about ten times as long.
        const LONG: u32 = 2000;
        let since = &mut self.tasks[c as usize].starved_since;
        if self.running < self.width {
            *since = 0;
            return true;
        }
        if !starved {
            return false;
        }
        let now = ((cpu::cycles() >> 20) as u32).max(1);
        if *since == 0 {
            *since = now;
        }
        let next = now.wrapping_sub(self.extra) > LONG / 2;
        let extra = self.quiet >= WHILE || next && now.wrapping_sub(*since) > LONG;
        if extra {
            (*since, self.quiet, self.extra) = (0, 0, now);
        }
        extra
    }

    /// Lets parents go on whose children are done; whether some still need a permit.
    fn resume_parents(&mut self) -> bool {
        let mut waits = false;
        for at in (0..self.active_count as usize).rev() {
            let c = self.active[at];
            if self.tasks[c as usize].state != COMPLETE {
                continue;
            }
            if !self.may_run(c, true) {
                waits = true;
                continue;
            }
            let parent = self.tasks[c as usize].parent - 1;
            self.tasks[c as usize].state = MERGING;
            self.deactivate(c);
            self.workers[parent as usize].suspended = 0;
            self.running += 1;
            control().mail[parent as usize].reply.store(c, Relaxed);
            self.start(parent);
        }
        waits
    }

    /// Gives a construct what it can use; whether it could use more. None where it fails since
    /// no worker can be had: what that frees is for the others, which come next time.
    fn serve(&mut self, c: u32) -> Option<bool> {
        let con = &control().constructs[c as usize];
        let mut hungry = !self.resume_stopped(c)?;
        let stopped = self.stopped_at(c);
        while self.tasks[c as usize].state == ACTIVE {
            let left = con.limit.load(SeqCst).saturating_sub(con.next.load(SeqCst));
            let workers = self.tasks[c as usize].workers;
            if left == 0 || !self.may_start_next(c) {
                break;
            }
            if workers >= self.tasks[c as usize].count || !self.may_run(c, workers == stopped) {
                hungry = true;
                break;
            }
            if !self.assign(c, None) {
                hungry = true;
                if !self.make_room() && self.is_stuck() {
                    self.fail_for_lack_of_workers(c, con.next.load(SeqCst));
                    return None;
                }
                break;
            }
            if self.tasks[c as usize].workers >= left {
                break;
            }
        }
        Some(hungry)
    }

    /// Whether a worker could take a child of a construct: where they run in turn, one at a time
    /// does, and goes on with the next.
    fn may_start_next(&self, c: u32) -> bool {
        let con = &control().constructs[c as usize];
        if told(c).in_turn.load(Relaxed) == 0 || self.tasks[c as usize].workers == 0 {
            return true;
        }
        let next = con.next.load(SeqCst);
        next > 0 && turns::may_start(c, next) && self.parked_at(c) == self.tasks[c as usize].workers
    }

    /// Workers of a construct whose children wait at a barrier for those that nobody took yet.
    fn stopped_at(&self, c: u32) -> u32 {
        if self.running < self.width { 0 } else { self.parked_at(c) }
    }

    fn parked_at(&self, c: u32) -> u32 {
        let parked = |w: &&Worker| w.assigned == c + 1 && w.suspended == PARKED;
        self.workers[..self.high as usize].iter().filter(parked).count() as u32
    }

    /// Whether nobody is left who could free a worker.
    pub(super) fn is_stuck(&self) -> bool {
        self.running == 0 && !self.expects_input
    }

    /// No worker can be had for a child.
    pub(super) fn fail_for_lack_of_workers(&mut self, c: u32, i: u32) {
        let con = &control().constructs[c as usize];
        if let Some(o) = con.outcomes.get(i as usize) {
            let why = match core::mem::take(&mut self.setup_error) {
                0 => self.clone_error as u64,
                e => e,
            };
            o.stage.store(why, SeqCst);
            o.status.store(outcome::NO_WORKER, SeqCst);
            con.limit.fetch_min(i + 1, SeqCst);
            con.reported.fetch_add(1, SeqCst);
        }
    }

    /// Keeps a worker off the processor that the master and the home worker share, as long as
    /// there is another for it. The system's scheduler often wakes it there, beside them, and
    /// moves it only after longer than most constructs take.
    fn place(&mut self, slot: u32) {
        let home = &self.workers[HOME as usize];
        let home_runs = u32::from(home.assigned != 0 && home.suspended == 0);
        let others = control().told.spinners_allowed.load(Relaxed);
        let room = self.running <= others + home_runs;
        let w = &mut self.workers[slot as usize];
        // Who leaves its child runs beside those that have a permit.
        let off = if room && w.suspended != LEAVING { cpu::current() + 1 } else { 0 };
        if w.off == off {
            return;
        }
        w.off = off;
        let mut mask = self.affinity;
        if let Some(here) = off.checked_sub(1)
            && let Some(word) = mask.get_mut(here / 64)
        {
            *word &= !(1 << (here % 64));
        }
        sys::set_affinity(w.pid, &mask);
    }

    pub(super) fn start(&mut self, slot: u32) {
        if slot == HOME {
            let here = cpu::current() + 1;
            if self.home_cpu != here {
                sys::pin(self.workers[HOME as usize].pid, here - 1);
                self.home_cpu = here;
            }
        } else {
            self.place(slot);
        }
        let mail = &control().mail[slot as usize];
        mail.state.store(state::BUSY, SeqCst);
        mail.go.fetch_add(1, SeqCst);
        if mail.sleeping.load(SeqCst) != 0 {
            sys::futex_wake(&mail.go);
        }
    }

    /// Gives a construct every idle worker that watches its mailbox.
    pub(super) fn assign_watching(&mut self, c: u32) -> bool {
        let epoch = me().epoch;
        let mut any = false;
        let in_turn = told(c).in_turn.load(Relaxed) != 0;
        let most = if in_turn { 1 } else { self.tasks[c as usize].count };
        for s in 0..self.high {
            let w = &self.workers[s as usize];
            let mail = &control().mail[s as usize];
            let idle = w.pid != 0 && w.assigned == 0 && w.suspended == 0 && w.epoch == epoch;
            let watches = mail.state.load(SeqCst) == state::IDLE && mail.sleeping.load(SeqCst) == 0;
            let room = self.running < self.width.min(most);
            if idle && watches && room {
                mail.construct.store(c, SeqCst);
                mail.given.store(0, SeqCst);
                self.give(s, c);
                self.start(s);
                any = true;
            }
        }
        any
    }

    /// Gives a construct an idle worker, or a new one; `child` is an evicted one that it is to
    /// take first.
    pub(super) fn assign(&mut self, c: u32, child: Option<u32>) -> bool {
        let epoch = me().epoch;
        let mut free = None;
        // The home worker last: it starts when the master leaves the processor.
        let home = (!self.away).then_some(HOME);
        for s in (1..self.high.max(1)).chain(home) {
            let w = &self.workers[s as usize];
            if w.pid == 0 {
                free = free.or(Some(s));
                continue;
            }
            if !self.is_idle(s) {
                continue;
            }
            if chaos::choose(4) {
                // Passed over: another worker, or a new one, takes its place.
                continue;
            }
            if w.epoch != epoch || chaos::choose(32) {
                self.kill(s);
                free = free.or(Some(s));
                continue;
            }
            self.give_idle(s, c, child);
            return true;
        }
        if self.leaving() >= LEAVE_AT_ONCE {
            // Their processes are about to be free; to leave takes longer than to make more of them.
            return false;
        }
        let slot = free.unwrap_or(self.high.max(u32::from(self.away)));
        if slot as usize >= MAX_WORKERS {
            return false;
        }
        self.hand_over(slot, c, child);
        if self.spawn(slot, c, epoch) {
            return true;
        }
        if let Some(i) = child {
            self.set_owner(c, i, NOBODY);
        }
        // Better the home worker than none.
        let home = self.is_idle(HOME) && self.workers[HOME as usize].epoch == epoch;
        if home {
            self.give_idle(HOME, c, child);
        }
        home
    }

    fn is_idle(&self, slot: u32) -> bool {
        let w = &self.workers[slot as usize];
        let idle = control().mail[slot as usize].state.load(SeqCst) == state::IDLE;
        w.pid != 0 && w.assigned == 0 && w.suspended == 0 && idle
    }

    fn give_idle(&mut self, slot: u32, c: u32, child: Option<u32>) {
        control().mail[slot as usize].construct.store(c, SeqCst);
        self.hand_over(slot, c, child);
        self.give(slot, c);
        self.start(slot);
    }

    /// Names the child that a worker is to take first.
    fn hand_over(&self, slot: u32, c: u32, child: Option<u32>) {
        control().mail[slot as usize].given.store(child.map_or(0, |i| i + 1), SeqCst);
        if let Some(i) = child {
            self.set_owner(c, i, slot + 1);
        }
    }

    fn give(&mut self, slot: u32, c: u32) {
        let w = &mut self.workers[slot as usize];
        w.assigned = c + 1;
        w.life = told(c).life.load(Relaxed);
        control().mail[slot as usize].life.store(w.life, SeqCst);
        self.tasks[c as usize].workers += 1;
        self.running += 1;
    }

    fn spawn(&mut self, slot: u32, c: u32, epoch: u32) -> bool {
        if self.setup_error != 0 {
            return false;
        }
        let mail = &control().mail[slot as usize];
        mail.sleeping.store(0, SeqCst);
        control().told.births[slot as usize].up.store(0, SeqCst);
        control().told.births[slot as usize].error.store(0, SeqCst);
        mail.construct.store(c, SeqCst);
        mail.life.store(told(c).life.load(Relaxed), SeqCst);
        mail.state.store(state::BUSY, SeqCst);
        // A worker that turns out to be beyond control must not have taken a child before that.
        let held = !self.probed;
        mail.go.store(u32::from(!held), SeqCst);
        keep_sign();
        // SAFETY: the stack is used for nothing but new workers, which have their own copy.
        let made = unsafe {
            sys::clone_process(PRIVATE + private::WORKER_STACK, worker::start, slot as usize)
        };
        match made {
            Ok((pid, pidfd)) if self.probe(pid, pidfd) => {
                let w = &mut self.workers[slot as usize];
                *w = Worker { pid, pidfd, epoch, ..Worker::NONE };
                if slot == HOME {
                    self.home_cpu = 0;
                }
                self.high = self.high.max(slot + 1);
                self.give(slot, c);
                if held {
                    mail.go.store(1, SeqCst);
                    sys::futex_wake(&mail.go);
                }
                true
            }
            made => {
                self.clone_error = made.err().unwrap_or(0);
                let limits = [0, libc::EAGAIN, libc::ENOMEM, libc::EMFILE, libc::ENFILE];
                if !limits.contains(&self.clone_error) {
                    self.setup_error = step::error(step::CLONE, self.clone_error);
                }
                mail.state.store(state::IDLE, SeqCst);
                false
            }
        }
    }

    /// Makes sure, once, that the calls by which workers are killed and reaped are allowed:
    /// without them a worker could not be told dead from alive. Else ends the worker.
    fn probe(&mut self, pid: i32, pidfd: i32) -> bool {
        if !self.probed {
            if let Err(e) = sys::probe_pidfd(pidfd) {
                self.setup_error = step::error(step::PIDFD, e);
                sys::kill_without_pidfd(pid);
                sys::close(pidfd);
                return false;
            }
            self.probed = true;
        }
        true
    }
}
