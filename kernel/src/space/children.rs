//! The open children of the running space, by id: what is known of each, never what is in
//! its memory.

use super::memory;
use crate::abi::{ChildId, MAX_CHILDREN, Registers};
use crate::check::written;
use crate::exec::control::{Job, Me, Role, ask, control, me, private, private_item};
use crate::exec::master::master;
use crate::exec::worker;
use crate::heap::Heap;

/// An open child. Its place in the table is its lane in the parent's heap.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenChild {
    /// 0 where the place is free.
    live: u32,
    /// Its name.
    pub id: ChildId,
    /// Construct slot that runs it.
    pub construct: u32,
    /// Path of the construct that it was made in, hashed.
    pub path: u64,
    /// Session of its heap.
    pub session: u64,
    /// Its heap.
    pub lane: usize,
    /// What it started from, see `exec::layer`.
    pub chain: usize,
    /// What of its parent's exchange area is kept for it: from, to.
    pub room: (usize, usize),
    /// The same as of its last but one snapshot, on which it stands until it has the last.
    pub room_before: (usize, usize),
    /// Bytes that its parent had logged at its snapshot.
    pub log_from: usize,
    /// Bytes of its own log of which what was printed is delivered, and nothing else done.
    pub shown: usize,
    /// Stack memory from here on is merged.
    pub merge_from: usize,
    /// Bytes of its result.
    pub out_size: usize,
    /// What it runs when it starts.
    pub job: Option<Job>,
    /// Code of its last ret.
    pub code: u32,
    /// Where it stopped.
    pub registers: Registers,
    /// The number behind what it took in turn, 0: nothing was taken in turn.
    pub left: u64,
    /// See [`has`].
    pub has: u32,
}

/// Bits of [`OpenChild::has`].
pub(crate) mod has {
    /// A reference image.
    pub const SNAPSHOT: u32 = 1;
    /// An entry that it may start at.
    pub const ENTRY: u32 = 2;
    /// It was started and has not been waited for.
    pub const RUNNING: u32 = 4;
    /// It has failed.
    pub const FAILED: u32 = 8;
    /// It stopped by a ret and can go on.
    pub const MIDDLE: u32 = 16;
    /// Its entry has returned.
    pub const ENDED: u32 = 32;
    /// It was merged since its snapshot.
    pub const MERGED: u32 = 64;
    /// What it logged before its last stop was delivered.
    pub const PRINTED: u32 = 128;
    /// It was given something to do since it started from its snapshot.
    pub const RESTARTED: u32 = 256;
}

fn place(i: usize) -> &'static mut OpenChild {
    // SAFETY: fewer than MAX_CHILDREN fit (asserted below); any bytes are valid.
    unsafe { private_item::<OpenChild>(private::CHILDREN, i) }
}

/// The place of a child.
pub(crate) fn find(id: ChildId) -> Option<usize> {
    let left = me().open_count;
    let live = |&i: &usize| place(i).live != 0;
    (0..MAX_CHILDREN).filter(live).take(left).find(|&i| place(i).id == id)
}

/// What of the running space's exchange area is kept for its open children.
pub(crate) fn rooms() -> impl Iterator<Item = (usize, usize)> {
    let live = (0..MAX_CHILDREN).map(|i| &*place(i)).filter(|c| c.live != 0);
    let rooms = live.take(me().open_count).flat_map(|c| [c.room, c.room_before]);
    rooms.filter(|r| r.0 < r.1)
}

/// Places of the children.
pub(crate) fn places() -> impl Iterator<Item = usize> {
    (0..MAX_CHILDREN).filter(|&i| place(i).live != 0).take(me().open_count)
}

/// Sessions of the children's heaps.
pub(crate) fn sessions() -> impl Iterator<Item = u64> {
    places().map(|i| place(i).session)
}

/// The child at a place.
pub(crate) fn at(i: usize) -> &'static mut OpenChild {
    place(i.min(MAX_CHILDREN - 1))
}

/// The lowest free place: a function of the order in which children start and end.
pub(crate) fn free_place() -> Option<usize> {
    (0..MAX_CHILDREN).find(|&i| place(i).live == 0)
}

/// Enters a child.
pub(crate) fn insert(i: usize, child: OpenChild) {
    if me().open_count == 0 {
        written::clear();
    }
    *at(i) = OpenChild { live: 1, ..child };
    me().open_count += 1;
}

impl OpenChild {
    /// A child that has nothing yet.
    pub fn new(id: ChildId, construct: u32) -> OpenChild {
        OpenChild {
            live: 0,
            id,
            construct,
            path: 0,
            session: 0,
            lane: 0,
            chain: 0,
            room: (0, 0),
            room_before: (0, 0),
            shown: 0,
            log_from: 0,
            merge_from: 0,
            out_size: 0,
            job: None,
            code: 0,
            registers: Registers::default(),
            left: 0,
            has: 0,
        }
    }
}

/// In a new worker: the children are those of the master it was cloned from.
pub(crate) fn forget_all() {
    (0..MAX_CHILDREN).for_each(|i| place(i).live = 0);
    let me = me();
    (me.open_count, me.freed_count, me.freed_lost) = (0, 0, 0);
}

/// In a forked process: the children stay its parent's; what waited for them is freed.
pub(crate) fn leave_all() {
    if me().open_count == 0 {
        return;
    }
    for i in (0..MAX_CHILDREN).filter(|&i| place(i).live != 0) {
        Heap(me().heap).drop_open(i);
        place(i).live = 0;
    }
    me().open_count = 0;
    memory::settle();
}

/// Forgets a child. With the last one go the layers that were made for open children.
pub(crate) fn remove(i: usize) {
    let me = me();
    at(i).live = 0;
    me.open_count -= 1;
    if me.open_count == 0 {
        (me.stage_end, me.stage_limit) = (me.open_mark, me.open_limit);
        me.chain = me.base;
    }
}

/// Takes the lane of a child back as it was at its start, if it was not merged.
pub(crate) fn drop_lane(i: usize) {
    let (heap, child) = (Heap(me().heap), at(i));
    heap.drop_open(i);
    if child.left != 0 {
        memory::note_failed_grants();
        let given = &control().told.briefs[child.construct as usize].request.sequences;
        heap.take_back(&given[0], child.left);
    }
}

/// Ends the child at a place and everything below it. On the control stack.
pub(crate) fn end(i: usize) {
    let construct = at(i).construct;
    if master_here(me()) {
        master().cancel(construct);
    } else {
        worker::ask(ask::KILL, construct, None);
    }
    drop_lane(i);
    remove(i);
    memory::settle();
}

/// Ends all children. On the control stack.
pub(crate) fn end_all() {
    let mut i = 0;
    while me().open_count > 0 && i < MAX_CHILDREN {
        if at(i).live != 0 {
            end(i);
        }
        i += 1;
    }
}

/// Whether the running space is the master.
pub(crate) fn master_here(me: &Me) -> bool {
    me.role == Role::Master
}

const _: () =
    assert!(private::CHILDREN + MAX_CHILDREN * size_of::<OpenChild>() <= private::PERMISSIONS);
