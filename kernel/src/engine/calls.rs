//! Put and get of a child that stays until it is killed.

use super::beside;
use super::closed::settle;
use super::files;
use super::joined::{free_deferred, merge_one, own_failure, take_clock};
use super::open::{self, OpenError, go_private, request_for};
use crate::abi::{
    Cause, ChildId, Conflict, Difference, FileConflict, Freed, PARENT, Perm, Registers, State,
};
use crate::check::{self, watch, writers, written};
use crate::error::Error;
use crate::exec::claims::{self, slot_of};
use crate::exec::command::{Command, kind};
use crate::exec::control::{Job, Me, Role, ask, control, me, order, outcome};
use crate::exec::master::master;
use crate::exec::reference::Undo;
use crate::exec::{changes, layer, stage, worker};
use crate::heap::Heap;
use crate::replay;
use crate::space::children::{self, OpenChild, has};
use crate::space::memory::{self, Space};
use crate::space::permissions;
use crate::sys::cpu::FloatControl;
use core::sync::atomic::Ordering::*;

/// A range that is copied: from, bytes, to.
pub(crate) type Copy = (usize, usize, usize);

/// A put as it travels to the control stack; its ranges are checked.
pub(crate) struct Put {
    pub id: ChildId,
    pub snap: bool,
    pub copy: Option<Copy>,
    pub zero: Option<(usize, usize)>,
    pub perm: Option<(usize, usize, Perm)>,
    pub regs: Option<Job>,
    pub start: bool,
    /// Stack memory from here on may be merged, as far as it is live in the parent.
    pub merge_from: usize,
    pub float: FloatControl,
    pub result: Result<(), OpenError>,
}

/// A get as it travels to the control stack; its ranges are checked.
pub(crate) struct Get {
    pub id: ChildId,
    pub merge: bool,
    pub copy: Option<Copy>,
    pub zero: Option<(usize, usize)>,
    pub perm: Option<(usize, usize, Perm)>,
    pub wait: Wait,
    pub registers: Registers,
    /// What it stopped or ended with.
    pub code: u32,
    /// Whether to deliver what the child printed, though nothing is merged.
    pub show: bool,
    /// Whether what the child logged, or of that what it printed, is to be delivered.
    pub deliver: bool,
    /// Bytes of its log of which what was printed is delivered already.
    pub shown: usize,
    /// The construct that runs it.
    pub construct: u32,
    pub result: Result<State, GetError>,
}

/// How a get waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// For as long as it takes.
    Ever,
    /// Not at all.
    Not,
    /// Until one of these signals is pending.
    Unless(u64),
}

/// Why a get failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GetError {
    Call(OpenError),
    Conflict(Conflict),
    Differs(Difference),
    File(FileConflict),
}

impl<T: Into<OpenError>> From<T> for GetError {
    fn from(e: T) -> GetError {
        GetError::Call(e.into())
    }
}

const fn invalid(why: &'static str) -> Error {
    Error::Invalid { why }
}

/// The put. On the control stack.
pub(crate) extern "C" fn put(arg: usize, stack: usize) {
    // SAFETY: the caller keeps the record alive and waits.
    let p = unsafe { &mut *(arg as *mut Put) };
    p.result = put_here(me(), p, stack);
}

fn put_here(me: &mut Me, p: &Put, stack: usize) -> Result<(), OpenError> {
    let mut place = children::find(p.id);
    if let Some(i) = place {
        wait(me, i, Wait::Ever)?;
        if children::at(i).has & has::FAILED != 0 {
            if !p.snap || p.regs.is_none() {
                return Err(invalid("a child that failed takes Regs and Snap only").into());
            }
            children::end(i);
            place = None;
        }
    }
    let can_start = place.is_some_and(|i| children::at(i).has & (has::ENTRY | has::MIDDLE) != 0);
    if p.start && p.regs.is_none() && !can_start {
        return Err(invalid("Start of a child without registers").into());
    }
    let mark = me.stage_end;
    let r = match place {
        Some(i) => put_to(me, p, i, stack),
        None => create(me, p, stack),
    };
    if me.open_count == 0 {
        me.stage_end = mark;
        me.chain = me.base;
        // Where it fails the view stays private, which is right as well.
        let _ = settle(me);
    }
    r
}

/// The commands of a put; bytes to copy are fixed in the exchange area.
fn commands(me: &mut Me, p: &Put) -> Result<[Command; 3], OpenError> {
    let mut all = [Command::default(); 3];
    if let Some((from, len, addr)) = p.copy {
        let data = stage::take(me, len).ok_or(crate::abi::Limit::Exchange)?;
        // SAFETY: the caller checked that it may read the range.
        unsafe { core::ptr::copy_nonoverlapping(from as *const u8, data as *mut u8, len) };
        all[0] = Command { kind: kind::WRITE, addr, len, data };
    }
    if let Some((addr, len)) = p.zero {
        all[1] = Command { kind: kind::ZERO, addr, len, data: 0 };
    }
    if let Some((addr, len, perm)) = p.perm {
        all[2] = Command { kind: kind::PERM, addr, len, data: perm as usize };
    }
    Ok(all)
}

fn create(me: &mut Me, p: &Put, stack: usize) -> Result<(), OpenError> {
    let place = children::free_place().ok_or(crate::abi::Limit::Children)?;
    settle(me)?;
    if me.open_count == 0 {
        (me.open_mark, me.open_limit) = (me.stage_end, me.stage_limit);
        if me.role == Role::Master {
            // Nobody is left to whom it matters what was merged before.
            me.log_len = 0;
        }
    }
    go_private(me)?;
    let heap = Heap(me.heap);
    let lane = heap.open_lane(&mut Space, place, false).ok_or(crate::abi::Limit::Heap)?;
    let started = create_in(me, p, stack, place, &lane);
    if started.is_err() {
        heap.drop_open(place);
        memory::settle();
    }
    started
}

fn create_in(
    me: &mut Me,
    p: &Put,
    stack: usize,
    place: usize,
    lane: &crate::heap::open::OpenLane,
) -> Result<(), OpenError> {
    changes::widen(me, &Heap(me.heap).sequences());
    me.chain = layer::seal_open(me, stack)?;
    let from = layer::room_from(me);
    let mut r = request_for(me, p.id, lane, stack, p.float)?;
    let mark = me.stage_end;
    r.commands = commands(me, p)?;
    r.orders |= order::STAY | order::SNAP;
    r.merge_from = p.merge_from.max(stack);
    let mut child = OpenChild::new(p.id, 0);
    child.room = (from, mark);
    child.log_from = me.log_len;
    (child.session, child.lane, child.chain) = (lane.session, lane.heap.0, me.chain);
    (child.merge_from, child.path) = (r.merge_from, r.path);
    child.has = if p.snap { has::SNAPSHOT } else { 0 };
    // What is copied waits in the exchange area until the child has it.
    let at_once = p.start && p.copy.is_none();
    give_registers(&mut child, p);
    if at_once {
        start_orders(&mut child, &mut r);
    }
    child.construct = if me.role == Role::Master {
        master().begin_open(&r)
    } else {
        worker::ask(ask::OPEN, 0, Some(&r))
    }
    .ok_or(crate::abi::Limit::Workers)?;
    children::insert(place, child);
    finish(me, p, place, mark, at_once, r)
}

/// Waits for what was not a start, and then starts if that was asked for.
fn finish(
    me: &mut Me,
    p: &Put,
    place: usize,
    mark: usize,
    started: bool,
    mut r: crate::exec::control::Request,
) -> Result<(), OpenError> {
    if started {
        return Ok(());
    }
    let child = children::at(place);
    settle_commands(me, child);
    me.stage_end = mark;
    if child.has & has::FAILED != 0 {
        return Ok(());
    }
    if p.start {
        r.commands = [Command::default(); 3];
        r.orders &= !order::SNAP;
        start_orders(child, &mut r);
        restart(me, child.construct, &r);
    }
    Ok(())
}

fn give_registers(child: &mut OpenChild, p: &Put) {
    if let Some(job) = p.regs {
        child.job = Some(job);
        child.has = child.has & !(has::MIDDLE | has::ENDED) | has::ENTRY;
    }
}

/// Lets a request start the child, at its entry or where it stopped.
fn start_orders(child: &mut OpenChild, r: &mut crate::exec::control::Request) {
    r.orders |= order::START;
    if child.has & has::ENTRY != 0 {
        r.orders |= order::ENTER;
        r.job = child.job;
    }
    child.has &= !(has::ENTRY | has::MIDDLE | has::ENDED);
    child.has |= has::RUNNING;
}

fn put_to(me: &mut Me, p: &Put, place: usize, stack: usize) -> Result<(), OpenError> {
    children::at(place).has |= has::RESTARTED;
    let works = p.snap || p.copy.is_some() || p.zero.is_some() || p.perm.is_some();
    let child = children::at(place);
    if !works && !p.start {
        // The child learns of its registers when it starts.
        give_registers(child, p);
        return Ok(());
    }
    let heap = Heap(me.heap);
    let mut lane = crate::heap::open::OpenLane {
        heap: Heap(child.lane),
        session: child.session,
        sequences: Heap(child.lane).sequences(),
        in_turn: false,
    };
    if p.snap {
        go_private(me)?;
        heap.drop_open(place);
        memory::settle();
        lane = heap.open_lane(&mut Space, place, false).ok_or(crate::abi::Limit::Heap)?;
        changes::widen(me, &heap.sequences());
        me.chain = layer::seal_open(me, stack)?;
        child.room_before = child.room;
        child.room.0 = layer::room_from(me);
        (child.session, child.lane, child.chain) = (lane.session, lane.heap.0, me.chain);
        child.merge_from = p.merge_from.max(stack);
        child.log_from = me.log_len;
        child.has = child.has & !has::MERGED | has::SNAPSHOT;
    }
    let mut mark = me.stage_end;
    let mut r = request_for(me, p.id, &lane, stack, p.float)?;
    if p.snap {
        mark = me.stage_end;
        child.room.1 = mark;
    }
    r.commands = commands(me, p)?;
    r.orders |= order::STAY;
    r.merge_from = child.merge_from;
    if child.has & has::PRINTED != 0 {
        r.orders |= order::PRINTED;
        child.has &= !has::PRINTED;
        child.shown = 0;
    }
    give_registers(child, p);
    if p.snap {
        r.orders |= order::SNAP;
        if child.has & has::ENTRY != 0 {
            // No frames of its own are to be kept.
            r.orders |= order::AFRESH;
        }
    }
    let at_once = p.start && p.copy.is_none();
    if at_once {
        start_orders(child, &mut r);
    }
    restart(me, child.construct, &r);
    finish(me, p, place, mark, at_once, r)
}

fn restart(me: &Me, construct: u32, r: &crate::exec::control::Request) {
    if me.role == Role::Master {
        master().restart_open(construct, r);
    } else {
        worker::ask(ask::RESTART, construct, Some(r));
    }
}

/// Waits until a child has carried out its commands.
fn settle_commands(me: &Me, child: &mut OpenChild) {
    if me.role == Role::Master {
        master().wait_open(child.construct);
    } else {
        worker::ask(ask::WAIT, child.construct, None);
    }
    note_failure(child);
}

fn note_failure(child: &mut OpenChild) {
    let o = &control().constructs[child.construct as usize].outcomes[0];
    if !outcome::stopped(o.status.load(SeqCst)) {
        child.has |= has::FAILED;
        if check::is_on() {
            // What finds no room is found again.
            let _ = beside::remember(me(), child, None);
        }
    }
}

/// Waits until the child at a place has stopped, and takes note of how.
fn wait(me: &mut Me, place: usize, how: Wait) -> Result<(), Error> {
    let child = children::at(place);
    if child.has & has::RUNNING == 0 {
        return Ok(());
    }
    match how {
        Wait::Not if !replay::poll(child.id, || master().poll_open(child.construct)) => {
            return Err(Error::Again);
        }
        Wait::Unless(set) if !master().wait_open_unless(child.construct, set) => {
            return Err(Error::Interrupted);
        }
        _ => {}
    }
    open::wait_stopped(me, place);
    let child = children::at(place);
    note_failure(child);
    let o = &control().constructs[child.construct as usize].outcomes[0];
    if let Some(st) = claims::stage_at(slot_of(o), o.stage.load(SeqCst)) {
        child.has |= if st.ended != 0 { has::ENDED } else { has::MIDDLE };
        child.code = st.code;
        child.registers = if st.ended == 0 { st.registers } else { Registers::default() };
    }
    child.has &= !has::PRINTED;
    Ok(())
}

/// The get. On the control stack.
pub(crate) extern "C" fn get(arg: usize, stack: usize) {
    // SAFETY: the caller keeps the record alive and waits.
    let g = unsafe { &mut *(arg as *mut Get) };
    let mark = me().stage_end;
    let r = get_here(me(), g, stack);
    me().stage_end = mark;
    g.result = r;
}

fn get_here(me: &mut Me, g: &mut Get, stack: usize) -> Result<State, GetError> {
    let place = children::find(g.id).ok_or(Error::NoChild)?;
    wait(me, place, g.wait)?;
    let child = children::at(place);
    (g.construct, g.shown) = (child.construct, child.shown);
    if child.has & has::FAILED != 0 {
        g.deliver = deliver(child);
        return Ok(state(child));
    }
    if g.merge {
        merge(me, place, stack)?;
        g.deliver = deliver(children::at(place));
    }
    let child = children::at(place);
    if g.show && !g.merge && child.has & has::PRINTED == 0 {
        let o = &control().constructs[child.construct as usize].outcomes[0];
        (g.deliver, child.shown) = (true, files::log_of(o).len());
    }
    if let Some(copy) = g.copy {
        read(me, child, copy)?;
    }
    if let Some((addr, len)) = g.zero {
        // SAFETY: the caller checked that it may write the range.
        unsafe { (addr as *mut u8).write_bytes(0, len) };
    }
    if let Some((addr, len, perm)) = g.perm
        && !permissions::set(addr, addr + len, perm)
    {
        return Err(crate::abi::Limit::Regions.into());
    }
    if child.has & has::MIDDLE != 0 {
        g.registers = child.registers;
    }
    g.code = child.code;
    Ok(state(child))
}

/// Whether what a child printed is to be delivered now; once for each stop.
fn deliver(child: &mut OpenChild) -> bool {
    let fresh = child.has & has::PRINTED == 0;
    child.has |= has::PRINTED;
    fresh
}

pub(crate) fn state(child: &OpenChild) -> State {
    match child.has {
        h if h & has::FAILED != 0 => {
            let o = &control().constructs[child.construct as usize].outcomes[0];
            State::Exception(own_failure(o, 0).cause)
        }
        h if h & has::ENTRY != 0 => State::Created,
        h if h & has::MIDDLE != 0 => State::Ret(child.code),
        h if h & has::ENDED != 0 => State::Returned,
        _ => State::Created,
    }
}

fn merge(me: &mut Me, place: usize, stack: usize) -> Result<(), GetError> {
    let child = children::at(place);
    if child.has & has::SNAPSHOT == 0 {
        return Err(invalid("Merge without a Snap").into());
    }
    let from = child.merge_from.max(stack);
    open::set_turn(place);
    writers::clear();
    let mut undo = 0;
    let before = written::mark();
    let merged = merge_one(me, (0, None), from, &mut undo).and_then(|()| {
        // What it logged up to its last merge is its parent's already.
        let fresh = usize::from(child.has & has::PRINTED == 0);
        files::agree(me, &open::Joining(fresh)).map_err(|f| {
            Undo::back(undo);
            written::back(before);
            f.cause
        })
    });
    match merged {
        Ok(()) => {}
        Err(Cause::Conflict(c)) => return Err(GetError::Conflict(Conflict { higher: 0, ..c })),
        Err(Cause::File(c)) => return Err(GetError::File(c)),
        Err(Cause::Differs(d)) => return Err(GetError::Differs(d)),
        Err(Cause::Limit(l)) => return Err(l.into()),
        Err(_) => return Err(Error::Range.into()),
    }
    take_clock(me, place);
    if check::is_on() {
        written::settle();
    }
    if watch::is_active() {
        beside::absorb(me, child, 0);
    }
    if child.has & has::MERGED == 0 {
        free_deferred(me, place)?;
        let heap = Heap(me.heap);
        heap.adopt_open(place);
        memory::settle();
        changes::widen(me, &heap.sequences());
        changes::widen(me, &Heap(child.lane).sequences());
        child.has |= has::MERGED;
    }
    Ok(())
}

/// A block that a child freed would be freed by a second merge again.
pub(super) fn freed_again(addr: u64) -> Conflict {
    let zero = [0; 8];
    Conflict {
        address: addr,
        lower: PARENT,
        higher: 0,
        reference: zero,
        lower_value: zero,
        higher_value: zero,
        freed: Freed::Both,
    }
}

/// Copies bytes of a stopped child.
fn read(me: &mut Me, child: &mut OpenChild, (from, len, to): Copy) -> Result<(), GetError> {
    if len == 0 {
        return Ok(());
    }
    let heap = Heap(child.lane);
    let lane = crate::heap::open::OpenLane {
        heap,
        session: child.session,
        sequences: heap.sequences(),
        in_turn: false,
    };
    let mut r = request_for(me, child.id, &lane, child.merge_from, FloatControl::get())?;
    r.commands[0] = Command { kind: kind::READ, addr: from, len, data: 0 };
    r.orders |= order::STAY;
    restart(me, child.construct, &r);
    settle_commands(me, child);
    let o = &control().constructs[child.construct as usize].outcomes[0];
    let bytes = claims::read(slot_of(o), o.stage.load(SeqCst), len);
    let bytes = bytes.ok_or(crate::abi::Limit::Exchange)?;
    // SAFETY: the caller checked that it may write the range.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to as *mut u8, len) };
    Ok(())
}
