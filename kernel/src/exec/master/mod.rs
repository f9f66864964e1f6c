//! The master's executor: makes workers, gives them constructs, resumes suspended spaces,
//! notices deaths. It runs on the control stack and is the only place that decides who runs;
//! nothing it decides is visible in results.

mod answer;
mod assign;
mod death;
mod lost;
mod readers;
mod stopped;

use super::chaos;
use super::control::*;
use super::{input, timeline};
use crate::image::huge;
use crate::image::layout::{MAX_WORKERS, PRIVATE};
use crate::space::private::is_private;
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
    /// Construct its child waits for, plus one; or [`PARKED`], [`LEAVING`] or [`READING`].
    suspended: u32,
    /// Its stopped child cannot leave it.
    pinned: bool,
    /// Its stopped child shall go on as soon as there is a permit.
    restarted: bool,
    /// Epoch of the master's mappings that it shows.
    epoch: u32,
    /// Life of the construct it was given.
    life: u32,
    /// Processor that it is kept off, plus one; 0: none.
    off: usize,
}

impl Worker {
    /// A free slot.
    const NONE: Worker = Worker {
        pid: 0,
        pidfd: 0,
        assigned: 0,
        suspended: 0,
        pinned: false,
        restarted: false,
        epoch: 0,
        life: 0,
        off: 0,
    };
}

/// Value of [`Worker::suspended`] for a child that has stopped.
const PARKED: u32 = u32::MAX;
/// The same for one that was told to leave its stopped child.
const LEAVING: u32 = u32::MAX - 1;

/// The same for one that waits for standard input.
const READING: u32 = u32::MAX - 2;

/// Low half of [`Outcome::claim`] for a child that no worker has: it is evicted.
const NOBODY: u32 = u32::MAX - 1;

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
    /// Whether the parent goes on meanwhile.
    open: bool,
    /// Whether the parent of an open construct waits for it now.
    awaited: bool,
    /// Restarted children that did not get a permit yet.
    parked: u32,
    /// Since when nothing runs for it and it gets no permit, in units of 2^20 cycles; 0: that is
    /// not so.
    starved_since: u32,
    /// What is wrong with it and since when, see [`lost`].
    odd: [u32; 2],
    odd_since: u32,
    /// How often it was seen since then.
    odd_looks: u32,
}

impl Task {
    /// A free slot.
    const NONE: Task = Task {
        state: FREE,
        parent: 0,
        done: 0,
        workers: 0,
        count: 0,
        open: false,
        awaited: false,
        parked: 0,
        starved_since: 0,
        odd: lost::NOTHING,
        odd_since: 0,
        odd_looks: 0,
    };
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
    /// Times in a row that the master slept and nothing happened.
    quiet: u32,
    /// When a permit beyond the number was given last, in units of 2^20 cycles.
    extra: u32,
    /// Whether children may be waiting for standard input.
    has_readers: bool,
    /// Whether one of them waits for what has not come yet, and for nothing else.
    expects_input: bool,
    /// Set while the master is about to go on with the program: its processor is taken.
    away: bool,
    /// Set-up failure of a worker, until someone is told: step and error number.
    setup_error: u64,
    /// Clone's last failure.
    clone_error: i32,
    /// Workers in a row that died while they were set up.
    stillborn: u32,
    /// Whether workers can be controlled by their descriptors.
    probed: bool,
    /// Last event seen.
    seen: u32,
    /// Times that the master slept.
    waits: u32,
    /// Children that left their workers.
    pub evictions: u64,
    /// Processors that the master may run on.
    pub affinity: sys::CpuMask,
    /// Processor that the home worker is pinned to, plus one.
    home_cpu: usize,
    /// What a construct took of late, in cycles.
    typical: u64,
}

/// The master's executor.
pub(crate) fn master() -> &'static mut Master {
    // SAFETY: fits before the next part of private memory (asserted below); zero is an empty executor.
    unsafe { private_item::<Master>(private::MASTER, 0) }
}

/// What workers are told of a construct.
fn told(c: u32) -> &'static Brief {
    &control().told.briefs[c as usize]
}

/// How long the master sleeps before it looks for workers that died without a word.
const TICK: u64 = 10_000_000;
/// Cycles for which the master watches for events before it sleeps: it has a processor to
/// itself then.
const SPIN: u64 = 100_000;
/// Cycles that workers which were watching get alone before sleeping ones are woken: waking
/// costs more than short children do.
const HOT: u64 = 12_000;

/// Workers that may die in a row while they are set up.
const STILLBORN: u32 = 8;

impl Master {
    /// Runs all children of a request of the master itself; returns their construct.
    pub fn run(&mut self, request: &Request) -> u32 {
        self.forget_input();
        self.run_in(0, request)
    }

    /// The same while another construct of the master's waits to be merged; none where all
    /// slots are taken.
    pub fn run_beside(&mut self, request: &Request) -> Option<u32> {
        let c = self.free_construct()?;
        Some(self.run_in(c, request))
    }

    fn run_in(&mut self, c: u32, request: &Request) -> u32 {
        if !is_private() {
            huge::step(me().image_fd, chaos::choose(8));
        }
        self.poll();
        timeline::relieve(self.running == 0);
        self.setup_error = 0;
        self.open(c, request, 0);
        self.put_at_records(c, 0);
        chaos::point();
        let start = cpu::cycles();
        let hot = !chaos::choose(2) && self.typical < HOT && self.assign_watching(c);
        while hot && cpu::cycles() - start < HOT && !self.update(c) {
            core::hint::spin_loop();
        }
        self.wait_until_stopped(c);
        // A moving average: whether constructs are worth waking more workers at once.
        let took = cpu::cycles().saturating_sub(start);
        self.typical = (self.typical * 7 + took.min(64 * HOT)) / 8;
        self.deactivate(c);
        self.tasks[c as usize].state = MERGING;
        c
    }

    /// Where nothing runs that could run once more, nobody reads again what it read.
    fn forget_input(&self) {
        if me().open_count == 0 {
            input::forget();
        }
    }

    /// Lets the stopped children of the master's closed construct go on, and waits until all
    /// have stopped again.
    pub fn again(&mut self, c: u32, request: &Request) {
        self.poll();
        self.restart(c, request);
        self.wait_until_stopped(c);
        self.deactivate(c);
        self.tasks[c as usize].state = MERGING;
    }

    /// Serves everyone until no child of a construct runs.
    fn wait_until_stopped(&mut self, c: u32) {
        while !self.update(c) {
            self.dispatch();
            if self.update(c) {
                break;
            }
            self.wait();
            self.poll();
            timeline::relieve(self.running == 0);
        }
    }

    /// Starts the child of an open construct of the master; none where all slots are taken.
    pub fn begin_open(&mut self, request: &Request) -> Option<u32> {
        self.poll();
        timeline::relieve(self.running == 0);
        self.setup_error = 0;
        self.forget_input();
        let c = self.free_construct()?;
        self.open(c, request, 0);
        self.tasks[c as usize].open = true;
        self.leave_executor();
        Some(c)
    }

    /// Lets the stopped child of an open construct of the master go on.
    pub fn restart_open(&mut self, c: u32, request: &Request) {
        self.poll();
        self.restart(c, request);
        self.leave_executor();
    }

    /// Gives out what can run while the master is away.
    fn leave_executor(&mut self) {
        self.away = true;
        self.dispatch();
        self.away = false;
        if self.workers[HOME as usize].assigned != 0 {
            // The home worker must not be held to the processor that the master goes on with.
            sys::set_affinity(self.workers[HOME as usize].pid, &self.affinity);
            self.home_cpu = 0;
        }
    }

    /// Whether the child of an open construct of the master has stopped, or will not before the
    /// master waits for it: it wants to read. Serves everyone.
    pub fn poll_open(&mut self, c: u32) -> bool {
        self.poll();
        let done = self.update(c) || self.wants_input(c);
        // Who polls never waits.
        self.waits = self.waits.wrapping_add(1);
        if !done && self.waits.is_multiple_of(64) {
            self.look_for_deaths();
        }
        self.leave_executor();
        done
    }

    /// Waits until the child of an open construct of the master has stopped, or one of these
    /// signals is pending; whether the child has stopped.
    pub fn wait_open_unless(&mut self, c: u32, set: u64) -> bool {
        self.poll();
        self.tasks[c as usize].awaited = true;
        while !self.update(c) {
            if sys::pending_signals() & set != 0 {
                self.tasks[c as usize].awaited = false;
                self.leave_executor();
                return false;
            }
            self.dispatch();
            self.wait();
            self.poll();
            timeline::relieve(self.running == 0);
        }
        true
    }

    /// Waits until the child of an open construct of the master has stopped.
    pub fn wait_open(&mut self, c: u32) {
        self.poll();
        self.tasks[c as usize].awaited = true;
        self.wait_until_stopped(c);
        self.deactivate(c);
        self.tasks[c as usize].state = MERGING;
        self.leave_executor();
    }

    /// Everything of a construct was read: children that stopped in the middle end.
    pub fn release(&mut self, c: u32) {
        let con = &control().constructs[c as usize];
        for i in 0..self.tasks[c as usize].count as usize {
            let o = &con.outcomes[i];
            if o.status.load(SeqCst) == outcome::STOPPED {
                self.kill_worker_of(c, o.claim.load(SeqCst));
            }
        }
        self.end_life(c);
        self.tasks[c as usize].state = FREE;
    }

    fn end_life(&mut self, c: u32) {
        told(c).life.fetch_add(1, AcqRel);
    }

    fn open(&mut self, c: u32, request: &Request, parent: u32) {
        let con = &control().constructs[c as usize];
        let life = told(c).life.fetch_add(1, AcqRel).wrapping_add(1);
        // SAFETY: `control`: no worker reads the request before it claims a child of this
        // life, and the claims below are published after it.
        unsafe { (&raw const told(c).request).cast_mut().write(*request) };
        told(c).in_turn.store(request.orders & order::IN_TURN, Relaxed);
        for o in con.outcomes.iter().take(request.count as usize) {
            o.status.store(0, Relaxed);
            o.evicted.store(0, Relaxed);
            o.saved.store(0, Relaxed);
            o.claim.store(u64::from(life) << 32, Release);
        }
        con.released.store(0, Relaxed);
        con.next.store(0, Relaxed);
        con.reported.store(0, Relaxed);
        con.limit.store(request.count, SeqCst);
        let task = &mut self.tasks[c as usize];
        let count = request.count;
        *task = Task { state: ACTIVE, parent, count, ..Task::NONE };
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

    /// Takes note of what the workers say, and of constructs that are done.
    fn poll(&mut self) {
        self.notice();
        for at in 0..self.active_count as usize {
            let Some(&c) = self.active.get(at) else { break };
            let t = &self.tasks[c as usize];
            let wanted = t.parent != 0 && (!t.open || t.awaited);
            if t.state == ACTIVE && wanted && self.update(c) {
                self.tasks[c as usize].state = COMPLETE;
            }
        }
    }

    /// Takes note of what the workers say.
    fn notice(&mut self) {
        for s in 0..self.high {
            let w = &self.workers[s as usize];
            if w.pid == 0 || (w.assigned == 0 && w.suspended == 0) {
                continue;
            }
            match control().mail[s as usize].state.load(SeqCst) {
                state::IDLE if self.workers[s as usize].suspended == LEAVING => self.left(s),
                state::REQUEST if self.workers[s as usize].suspended == LEAVING => self.stays(s),
                state::IDLE if self.workers[s as usize].suspended == 0 && !self.owes(s) => {
                    let w = &mut self.workers[s as usize];
                    let (c, life) = (w.assigned - 1, w.life);
                    w.assigned = 0;
                    self.leave(c, life);
                    self.running -= 1;
                    self.stillborn = 0;
                }
                state::REQUEST if self.workers[s as usize].suspended == 0 => self.answer(s),
                state::FAULTED => self.end_faulted(s),
                _ => {}
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

    /// Sleeps until an event; looks for dead workers when none comes.
    fn wait(&mut self) {
        let c = control();
        let seen = self.seen;
        let start = cpu::cycles();
        // Everyone who runs has a processor besides this one.
        let spare = self.running <= c.told.spinners_allowed.load(Relaxed);
        let home_busy = self.workers[HOME as usize].assigned != 0;
        while spare && !home_busy && cpu::cycles() - start < SPIN {
            if c.event.load(SeqCst) != seen {
                self.look_at_times();
                self.seen = c.event.load(SeqCst);
                self.quiet = 0;
                return;
            }
            core::hint::spin_loop();
        }
        let here = home_busy.then(cpu::current);
        if let Some(here) = here {
            // Wakes up where the home worker is about to leave, not on another processor.
            sys::pin(0, here);
        }
        c.told.master_sleeps.store(1, SeqCst);
        // A worker that became idle before it could see the master hungry told nobody.
        let unseen = c.told.hungry.load(SeqCst) != 0 && self.some_idle_unseen();
        let sleeps = !unseen && c.event.load(SeqCst) == seen;
        if sleeps && self.expects_input && self.running == 0 {
            input::wait_for_more(TICK);
        } else if sleeps {
            sys::futex_wait(&c.event, seen, TICK);
        }
        c.told.master_sleeps.store(0, SeqCst);
        if here.is_some() {
            sys::set_affinity(0, &self.affinity);
        }
        // Only sleep is a measure of time.
        let quiet = sleeps && c.event.load(SeqCst) == seen;
        self.quiet = if quiet { self.quiet + 1 } else { 0 };
        if c.event.load(SeqCst) == seen {
            self.look_for_deaths();
        }
        self.look_at_times();
        self.seen = c.event.load(SeqCst);
    }

    /// Events of others must not hide a death for ever.
    fn look_at_times(&mut self) {
        self.waits = self.waits.wrapping_add(1);
        if self.waits.is_multiple_of(64) {
            self.look_for_deaths();
        }
    }

    /// Whether a worker has become idle. One that has not reported its child yet looks once more
    /// whether the master is hungry when it has.
    fn some_idle_unseen(&self) -> bool {
        let is_idle = |s: u32| control().mail[s as usize].state.load(SeqCst) == state::IDLE;
        (0..self.high)
            .any(|s| self.workers[s as usize].assigned != 0 && is_idle(s) && !self.owes(s))
    }

    /// Slots of workers that were ever in use.
    pub fn slots(&self) -> usize {
        self.high as usize
    }

    /// Descriptors of the living workers.
    pub fn descriptors(&self) -> impl Iterator<Item = i32> + '_ {
        self.workers.iter().take(self.high as usize).filter(|w| w.pid != 0).map(|w| w.pidfd)
    }

    /// Pids of the living workers, for tests.
    pub fn pids(&self) -> impl Iterator<Item = i32> + '_ {
        self.workers.iter().take(self.high as usize).map(|w| w.pid).filter(|&p| p != 0)
    }
}

const _: () = assert!(size_of::<Master>() <= private::TLS_TEMPLATE - private::MASTER);
