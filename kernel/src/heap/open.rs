//! Lanes of open children, which run beside their parent, and frees of blocks they hold.
//!
//! A block is *held* by an open child that was started while the block was live: the child's
//! snapshot shows it live until the child ends. Its parent's free of such a block is recorded
//! and carried out when no outstanding child holds it any more, so that
//! - the merge knows what the parent freed, which counts as a write of the whole block,
//! - memory that is live in a snapshot is never handed out again, granted or given back,
//! - nothing is written in the lane of a child that runs: all that its parent may free there
//!   was made before the child started.

use super::class::{ZONE, ZONES, locate};
use super::segment::{addr_of_number, heap_of_number, page_addr, page_number};
use super::state::{HeapState, MAGIC, Sequence};
use super::turns::next_in_turn;
use super::{Env, Heap, large, new_lane, small, trim};
use crate::abi::MAX_CHILDREN;
use crate::image::layout::MAX_DEPTH;
use core::cell::Cell;

/// What an open child gets to allocate from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenLane {
    /// Its heap.
    pub heap: Heap,
    /// Its session.
    pub session: u64,
    /// Where its fresh segments come from.
    pub sequences: [Sequence; ZONES],
    /// Its parent waits until it has ended, see [`super::turns`].
    pub in_turn: bool,
}

/// A free that was recorded.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Freed {
    /// First address.
    pub addr: u64,
    /// Bytes.
    pub len: u64,
    /// Session of the newest open child that had been started. The free is a change of the
    /// parent since the snapshots of this child and of all before it.
    pub when: u64,
}

/// What is known of a live block.
pub(super) struct About {
    pub len: usize,
    pub inherited: bool,
    /// It was made in this session or in a later one.
    pub made: u64,
    /// First segment of the heap that owns it.
    pub heap: u32,
}

/// Entry of the table of open lanes.
#[repr(C)]
pub(super) struct Slot {
    /// First segment of the lane (number + 1, 0: none yet).
    number: Cell<u32>,
    /// Whether the parent of the child that runs there waits for it.
    pub(super) in_turn: Cell<u32>,
    /// Session of the child that runs there, 0: none.
    away: Cell<u64>,
}

const TABLE_PAGES: usize = MAX_CHILDREN * size_of::<Slot>() / 4096;

/// Spans older than the newest open child that was started so many sessions ago are left
/// alone: a block in a span of its own session is known to be newer, so that what a loop makes
/// and frees beside a child that runs for long does not pile up until the child ends.
const LONG: u64 = 64;

/// Which numbers of a sequence are whose: every `k`-th, starting with the `i`-th.
pub(super) struct Share {
    i: u64,
    k: u64,
}

impl Share {
    /// What the space at `depth` keeps.
    fn own(depth: u32) -> Share {
        Share { i: 0, k: if depth == 0 { 2 } else { 4 } }
    }

    /// What open lane `j` of the space at `depth` gets: low lanes much, so that nesting goes
    /// deep. The master has room for wide scopes and keeps half for closed constructs.
    pub(super) fn lane(depth: u32, j: usize) -> Share {
        let (low, high) = (j.wrapping_sub(2) as u64, j.wrapping_sub(10) as u64);
        let (i, k) = match (j, depth) {
            (0, 0) => (1, 16),
            (1, 0) => (3, 16),
            (2..10, 0) => (5 + 2 * (low % 2) + 16 * (low / 2), 64),
            (_, 0) => (9 + 2 * (high % 4) + 16 * (high / 4), 4096),
            (0 | 1, _) => (j as u64 + 1, 4),
            (2..10, _) => (3 + 8 * low, 64),
            _ => (7 + 8 * high, 8192),
        };
        Share { i, k }
    }

    pub(super) fn of(&self, s: Sequence) -> Sequence {
        s.of_child(self.i, self.k)
    }
}

impl Heap {
    /// Lane `j` for an open child that starts now, its session and sequences. `None` where the
    /// address space of this heap is exhausted. The lane is away until [`Heap::adopt_open`] or
    /// [`Heap::drop_open`]. Where little is left, a parent that may `wait` does.
    pub fn open_lane(self, env: &mut impl Env, j: usize, wait: bool) -> Option<OpenLane> {
        let st = self.open(env);
        if st.opens.get() == 0 {
            let (seg, page) = small::take_pages(st, env, TABLE_PAGES)?;
            let addr = seg.addr() + (page << 12);
            seg.spans[page].init_run(TABLE_PAGES, st.stamp.get());
            // SAFETY: `mapped`; the pages were just taken.
            unsafe { (addr as *mut u8).write_bytes(0, TABLE_PAGES << 12) };
            st.opens.set(page_number(addr));
            st.open_slots.set(0);
        }
        let used = st.open_slots.get().max(j as u32 + 1).min(MAX_CHILDREN as u32);
        st.open_slots.set(used);
        let slot = st.slots().get(j)?;
        if slot.number.get() == 0 {
            slot.number.set(new_lane(st, env)? + 1);
        }
        let in_turn = wait && st.waits_for(j, slot);
        slot.in_turn.set(u32::from(in_turn));
        let sequences = if in_turn {
            next_in_turn(&self.sequences())
        } else {
            if st.split.get() == 0 {
                st.divide();
            }
            st.place(j, slot)
        };
        let session = st.next_session();
        slot.away.set(session);
        st.stamp.set(session);
        st.label.set(st.depth.get().saturating_add(1).min(MAX_DEPTH as u32 - 1));
        st.watch_open();
        let heap = Heap(addr_of_number(slot.number.get().wrapping_sub(1)));
        Some(OpenLane { heap, session, sequences, in_turn })
    }

    /// Takes lane `j` back after the merge of its child.
    pub fn adopt_open(self, j: usize) {
        let st = self.state();
        let Some(slot) = st.slots().get(j) else { return };
        let session = slot.away.replace(0);
        let lane = heap_of_number(slot.number.get().wrapping_sub(1));
        if lane.took_part(session) {
            lane.fold();
            st.last_session.set(st.last_session.get().max(lane.last_session.get()));
            if slot.in_turn.get() != 0 && !cfg!(detpar_mutant = "turn_is_a_place") {
                // What it took was its parent's: that is no place in the lane's own share.
                lane.session.set(0);
            }
        }
        st.watch_open();
    }

    /// Takes lane `j` back as it was when its child started: nothing was merged.
    pub fn drop_open(self, j: usize) {
        let st = self.state();
        if let Some(slot) = st.slots().get(j) {
            slot.away.set(0);
        }
        st.watch_open();
    }

    /// The same for all lanes, in a copy of the space that has no children.
    pub fn drop_all_open(self) {
        let st = self.state();
        if st.newest_open.get() == 0 {
            return;
        }
        st.slots().iter().for_each(|s| s.away.set(0));
        st.watch_open();
    }

    /// Carries out the recorded frees of blocks that no outstanding child holds. Returns how
    /// many are left, at the start of the log, ascending by address.
    pub fn settle(self, env: &mut impl Env, log: &mut [Freed]) -> usize {
        let st = self.state();
        log.sort_unstable_by_key(|f| (f.addr, f.when));
        let (mut kept, mut i) = (0, 0);
        while let Some(&(mut f)) = log.get(i) {
            i += 1;
            // Freed twice: the later one counts.
            while let Some(again) = log.get(i).filter(|again| again.addr == f.addr) {
                f = *again;
                i += 1;
            }
            let addr = f.addr as usize;
            let Some(about) = about(env, addr) else { continue };
            if st.is_held(&about, f.when) {
                if let Some(to) = log.get_mut(kept) {
                    *to = f;
                }
                kept += 1;
            } else if !about.inherited {
                Heap::free_now(env, addr);
            }
        }
        if st.newest_open.get() == 0 && st.withheld.replace(0) != 0 {
            let lanes = st.lane_table().iter().map(Cell::get).take_while(|&n| n != 0);
            let all = lanes.chain(st.idle_open_lanes()).map(|n| heap_of_number(n - 1));
            all.filter(|l| l.magic.get() == MAGIC).for_each(|l| trim(l, env));
            trim(st, env);
        }
        kept
    }
}

/// The blocks in a log that count as freed since a child of this session started: ascending,
/// without overlap.
pub(crate) fn freed_since(
    log: &mut [Freed],
    session: u64,
) -> impl Iterator<Item = (usize, usize)> + '_ {
    log.sort_unstable_by_key(|f| (f.addr, f.when));
    let mut end = 0;
    log.iter().filter(move |f| f.when >= session).filter_map(move |f| {
        let fresh = f.addr >= end;
        end = end.max(f.addr.saturating_add(f.len));
        fresh.then_some((f.addr as usize, f.len as usize))
    })
}

/// Frees a block while open children are outstanding.
#[cold]
pub(super) fn free(env: &mut impl Env, addr: usize) -> bool {
    let st = env.heap().state();
    if !st.took_part(env.session()) {
        // What an earlier session left: this one has no children yet.
        return Heap::free_now(env, addr);
    }
    let Some(about) = about(env, addr) else { return false };
    // Children that started later hold at least what those before them do.
    let held = about.made < st.newest_open.get() && !cfg!(detpar_mutant = "held_ignored");
    if held {
        env.freed(Freed { addr: addr as u64, len: about.len as u64, when: st.stamp.get() });
    }
    if about.inherited {
        env.defer_free(addr, about.len);
        return true;
    }
    held || Heap::free_now(env, addr)
}

/// What is known of the live block at an address.
pub(super) fn about(env: &impl Env, addr: usize) -> Option<About> {
    match locate(addr)? {
        (0, _) => small::about(env, addr),
        (z, n) => large::about(env, addr, z, n),
    }
}

/// Whether a heap lies in the lane of an outstanding open child of the running space.
pub(super) fn is_away(env: &impl Env, heap: u32) -> bool {
    let st = env.heap().state();
    st.newest_open.get() != 0 && st.is_away(heap)
}

impl HeapState {
    fn slots(&self) -> &'static [Slot] {
        match self.opens.get() {
            0 => &[],
            // SAFETY: `mapped`: the table begins in zone 0, and what follows that zone is
            // mapped as well; any bytes are valid.
            page => unsafe {
                let slots = (self.open_slots.get() as usize).min(MAX_CHILDREN);
                core::slice::from_raw_parts(page_addr(page) as *const Slot, slots)
            },
        }
    }

    /// First segments of open lanes in which nobody runs (number + 1).
    pub(super) fn idle_open_lanes(&self) -> impl Iterator<Item = u32> {
        let idle = self.slots().iter().filter(|s| s.away.get() == 0);
        idle.map(|s| s.number.get()).filter(|&n| n != 0)
    }

    /// Begins a session in which no open child was started yet.
    pub(super) fn forget_open(&self) {
        self.slots().iter().for_each(|s| s.away.set(0));
        self.split.set(0);
        self.watch_open();
    }

    /// Looks which open children are outstanding.
    pub(super) fn watch_open(&self) {
        let (mut newest, mut floor) = (0, 0);
        if self.depth.get() > 0 {
            floor = heap_of_number(self.parent.get()).floor.get();
        }
        for session in self.slots().iter().map(|s| s.away.get()) {
            newest = newest.max(session);
            if self.last_session.get().saturating_sub(session) >= LONG {
                floor = floor.max(session);
            }
        }
        self.newest_open.set(newest);
        self.floor.set(floor);
    }

    /// Divides the sequences with the open children to come.
    fn divide(&self) {
        self.split.set(self.next_session());
        for z in &self.zones {
            let whole = z.sequence.get();
            z.pool.set(whole);
            z.sequence.set(Share::own(self.depth.get()).of(whole));
        }
    }

    /// The sequences of lane `j`: from where its last child came to, else all of its share.
    fn place(&self, j: usize, slot: &Slot) -> [Sequence; ZONES] {
        let used = self.lane_since_split(slot);
        core::array::from_fn(|z| match used {
            Some(l) => l.zones[z].sequence.get(),
            None => Share::lane(self.depth.get(), j).of(self.zones[z].pool.get()),
        })
    }

    /// A lane in which a child allocated since the sequences were divided.
    pub(super) fn lane_since_split(&self, slot: &Slot) -> Option<&'static HeapState> {
        let lane = heap_of_number(slot.number.get().checked_sub(1)?);
        let used = lane.magic.get() == MAGIC && lane.session.get() > self.split.get();
        (used && !cfg!(detpar_mutant = "place_forgotten")).then_some(lane)
    }

    /// Ends the division: skips what this space and its open children took, and leaves to each
    /// what the progress of others skipped.
    pub(super) fn fold(&self) {
        if self.split.get() == 0 {
            return;
        }
        let own = Share::own(self.depth.get());
        let lanes = || {
            let all = self.slots().iter().enumerate();
            all.filter_map(|(j, slot)| {
                Some((Share::lane(self.depth.get(), j), self.lane_since_split(slot)?))
            })
        };
        for (zone, z) in self.zones.iter().enumerate() {
            let taken = |share: &Share, s: Sequence| s.taken.saturating_mul(share.k);
            let mine = z.sequence.get();
            let of_lanes = lanes().map(|(share, l)| taken(&share, l.zones[zone].sequence.get()));
            let all = of_lanes.fold(taken(&own, mine), u64::max);
            let keep = |share: &Share, to: &super::state::ZoneState, s: Sequence| {
                let below = all.saturating_sub(share.i).div_ceil(share.k);
                if below > s.taken {
                    to.keep_stretch(zone, s, below - s.taken);
                }
            };
            lanes()
                .for_each(|(share, l)| keep(&share, &l.zones[zone], l.zones[zone].sequence.get()));
            keep(&own, z, mine);
            z.sequence.set(z.pool.get().skip(1, all));
        }
        self.split.set(0);
    }

    /// Whether a block that was freed in the time of session `when` must stay.
    fn is_held(&self, b: &About, when: u64) -> bool {
        let newest = self.newest_open.get();
        if newest == 0 {
            return false;
        }
        let since = match newest <= when {
            true => newest,
            false => {
                let all = self.slots().iter().map(|s| s.away.get());
                all.filter(|&s| s <= when).max().unwrap_or(0)
            }
        };
        b.made < since || (self.is_away(b.heap) && !cfg!(detpar_mutant = "away_ignored"))
    }

    fn is_away(&self, heap: u32) -> bool {
        let mut n = heap % ZONE[0].count;
        for _ in 0..=MAX_DEPTH {
            if n == self.number() {
                return false;
            }
            let above = heap_of_number(n).parent.get() % ZONE[0].count;
            if above == self.number() {
                let mut slots = self.slots().iter();
                return slots.any(|s| s.number.get() == n + 1 && s.away.get() != 0);
            }
            n = above;
        }
        false
    }
}

const _: () = assert!(MAX_CHILDREN * size_of::<Slot>() == TABLE_PAGES << 12);
