//! The master's executor: makes workers, gives them constructs, resumes suspended spaces,
//! notices deaths. It runs on the control stack and is the only place that decides who runs;
//! nothing it decides is visible in results.

use super::control::*;
use super::{chaos, worker};
use crate::image::huge;
use crate::image::layout::{MAX_DEPTH, MAX_WORKERS, PRIVATE};
use crate::sys::{self, cpu};
use core::sync::atomic::Ordering::*;

/// A worker as the master knows it; nothing a worker writes is trusted for this.
#[repr(C)]
struct Worker {
    /// 0 where the slot is free.
    pid: i32,
    pidfd: i32,
    /// Construct it was given, plus one.
    assigned: u32,
    /// Construct its child waits for, plus one.
    suspended: u32,
    /// Epoch of the master's mappings that it shows.
    epoch: u32,
    /// Life of the construct it was given.
    life: u32,
}

const FREE: u32 = 0;
const ACTIVE: u32 = 1;
const COMPLETE: u32 = 2;
const MERGING: u32 = 3;

/// A construct as the master knows it.
#[repr(C)]
struct Task {
    state: u32,
    /// Slot of the suspended parent's worker, plus one; 0: the master.
    parent: u32,
    /// Children below this index have reported.
    done: u32,
    /// Workers given to it.
    workers: u32,
    count: u32,
}

#[repr(C)]
pub(crate) struct Master {
    workers: [Worker; MAX_WORKERS],
    /// Slots in use lie below this.
    high: u32,
    running: u32,
    /// Most workers that may run at a time.
    pub width: u32,
    tasks: [Task; MAX_CONSTRUCTS],
    /// Active constructs, oldest first.
    active: [u32; MAX_CONSTRUCTS],
    active_count: u32,
    /// Set-up failure of a worker: step and error number.
    pub setup_error: u64,
    /// Clone's last failure.
    pub clone_error: i32,
    /// Last event seen.
    seen: u32,
    /// Times that the master slept.
    waits: u32,
    /// Processors that the master may run on.
    pub affinity: sys::CpuMask,
    /// Processor that the home worker is pinned to, plus one.
    home_cpu: usize,
    /// What a construct took of late, in cycles.
    typical: u64,
}

/// The master's executor.
pub(crate) fn master() -> &'static mut Master {
    // SAFETY: fits before the control stacks; zero is an empty executor.
    unsafe { private_item::<Master>(private::MASTER, 0) }
}

/// How long the master sleeps before it looks for workers that died without a word.
const TICK: u64 = 10_000_000;
/// Cycles for which the master watches for events before it sleeps: it has a processor to
/// itself then.
const SPIN: u64 = 100_000;
/// Cycles that workers which were watching get alone before sleeping ones are woken: waking
/// costs more than short children do.
const HOT: u64 = 12_000;

impl Master {
    /// Runs all children of a request of the master itself; returns their construct.
    pub fn run(&mut self, request: &Request) -> u32 {
        huge::step(me().image_fd, chaos::choose(8));
        self.poll();
        let c = 0;
        self.open(c, request, 0);
        chaos::point();
        let start = cpu::cycles();
        let hot = !chaos::choose(2) && self.typical < HOT && self.assign_watching(c);
        while hot && cpu::cycles() - start < HOT && !self.update(c) {
            core::hint::spin_loop();
        }
        while !self.update(c) {
            self.dispatch();
            if self.update(c) {
                break;
            }
            self.wait();
            self.poll();
        }
        // A moving average: whether constructs are worth waking more workers at once.
        let took = cpu::cycles().saturating_sub(start);
        self.typical = (self.typical * 7 + took.min(64 * HOT)) / 8;
        self.deactivate(c);
        self.tasks[c as usize].state = MERGING;
        c
    }

    /// The master has read everything of its construct.
    pub fn release(&mut self, c: u32) {
        self.end_life(c);
        self.tasks[c as usize].state = FREE;
    }

    fn end_life(&mut self, c: u32) {
        control().constructs[c as usize].life.fetch_add(1, AcqRel);
    }

    fn open(&mut self, c: u32, request: &Request, parent: u32) {
        let con = &control().constructs[c as usize];
        let life = con.life.fetch_add(1, AcqRel).wrapping_add(1);
        // SAFETY: `control`: no worker reads the request before it claims a child of this
        // life, and the claims below are published after it.
        unsafe { (&raw const con.request).cast_mut().write(*request) };
        for o in con.outcomes.iter().take(request.count as usize) {
            o.status.store(0, Relaxed);
            o.claim.store(u64::from(life) << 32, Release);
        }
        con.released.store(0, Relaxed);
        con.next.store(0, Relaxed);
        con.reported.store(0, Relaxed);
        con.limit.store(request.count, SeqCst);
        let task = &mut self.tasks[c as usize];
        *task = Task { state: ACTIVE, parent, done: 0, workers: 0, count: request.count };
        self.active[self.active_count as usize] = c;
        self.active_count += 1;
    }

    fn deactivate(&mut self, c: u32) {
        let n = self.active_count as usize;
        if let Some(at) = self.active[..n].iter().position(|&a| a == c) {
            self.active.copy_within(at + 1..n, at);
            self.active_count -= 1;
        }
    }

    /// Advances over reported children; whether all that are needed have reported.
    fn update(&mut self, c: u32) -> bool {
        let con = &control().constructs[c as usize];
        let limit = con.limit.load(SeqCst).min(self.tasks[c as usize].count);
        if limit < self.tasks[c as usize].count {
            self.stop_above(c, limit);
        }
        let task = &mut self.tasks[c as usize];
        while task.done < limit && con.outcomes[task.done as usize].status.load(SeqCst) != 0 {
            task.done += 1;
        }
        task.done >= limit
    }

    /// Kills the workers of children that a failure below made useless.
    fn stop_above(&mut self, c: u32, limit: u32) {
        let con = &control().constructs[c as usize];
        let life = con.life.load(Relaxed);
        for i in limit..self.tasks[c as usize].count {
            let o = &con.outcomes[i as usize];
            let fresh = u64::from(life) << 32;
            let revoked = fresh | u64::from(u32::MAX);
            // Nobody takes it from here on: a worker may be about to.
            let Err(claim) = o.claim.compare_exchange(fresh, revoked, SeqCst, SeqCst) else {
                continue;
            };
            let claimed = claim >> 32 == u64::from(life) && claim != revoked;
            if claimed && o.status.load(SeqCst) == 0 {
                self.kill(claim as u32 - 1);
                // Its slot may get another worker, which has nothing to do with this child.
                o.claim.store(revoked, SeqCst);
            }
        }
    }

    /// Kills a worker and everything its suspended child waits for.
    fn kill(&mut self, slot: u32) {
        let Some(w) = self.workers.get_mut(slot as usize) else { return };
        if w.pid == 0 {
            return;
        }
        sys::kill_and_reap(w.pidfd);
        self.forget(slot);
    }

    /// A worker is gone: frees its slot, cancels what its child waited for.
    fn forget(&mut self, slot: u32) {
        let w = &mut self.workers[slot as usize];
        let (assigned, suspended, life) = (w.assigned, w.suspended, w.life);
        sys::close(w.pidfd);
        (w.pid, w.assigned, w.suspended) = (0, 0, 0);
        if assigned != 0 {
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
    fn leave(&mut self, c: u32, life: u32) {
        if control().constructs[c as usize].life.load(Relaxed) == life {
            self.tasks[c as usize].workers -= 1;
        }
    }

    fn cancel(&mut self, c: u32) {
        self.deactivate(c);
        control().constructs[c as usize].limit.store(0, SeqCst);
        self.stop_above(c, 0);
        self.end_life(c);
        self.tasks[c as usize].state = FREE;
    }

    /// Gives permits to suspended spaces whose children are done, then to children, newest
    /// construct first: the deepest work ends soonest.
    fn dispatch(&mut self) {
        let mut hungry = false;
        for c in (0..self.active_count as usize).rev() {
            let Some(&c) = self.active.get(c) else { continue };
            let t = &self.tasks[c as usize];
            if t.state != COMPLETE {
                continue;
            }
            if self.running >= self.width {
                hungry = true;
                break;
            }
            let parent = t.parent - 1;
            self.tasks[c as usize].state = MERGING;
            self.deactivate(c);
            self.workers[parent as usize].suspended = 0;
            self.running += 1;
            let mail = &control().mail[parent as usize];
            mail.reply.store(c, Relaxed);
            self.start(parent);
        }
        for at in (0..self.active_count as usize).rev() {
            let c = self.active[at];
            let con = &control().constructs[c as usize];
            while self.tasks[c as usize].state == ACTIVE {
                let left = con.limit.load(SeqCst).saturating_sub(con.next.load(SeqCst));
                if left == 0 {
                    break;
                }
                let enough = self.tasks[c as usize].workers >= self.tasks[c as usize].count;
                if enough || self.running >= self.width {
                    hungry = true;
                    break;
                }
                if !self.assign(c) {
                    if self.running == 0 {
                        // Only the newest: its suspended parent may free what others need.
                        self.fail_for_lack_of_workers(c);
                        return;
                    }
                    hungry = true;
                    break;
                }
                if self.tasks[c as usize].workers >= left {
                    break;
                }
            }
        }
        control().hungry.store(u32::from(hungry), SeqCst);
    }

    fn fail_for_lack_of_workers(&mut self, c: u32) {
        let con = &control().constructs[c as usize];
        let i = con.next.load(SeqCst);
        if let Some(o) = con.outcomes.get(i as usize) {
            o.status.store(outcome::NO_WORKER, SeqCst);
            con.limit.fetch_min(i + 1, SeqCst);
            con.reported.fetch_add(1, SeqCst);
        }
    }

    fn start(&mut self, slot: u32) {
        if slot == HOME {
            let here = cpu::current() + 1;
            if self.home_cpu != here {
                sys::pin(self.workers[HOME as usize].pid, here - 1);
                self.home_cpu = here;
            }
        }
        let mail = &control().mail[slot as usize];
        mail.state.store(state::BUSY, SeqCst);
        mail.go.fetch_add(1, SeqCst);
        if mail.sleeping.load(SeqCst) != 0 {
            sys::futex_wake(&mail.go);
        }
    }

    /// Gives a construct every idle worker that watches its mailbox.
    fn assign_watching(&mut self, c: u32) -> bool {
        let epoch = me().epoch;
        let mut any = false;
        for s in 0..self.high {
            let w = &self.workers[s as usize];
            let mail = &control().mail[s as usize];
            let idle = w.pid != 0 && w.assigned == 0 && w.suspended == 0 && w.epoch == epoch;
            let watches = mail.state.load(SeqCst) == state::IDLE && mail.sleeping.load(SeqCst) == 0;
            let room = self.running < self.width.min(self.tasks[c as usize].count);
            if idle && watches && room {
                mail.construct.store(c, SeqCst);
                self.give(s, c);
                self.start(s);
                any = true;
            }
        }
        any
    }

    /// Gives a construct an idle worker, or a new one.
    fn assign(&mut self, c: u32) -> bool {
        let epoch = me().epoch;
        let mut free = None;
        // The home worker last: it starts when the master leaves the processor.
        for s in (1..self.high).chain([HOME]) {
            let w = &self.workers[s as usize];
            if w.pid == 0 {
                free = free.or(Some(s));
                continue;
            }
            let idle = control().mail[s as usize].state.load(SeqCst) == state::IDLE;
            if w.assigned != 0 || w.suspended != 0 || !idle {
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
            control().mail[s as usize].construct.store(c, SeqCst);
            self.give(s, c);
            self.start(s);
            return true;
        }
        let slot = free.unwrap_or(self.high);
        if slot as usize >= MAX_WORKERS {
            return false;
        }
        self.spawn(slot, c, epoch)
    }

    fn give(&mut self, slot: u32, c: u32) {
        let w = &mut self.workers[slot as usize];
        w.assigned = c + 1;
        w.life = control().constructs[c as usize].life.load(Relaxed);
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
        mail.setup_error.store(0, SeqCst);
        mail.construct.store(c, SeqCst);
        mail.life.store(control().constructs[c as usize].life.load(Relaxed), SeqCst);
        mail.state.store(state::BUSY, SeqCst);
        mail.go.store(1, SeqCst);
        // SAFETY: the stack is used for nothing but new workers, which have their own copy.
        let made = unsafe {
            sys::clone_process(PRIVATE + private::WORKER_STACK, worker::start, slot as usize)
        };
        match made {
            Ok((pid, pidfd)) => {
                let w = &mut self.workers[slot as usize];
                *w = Worker { pid, pidfd, assigned: 0, suspended: 0, epoch, life: 0 };
                if slot == HOME {
                    self.home_cpu = 0;
                }
                self.high = self.high.max(slot + 1);
                self.give(slot, c);
                true
            }
            Err(e) => {
                self.clone_error = e;
                mail.state.store(state::IDLE, SeqCst);
                false
            }
        }
    }

    /// Takes note of what the workers say.
    fn poll(&mut self) {
        for s in 0..self.high {
            let w = &self.workers[s as usize];
            if w.pid == 0 || (w.assigned == 0 && w.suspended == 0) {
                continue;
            }
            match control().mail[s as usize].state.load(SeqCst) {
                state::IDLE if !self.owes(s) => {
                    let w = &mut self.workers[s as usize];
                    let (c, life) = (w.assigned - 1, w.life);
                    w.assigned = 0;
                    self.leave(c, life);
                    self.running -= 1;
                }
                state::REQUEST if self.workers[s as usize].suspended == 0 => self.nested(s),
                state::FAULTED => {
                    let e = control().mail[s as usize].setup_error.load(SeqCst);
                    if e != 0 {
                        self.setup_error = e;
                    }
                    sys::reap(self.workers[s as usize].pidfd, true);
                    self.account_death(s, 0);
                    self.forget(s);
                }
                _ => {}
            }
        }
        for at in 0..self.active_count as usize {
            let Some(&c) = self.active.get(at) else { break };
            let t = &self.tasks[c as usize];
            if t.state == ACTIVE && t.parent != 0 && self.update(c) {
                self.tasks[c as usize].state = COMPLETE;
            }
        }
    }

    /// Whether a worker took a child of its construct and has not reported it yet: it calls
    /// itself idle just before.
    fn owes(&self, slot: u32) -> bool {
        let w = &self.workers[slot as usize];
        if w.assigned == 0 {
            return false;
        }
        let con = &control().constructs[w.assigned as usize - 1];
        let mine = u64::from(w.life) << 32 | u64::from(slot + 1);
        let count = self.tasks[w.assigned as usize - 1].count as usize;
        con.outcomes[..count]
            .iter()
            .any(|o| o.claim.load(SeqCst) == mine && o.status.load(SeqCst) == 0)
    }

    /// A child asks for children of its own.
    fn nested(&mut self, slot: u32) {
        let mail = &control().mail[slot as usize];
        // SAFETY: `control`: the worker wrote the request before its state said so.
        let request = unsafe { (&raw const mail.request).read_volatile() };
        let valid = request.count as usize <= crate::abi::MAX_CHILDREN
            && (2..MAX_DEPTH as u32).contains(&request.depth);
        let free = (1..MAX_CONSTRUCTS as u32).find(|&c| {
            let t = &mut self.tasks[c as usize];
            let con = &control().constructs[c as usize];
            if t.state == MERGING && con.released.load(SeqCst) != 0 {
                t.state = FREE;
                con.life.fetch_add(1, AcqRel);
            }
            t.state == FREE
        });
        match free {
            Some(c) if valid => {
                self.workers[slot as usize].suspended = c + 1;
                self.running -= 1;
                self.open(c, &request, slot + 1);
            }
            _ => {
                mail.reply.store(u32::MAX, Relaxed);
                self.start(slot);
            }
        }
    }

    /// Sleeps until an event; looks for dead workers when none comes.
    fn wait(&mut self) {
        let c = control();
        let seen = self.seen;
        let start = cpu::cycles();
        // Everyone who runs has a processor besides this one.
        let spare = self.running <= c.spinners_allowed.load(Relaxed);
        let home_busy = self.workers[HOME as usize].assigned != 0;
        while spare && !home_busy && cpu::cycles() - start < SPIN {
            if c.event.load(SeqCst) != seen {
                self.seen = c.event.load(SeqCst);
                return;
            }
            core::hint::spin_loop();
        }
        let here = home_busy.then(cpu::current);
        if let Some(here) = here {
            // Wakes up where the home worker is about to leave, not on another processor.
            sys::pin(0, here);
        }
        c.master_sleeps.store(1, SeqCst);
        // A worker that became idle before it could see the master hungry told nobody.
        let unseen = c.hungry.load(SeqCst) != 0 && self.some_idle_unseen();
        self.waits = self.waits.wrapping_add(1);
        if !unseen && c.event.load(SeqCst) == seen {
            sys::futex_wait(&c.event, seen, TICK);
        }
        c.master_sleeps.store(0, SeqCst);
        if here.is_some() {
            sys::set_affinity(0, &self.affinity);
        }
        // Events of others must not hide a death for ever.
        if c.event.load(SeqCst) == seen || self.waits.is_multiple_of(64) {
            self.look_for_deaths();
        }
        self.seen = c.event.load(SeqCst);
    }

    fn some_idle_unseen(&self) -> bool {
        self.workers
            .iter()
            .take(self.high as usize)
            .enumerate()
            .any(|(s, w)| w.assigned != 0 && control().mail[s].state.load(SeqCst) == state::IDLE)
    }

    fn look_for_deaths(&mut self) {
        for s in 0..self.high {
            let w = &self.workers[s as usize];
            if w.pid == 0 || w.assigned == 0 {
                continue;
            }
            if let Some(status) = sys::reap(w.pidfd, false) {
                self.account_death(s, status);
                self.forget(s);
            }
        }
    }

    /// The child that a dead worker had taken, if it had not reported, failed with it.
    fn account_death(&mut self, slot: u32, status: i32) {
        let c = self.workers[slot as usize].assigned;
        if c == 0 {
            return;
        }
        let con = &control().constructs[c as usize - 1];
        let mine = u64::from(con.life.load(Relaxed)) << 32 | u64::from(slot + 1);
        for i in 0..self.tasks[c as usize - 1].count {
            let o = &con.outcomes[i as usize];
            if o.claim.load(SeqCst) == mine && o.status.load(SeqCst) == 0 {
                o.stage.store(status as u64, SeqCst);
                o.status.store(outcome::KILLED, SeqCst);
                con.limit.fetch_min(i + 1, SeqCst);
                con.reported.fetch_add(1, SeqCst);
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

    /// Pids of the living workers, for tests.
    pub fn pids(&self) -> impl Iterator<Item = i32> + '_ {
        self.workers.iter().take(self.high as usize).map(|w| w.pid).filter(|&p| p != 0)
    }
}

const _: () =
    assert!(size_of::<Master>() < private::CONTROL_STACK - private::STACK_SIZE - private::MASTER);
