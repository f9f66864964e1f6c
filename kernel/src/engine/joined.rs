//! Merging what children handed over into the running space. On the control stack.

use super::beside::{self, Sides};
use super::calls::freed_again;
use super::exact::{self, Again};
use super::files::{self, Logs};
use super::open;
use super::reads;
use crate::abi::{Cause, Conflict, Failure, Limit, MAX_CHILDREN, PAGE, PARENT};
use crate::check::{self, touched, watch, written};
use crate::exec::claims::{self, Staged, slot_of};
use crate::exec::control;
use crate::exec::control::{Head, Job, Me, Outcome, control, order, outcome, private};
use crate::exec::reference::{ParentSide, Undo};
use crate::exec::{layer, stage, timeline};
use crate::heap::Heap;
use crate::heap::open::freed_since;
use crate::heap::turns::can_leave;
use crate::image::layout::{PRIVATE, STACK, page_floor};
use crate::image::regions;
use crate::merge::{self, Block, Child, Cursor, Page, PlanError, Target, Writes};
use crate::space::children::{self, OpenChild, has};
use crate::space::descriptors::Closed;
use crate::space::memory::{self, Space};
use crate::space::permissions;
use core::sync::atomic::Ordering::*;

/// Index below which children count: the failing one of lowest index, or all.
fn first_failure(con: &control::Construct, k: usize) -> usize {
    let failed = |o: &Outcome| {
        !matches!(o.status.load(SeqCst), outcome::RETURNED | outcome::STOPPED | outcome::EVICTED)
    };
    con.outcomes[..k].iter().position(failed).unwrap_or(k)
}

/// Why no worker could be made for a construct, where that is its failure and the reason is
/// other than a limit.
pub(super) fn setup_failure(construct: u32, k: usize) -> Option<u64> {
    let con = &control().constructs[construct as usize];
    // Beyond the construct's own there is what an earlier, wider one left.
    let o = con.outcomes[..k].get(first_failure(con, k))?;
    let why = o.stage.load(SeqCst);
    (o.status.load(SeqCst) == outcome::NO_WORKER && why >> 32 != 0).then_some(why)
}

/// Parent memory as the merge sees it: this process's own view.
pub(super) struct Memory;

impl Target for Memory {
    fn page(&self, addr: u64) -> &Page {
        // SAFETY: the addresses come from stages whose claims were checked: pages of the
        // image, mapped readable in every space; the parent is suspended here.
        unsafe { &*(addr as usize as *const Page) }
    }

    fn page_mut(&mut self, addr: u64) -> &mut Page {
        // SAFETY: as above; nothing else refers to user memory on the control stack.
        unsafe { &mut *(addr as usize as *mut Page) }
    }
}

/// Whether children of a construct have stopped at a barrier.
pub(super) fn any_stopped(construct: u32, k: usize) -> bool {
    let con = &control().constructs[construct as usize];
    con.outcomes[..k].iter().any(|o| outcome::stopped(o.status.load(SeqCst)))
}

/// Children whose changes were merged at an earlier barrier.
pub(super) struct Done([u64; MAX_CHILDREN / 64]);

impl Done {
    /// None.
    pub const NONE: Done = Done([0; MAX_CHILDREN / 64]);

    fn has(&self, i: usize) -> bool {
        self.0[i / 64] >> (i % 64) & 1 != 0
    }

    /// Adds the children that have returned.
    pub fn add_returned(&mut self, construct: u32, k: usize) {
        let con = &control().constructs[construct as usize];
        for (i, o) in con.outcomes[..k].iter().enumerate() {
            if o.status.load(SeqCst) == outcome::RETURNED {
                self.0[i / 64] |= 1 << (i % 64);
            }
        }
    }
}

/// Why children were not merged.
pub(super) enum Refused {
    /// One of them failed, or met a conflict.
    Failure(Failure),
    /// One of them changed a page that their parent may not write.
    Permission,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused::Failure(failure)
    }
}

/// Plans over all children, then applies, or applies nothing. Which descriptors they may have
/// closed. In checking mode the children run `again` first, as far as they may have met unseen.
pub(super) fn merge_children(
    me: &mut Me,
    construct: u32,
    jobs: &[Job],
    done: &Done,
    again: &Again<'_>,
) -> Result<Closed, Refused> {
    let began = timeline::now();
    let merged = plan_and_apply(me, construct, jobs, done, again);
    let end = match &merged {
        Ok(_) => timeline::end::WELL,
        Err(Refused::Failure(f)) => timeline::end_of(&f.cause),
        Err(Refused::Permission) => timeline::end::REFUSED,
    };
    let path = again.request.path;
    timeline::did(me, timeline::kind::MERGE, path, [began, 0], jobs.len(), end);
    merged
}

fn plan_and_apply(
    me: &mut Me,
    construct: u32,
    jobs: &[Job],
    done: &Done,
    again: &Again<'_>,
) -> Result<Closed, Refused> {
    let con = &control().constructs[construct as usize];
    let (k, request) = (jobs.len(), again.request);
    let in_turn = request.orders & order::IN_TURN != 0;
    let mut left = request.sequences;
    let failing = first_failure(con, k);
    let corrupt = |i: usize| Failure { child: i as u32, cause: Cause::Killed { signal: 0 } };
    // Who changed nothing has no part in the merge, as most leaves of a parallel map.
    let everyone = check::is_on() || watch::is_active() || timeline::is_on();
    // Scratch: children, cursors; both tables fit (asserted below).
    let mut n = 0;
    let mut clock = me.clock;
    for (i, job) in jobs.iter().enumerate().take(failing).filter(|(i, _)| !done.has(*i)) {
        let (slot, head) = claims::head_of(construct, i as u32).ok_or(corrupt(i))?;
        let staged = claims::staged(me, slot, &head, job.out_size)
            .map_err(|cause| Failure { child: i as u32, cause })?;
        if in_turn {
            let (_, st) = claims::stage_of(construct, i as u32).ok_or(corrupt(i))?;
            if !can_leave(&core::mem::replace(&mut left, st.left), &st.left) {
                return Err(corrupt(i).into());
            }
        }
        let Staged { addrs, pages, frees, .. } = staged;
        clock = clock.max(staged.clock);
        if !everyone && addrs.is_empty() && frees.is_empty() {
            continue;
        }
        let index = i as u32;
        // SAFETY: fewer than MAX_CHILDREN entries fit; written before they are read.
        unsafe {
            (scratch_children() as *mut Child).add(n).write(Child {
                index,
                addrs,
                pages,
                frees,
                writes: Writes::NONE,
            });
            (scratch_cursors() as *mut Cursor).add(n).write(Cursor::NEW);
        }
        n += 1;
    }
    // SAFETY: the first `n` entries of both tables were just written.
    let (children, cursors) = unsafe {
        (
            core::slice::from_raw_parts_mut(scratch_children() as *mut Child, n),
            core::slice::from_raw_parts_mut(scratch_cursors() as *mut Cursor, n),
        )
    };
    if check::is_on() {
        exact::check(me, construct, again, children, cursors)?;
    }
    let policies = regions::policies();
    let plan = match merge::plan_by_units(&Memory, children, policies, again.units, cursors) {
        Ok(plan) => plan,
        Err(PlanError::Conflict(c)) => {
            if !check::is_on() {
                exact::name_writers(me, construct, again, &c);
            }
            return Err(Failure { child: c.higher, cause: Cause::Conflict(c) }.into());
        }
        Err(PlanError::Malformed { child }) => return Err(corrupt(child as usize).into()),
        // One cursor a child, and the policy table keeps its order: neither can be.
        Err(PlanError::Scratch { .. } | PlanError::Regions) => return Err(corrupt(0).into()),
    };
    if failing < k {
        return Err(own_failure(&con.outcomes[failing], failing).into());
    }
    let refused = |a: u64, p: &Page| {
        !permissions::allow(a as usize, PAGE, true) && !layer::same(a as usize, p)
    };
    if children.iter().any(|c| c.addrs.iter().zip(c.pages).any(|(a, p)| refused(*a, p))) {
        return Err(Refused::Permission);
    }
    files::agree(me, &Returned { outcomes: &con.outcomes[..k], since: me.log_len })?;
    if timeline::is_on() {
        for c in children.iter() {
            let pages = c.addrs.iter().zip(c.pages).map(|(a, p)| (p, Memory.page(*a)));
            timeline::merged(me, (request.path, c.index), pages, c.frees.len());
        }
    }
    reads::look(me, construct, again, children);
    merge::apply(plan, &mut Memory);
    children.iter().for_each(|c| mark_written(c.addrs));
    me.clock = clock;
    for c in children.iter().filter(|_| watch::is_active()) {
        let o = &con.outcomes[c.index as usize];
        if let Some(st) = claims::stage_at(slot_of(o), o.stage.load(SeqCst)) {
            watch::absorb(me, slot_of(o), &st, Some(c.index));
        }
    }
    for c in children.iter() {
        for b in c.frees {
            Heap::free(&mut Space, b.addr as usize);
        }
    }
    let heap = Heap(request.heap);
    if in_turn {
        heap.adopt_in_turn(k, request.session, &left);
    } else if !children.is_empty() {
        heap.adopt(k, request.session);
    }
    let mut closed = Closed::default();
    children.iter().for_each(|c| closed.note(c.addrs));
    Ok(closed)
}

/// The children of a closed construct that have returned; at a barrier the others have more to
/// say. Their parent waits since they started.
struct Returned<'a> {
    outcomes: &'a [Outcome],
    since: usize,
}

impl Logs for Returned<'_> {
    fn count(&self) -> usize {
        self.outcomes.len()
    }

    fn log(&self, i: usize) -> &'static [u8] {
        let o = &self.outcomes[i];
        if o.status.load(SeqCst) == outcome::RETURNED { files::log_of(o) } else { &[] }
    }

    fn since(&self, _: usize) -> usize {
        self.since
    }
}

/// What children wrote their parent has written.
fn mark_written(pages: &[u64]) {
    if check::is_on() {
        pages.iter().for_each(|&page| touched::mark(page as usize));
    }
}

/// The head of the stage of the child at a place, and in whose area it lies.
fn head_of(place: usize) -> Result<(u32, Head), Cause> {
    let child = children::at(place);
    claims::head_of(child.construct, 0).ok_or(Cause::Killed { signal: 0 })
}

/// What the child at a place staged, and whose claims hold.
fn staged_at(me: &mut Me, place: usize) -> Result<Staged, Cause> {
    let (slot, head) = head_of(place)?;
    claims::staged(me, slot, &head, children::at(place).out_size)
}

/// Moves the running space's clock to that of a child that was merged, where that is later.
pub(super) fn take_clock(me: &mut Me, place: usize) {
    me.clock = head_of(place).map_or(me.clock, |(_, h)| h.clock.max(me.clock));
}

/// Merges the `i`-th child of a join into a parent that went on since its snapshot. On a
/// conflict nothing of it is written; `undo` keeps what is overwritten. Stack memory below
/// `live` belongs to frames that are no more. The join may be known to fail at a later child.
pub(super) fn merge_one(
    me: &mut Me,
    (i, doomed): (usize, Option<usize>),
    live: usize,
    undo: &mut usize,
) -> Result<(), Cause> {
    let began = timeline::now();
    let child = children::at(open::joined(i));
    let limit = Cause::Limit;
    let staged = staged_at(me, open::joined(i))?;
    let Staged { addrs, pages, frees, .. } = without_dead(me, staged, live).map_err(limit)?;
    let mut side = ParentSide::new(me, child.chain, addrs, frees).map_err(limit)?;
    let changed = |(&a, p): (&u64, &Page)| side.page(a).0 != p.0;
    let refused = |a: u64| !permissions::allow(a as usize, PAGE, true);
    if addrs.iter().zip(pages).any(|(a, p)| refused(*a) && changed((a, p))) {
        return Err(Cause::Killed { signal: 0 });
    }
    if child.has & has::MERGED != 0
        && let Some(b) = frees.first()
    {
        return Err(Cause::Conflict(freed_again(b.addr)));
    }
    let freed = parent_frees(me, child, i, side.touched, frees)?;
    let mut sides = Sides::by_value(&side);
    if check::is_on() {
        if let Some(c) = beside::known(child) {
            return Err(Cause::Conflict(c));
        }
        beside::remember(me, child, None)?;
        if !watch::is_active() {
            sides = beside::look(me, (i, doomed), child, (addrs, frees), (&side, freed))?;
        }
    }
    // The parent comes first: to the merge it is one more child, of lower index.
    let (own, its) = (sides.parent, sides.child);
    let both = [
        Child { index: 0, addrs: sides.addrs, pages: sides.pages, frees: freed, writes: own },
        Child { index: 1, addrs, pages, frees, writes: its },
    ];
    let mut cursors = [Cursor::NEW; 2];
    let note = |me: &Me, end| {
        timeline::did(me, timeline::kind::MERGE, child.path, [began, 0], 1, end);
    };
    match merge::plan(&side, &both, regions::policies(), &mut cursors) {
        Ok(plan) => {
            *undo = Undo::keep(me, *undo, side.touched).map_err(limit)?;
            if timeline::is_on() {
                let both = addrs.iter().zip(pages).map(|(a, p)| (p, Memory.page(*a)));
                timeline::merged(me, (child.path, 0), both, frees.len());
            }
            merge::apply(plan, &mut side);
            mark_written(addrs);
            side.keep_unmerged();
            note(me, timeline::end::WELL);
            beside::add(i, &its).map_err(limit)
        }
        Err(PlanError::Conflict(c)) => {
            note(me, timeline::end::CONFLICT);
            let c = name_children(me, c, i);
            if check::is_on() {
                beside::remember(me, child, Some(c))?;
            }
            if !watch::is_active() {
                beside::find_writers(me, i, &c)?;
            }
            Err(Cause::Conflict(c))
        }
        Err(_) => Err(Cause::Killed { signal: 0 }),
    }
}

/// What a child staged without pages of the stack that end at or below `live`.
fn without_dead(me: &mut Me, s: Staged, live: usize) -> Result<Staged, Limit> {
    let dead = STACK as u64..page_floor(live) as u64;
    let first = s.addrs.partition_point(|&a| a < dead.start);
    let end = s.addrs.partition_point(|&a| a < dead.end).max(first);
    if first == end {
        return Ok(s);
    }
    let n = s.addrs.len() - (end - first);
    let at = stage::take(me, n * 8).ok_or(Limit::Exchange)?;
    let pages = stage::take(me, n * PAGE).ok_or(Limit::Exchange)?;
    // SAFETY: `control`: just taken in this process's area, for that many.
    let (addrs, pages) = unsafe {
        (
            core::slice::from_raw_parts_mut(at as *mut u64, n),
            core::slice::from_raw_parts_mut(pages as *mut Page, n),
        )
    };
    let kept = (0..s.addrs.len()).filter(|i| !(first..end).contains(i));
    for (to, from) in kept.enumerate() {
        addrs[to] = s.addrs[from];
        pages[to].0 = s.pages[from].0;
    }
    Ok(Staged { addrs, pages, ..s })
}

/// Says which child, or the parent, a conflict of the `i`-th child of a join is with.
fn name_children(me: &mut Me, c: Conflict, i: usize) -> Conflict {
    let page = c.address & !(PAGE as u64 - 1);
    let at = (c.address - page) as usize;
    let known = written::writer(c.address).map(|j| j as usize).filter(|_| check::is_on());
    let mark = me.stage_end;
    let by_value = (0..i).find(|&j| {
        me.stage_end = mark;
        let Ok(s) = staged_at(me, open::joined(j)) else { return false };
        let wrote = s.addrs.binary_search(&page).is_ok_and(|n| {
            let now = s.pages[n].0[at];
            // What it did not change is as in its own reference image.
            now == c.lower_value[at % 8] && now != c.reference[at % 8]
        });
        wrote || s.frees.iter().any(|b| b.addr <= c.address && c.address < b.addr + b.len)
    });
    me.stage_end = mark;
    let sibling = known.or(by_value);
    Conflict { lower: sibling.map_or(PARENT, |j| j as u32), higher: i as u32, ..c }
}

/// The blocks that the parent freed since the child's snapshot, and those that children
/// before it in the same join freed: ascending, as far as they matter.
fn parent_frees(
    me: &mut Me,
    child: &OpenChild,
    i: usize,
    touched: &[u64],
    frees: &[Block],
) -> Result<&'static [Block], Cause> {
    let matters = |b: &Block| {
        let first = touched.partition_point(|&p| p + PAGE as u64 <= b.addr);
        let also = frees.partition_point(|f| f.addr + f.len <= b.addr);
        touched.get(first).is_some_and(|&p| p < b.addr + b.len)
            || frees.get(also).is_some_and(|f| f.addr < b.addr + b.len)
    };
    if me.freed_lost != 0 {
        return Err(Cause::Limit(Limit::Frees));
    }
    let before = |me: &mut Me, n: usize| {
        let (slot, head) = head_of(open::joined(n))?;
        claims::frees(me, slot, &head)
    };
    let own = || {
        let log = freed_since(memory::freed_log(), child.session);
        log.map(|(addr, len)| Block { addr: addr as u64, len: len as u64 })
    };
    let mark = me.stage_end;
    let mut most = own().filter(matters).count();
    for sibling in 0..i {
        most += before(me, sibling)?.iter().filter(|b| matters(b)).count();
        me.stage_end = mark;
    }
    let at = stage::take(me, most * size_of::<Block>()).ok_or(Cause::Limit(Limit::Exchange))?;
    // SAFETY: `control`: just taken in this process's area; blocks are plain numbers.
    let blocks = unsafe { core::slice::from_raw_parts_mut(at as *mut Block, most) };
    let mut n = 0;
    let mut note = |b: Block| {
        if let Some(to) = blocks.get_mut(n) {
            *to = b;
            n += 1;
        }
    };
    own().filter(matters).for_each(&mut note);
    let mark = me.stage_end;
    for sibling in 0..i {
        before(me, sibling)?.iter().filter(|b| matters(b)).for_each(|b| note(*b));
        me.stage_end = mark;
    }
    let blocks = &mut blocks[..n];
    blocks.sort_unstable_by_key(|b| b.addr);
    let mut kept = 0;
    for j in 0..n {
        let b = blocks[j];
        let last = blocks[kept.max(1) - 1];
        if kept > 0 && b.addr < last.addr + last.len {
            // A block freed twice, or reused in other sizes: one stretch.
            blocks[kept - 1].len = (b.addr + b.len).max(last.addr + last.len) - last.addr;
        } else {
            blocks[kept] = b;
            kept += 1;
        }
    }
    Ok(&blocks[..kept])
}

/// Frees the inherited blocks that a merged child freed; in the master, closes what it closed.
pub(super) fn free_deferred(me: &mut Me, place: usize) -> Result<(), Limit> {
    let mark = me.stage_end;
    let staged = staged_at(me, place).map_err(|_| Limit::Exchange)?;
    for b in staged.frees {
        Heap::free(&mut Space, b.addr as usize);
    }
    let mut closed = Closed::default();
    closed.note(staged.addrs);
    closed.close();
    me.stage_end = mark;
    Ok(())
}

pub(super) fn own_failure(o: &Outcome, i: usize) -> Failure {
    let cause = match o.status.load(SeqCst) {
        outcome::KILLED => Cause::Killed { signal: o.stage.load(SeqCst) as i32 },
        outcome::NO_WORKER => Cause::Limit(match o.stage.load(SeqCst) {
            why if why >> 32 != 0 => Limit::Setup,
            why => match why as i32 {
                libc::EMFILE | libc::ENFILE => Limit::Descriptors,
                libc::ENOMEM => Limit::Memory,
                _ => Limit::Workers,
            },
        }),
        outcome::FAILED => claims::stage_at(slot_of(o), o.stage.load(SeqCst))
            .map_or(Cause::Killed { signal: 0 }, |st| st.cause.read()),
        _ => Cause::Killed { signal: 0 },
    };
    Failure { child: i as u32, cause }
}

fn scratch_children() -> usize {
    PRIVATE + private::MERGE
}

fn scratch_cursors() -> usize {
    scratch_children() + MAX_CHILDREN * size_of::<Child>()
}

const _: () =
    assert!(MAX_CHILDREN * (size_of::<Child>() + size_of::<Cursor>()) <= private::MERGE_SIZE);
