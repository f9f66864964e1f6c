//! False claims: what a worker writes for its master, written by hand.
use super::{Attack, call, exposed, read, spin, vanish, word, write};
use kernel::master::exposed::{
    CONSTRUCT, Exposed, MAIL, OUTCOME, OUTCOME_SIZE, OUTCOMES, STAGE, STAGE_SIZE, construct_at,
};
use std::sync::atomic::AtomicU8;

/// Statuses of an outcome.
pub const RETURNED: u32 = 1;
pub const FAILED: u32 = 2;
const NO_WORKER: u32 = 4;
const STOPPED: u32 = 5;
const EVICTED: u32 = 6;
/// States of a mailbox.
pub const IDLE: u32 = 0;
const REQUEST: u32 = 2;
const FAULTED: u32 = 3;

const PAGE: usize = 4096;
/// The lowest page of the stack, where nobody may write.
pub const GUARD: u64 = 0x1600_0000_0000;

/// Two pages of the program that nobody else uses.
#[repr(align(4096))]
struct Scratch([AtomicU8; 2 * PAGE]);
static SCRATCH: Scratch = Scratch([const { AtomicU8::new(0) }; 2 * PAGE]);

pub fn scratch() -> u64 {
    SCRATCH.0.as_ptr() as u64
}

pub const ATTACKS: &[Attack] = &[
    // Where it may not write.
    ("claims_of_the_master", || write(exposed().told.0, 1u64)),
    ("claims_of_the_masters_requests", || write(exposed().told.0 + 4096, 1u64)),
    ("claims_by_another_mailbox", || {
        let e = exposed();
        let other = if e.slot == 0 { e.own_mail.0 + e.own_mail.1 } else { e.mail.0 };
        write(other, 1u64);
    }),
    ("claims_in_another_area", || write(exposed().next_area.0, 1u64)),
    // Pages.
    ("page_of_the_guard", || pages(&[GUARD])),
    ("page_of_no_image", || pages(&[0x1000])),
    ("page_of_private_memory", || pages(&[0x4100_0000_0000 + (8 << 20) + (128 << 10)])),
    ("page_of_control_memory", || pages(&[0x4000_0000_0000])),
    ("page_of_code", || pages(&[exposed().gate.0 as u64])),
    ("page_of_the_system", || pages(&[0xffff_ffff_ff60_0000])),
    ("page_that_is_none", || pages(&[scratch() + 8])),
    ("pages_in_no_order", || pages(&[scratch(), GUARD + 4096])),
    ("page_twice", || pages(&[scratch(), scratch()])),
    ("page_at_the_end", || pages(&[u64::MAX - 4095])),
    ("page_of_its_own", || pages(&[scratch()])),
    ("pages_without_end", || returned(&[("page_count", usize::MAX)])),
    ("pages_past_the_area", || returned(&[("page_count", 2 << 20)])),
    ("pages_of_another_area", || {
        let at = exposed().next_area.0;
        returned(&[("page_count", 1), ("addrs", at), ("pages", at)]);
    }),
    ("pages_in_private_memory", || {
        let at = exposed().private.0;
        returned(&[("page_count", 1), ("addrs", at), ("pages", at)]);
    }),
    // Frees.
    ("free_of_nothing", || frees(&[(8, 8)])),
    ("free_without_end", || frees(&[(0x1700_0000_0000, u64::MAX)])),
    ("frees_that_overlap", || frees(&[(0x1700_0000_0000, 4096), (0x1700_0000_0800, 16)])),
    ("free_in_the_middle_of_the_heap", || frees(&[(0x1700_0000_0008, 16)])),
    ("frees_past_the_area", || returned(&[("free_count", 1 << 30)])),
    // Output, results, messages.
    ("log_past_the_area", || returned(&[("log_len", 9 << 30)])),
    ("log_longer_than_any", || returned(&[("log_len", (1 << 30) + 1)])),
    ("result_elsewhere", || returned(&[("result", 0x1000)])),
    ("message_past_the_area", || failed(1, &[("message_len", 9 << 30)])),
    ("message_longer_than_any", || failed(1, &[("message_len", 17 << 20)])),
    ("location_longer_than_any", || {
        failed(1, &[("message_len", 0), ("location_len", 0xffff_ffff)])
    }),
    ("cause_that_is_none", || failed(99, &[])),
    ("cause_of_a_conflict", || failed(0, &[])),
    ("trace_past_the_area", || {
        failed(2, &[("frames_len", usize::MAX), ("place_at_end", scratch() as usize)]);
    }),
    ("trace_of_garbage", || {
        let place = super::main as *const () as usize + 16;
        let rest = [("frames_len", 64 << 10), ("stack_pointer_at_end", usize::MAX - 64)];
        failed(2, &[rest[0], rest[1], ("place_at_end", place)]);
    }),
    ("clock_at_its_end", || returned(&[("clock", usize::MAX)])),
    // Stages.
    ("stage_nowhere", || report(RETURNED, 0)),
    ("stage_at_the_end", || report(RETURNED, usize::MAX - 4095)),
    ("stage_in_the_image", || report(RETURNED, scratch() as usize)),
    ("stage_in_control_memory", || report(RETURNED, exposed().shared.0)),
    ("stage_that_is_crooked", || report(RETURNED, forge(&exposed(), &[]) + 8)),
    ("stage_in_another_area", || report(RETURNED, exposed().next_area.0)),
    ("failed_without_stage", || report(FAILED, 1 << 63)),
    ("failed_without_worker", || report(NO_WORKER, (3 << 32) | 1)),
    ("stopped_where_nobody_stops", || report(STOPPED, forge(&exposed(), &[]))),
    ("evicted_to_nowhere", || report(EVICTED, forge(&exposed(), &[]))),
    ("status_that_is_none", || report(77, forge(&exposed(), &[]))),
    // What changes after it was reported.
    ("addresses_that_change", addresses_that_change),
    ("counts_that_change", counts_that_change),
    // The construct.
    ("all_are_taken", || {
        construct("next", u32::MAX);
        vanish(&exposed());
    }),
    ("nothing_is_wanted", || construct("limit", 0)),
    ("all_is_wanted", || construct("limit", u32::MAX)),
    ("all_have_reported", || construct("reported", u32::MAX)),
    ("all_is_released", || construct("released", 1)),
    ("claims_of_its_siblings", || {
        let e = exposed();
        let mine: u64 = read(outcome(&e, e.index) + word(OUTCOME, "claim"));
        for i in (0..1024).filter(|&i| i != e.index) {
            write(outcome(&e, i) + word(OUTCOME, "claim"), mine);
        }
        vanish(&e);
    }),
    ("claims_by_nobody", || {
        let e = exposed();
        for i in 0..8 {
            write(outcome(&e, i) + word(OUTCOME, "claim"), u64::MAX);
        }
    }),
    ("reports_of_its_siblings", || {
        let e = exposed();
        for i in 0..8 {
            write(outcome(&e, i) + word(OUTCOME, "stage"), forge(&e, &[]));
            write(outcome(&e, i) + word(OUTCOME, "status"), FAILED);
        }
    }),
    // Its mailbox.
    ("failed_and_goes_on", || {
        let e = exposed();
        publish(&e, FAILED, forge(&e, &[]), FAULTED);
        spin();
    }),
    ("idle_without_a_word", || {
        let e = exposed();
        state(&e, IDLE);
        spin();
    }),
    ("parked_without_a_word", || {
        let e = exposed();
        ask(&e, 5, 0);
        spin();
    }),
    ("asks_for_everything", asks_for_everything),
    ("asks_for_children_of_nobody", || {
        let e = exposed();
        let request = e.own_mail.0 + word(MAIL, "request");
        (0..64).for_each(|i| write(request + 8 * i, u64::MAX));
        for (count, depth) in
            [(1u32, 2u32), (1024, 2), (1025, 2), (0, 2), (1, 0), (1, 255), (1, 256)]
        {
            write(e.own_mail.0 + word(MAIL, "count"), count);
            write(e.own_mail.0 + word(MAIL, "depth"), depth);
            ask(&e, 1, 0);
            settle();
        }
        vanish(&e);
    }),
    ("granted_everything", || {
        let e = exposed();
        (0..8).for_each(|z| write(e.own_mail.0 + word(MAIL, "granted") + 4 * z, u32::MAX));
        panic!("so that the master notes what a failed construct may have written");
    }),
    ("all_of_shared_memory", || {
        // Not the constructs, of which this one is to be reported.
        let e = exposed();
        (e.shared.0..e.shared.0 + PAGE).step_by(8).for_each(|at| write(at, u64::MAX));
    }),
];

pub fn outcome(e: &Exposed, i: u32) -> usize {
    construct_at(e.construct) + OUTCOMES + i as usize * OUTCOME_SIZE
}

fn construct(name: &str, value: u32) {
    write(construct_at(exposed().construct) + word(CONSTRUCT, name), value);
}

fn state(e: &Exposed, value: u32) {
    write(e.own_mail.0 + word(MAIL, "state"), value);
    // The word that the master sleeps on is the first.
    write(e.shared.0, read::<u32>(e.shared.0).wrapping_add(1));
    call(e, libc::SYS_futex, [e.shared.0, libc::FUTEX_WAKE as usize, 1, 0, 0, 0]);
}

fn ask(e: &Exposed, what: u32, target: u32) {
    write(e.own_mail.0 + word(MAIL, "ask"), what);
    write(e.own_mail.0 + word(MAIL, "target"), target);
    state(e, REQUEST);
}

/// Gives the master some time.
fn settle() {
    (0..2_000_000).for_each(|_| std::hint::spin_loop());
}

/// A stage in this worker's own area, sound but for some words; where it is.
pub fn forge(e: &Exposed, words: &[(&str, usize)]) -> usize {
    let at = e.area.0 + (5 << 30);
    (0..STAGE_SIZE).step_by(4).for_each(|i| write(at + i, 0u32));
    let room = at + 8 * PAGE;
    for name in ["addrs", "pages", "frees", "log", "message", "result", "frames", "masks", "found"]
    {
        write(at + word(STAGE, name), room);
    }
    write(at + word(STAGE, "message_len"), u64::MAX);
    let life: u32 = read(e.own_mail.0 + word(MAIL, "life"));
    for (i, owner) in [e.construct, life, e.index].into_iter().enumerate() {
        write(at + word(STAGE, "owner") + 4 * i, owner);
    }
    for (name, value) in words {
        // Two words are shorter than an address.
        if *name == "location_len" || *name == "failed" {
            write(at + word(STAGE, name), *value as u32);
        } else {
            write(at + word(STAGE, name), *value);
        }
    }
    at
}

pub fn publish(e: &Exposed, status: u32, stage: usize, as_state: u32) {
    write(outcome(e, e.index) + word(OUTCOME, "stage"), stage);
    if status != RETURNED {
        write(construct_at(e.construct) + word(CONSTRUCT, "limit"), e.index + 1);
    }
    write(outcome(e, e.index) + word(OUTCOME, "status"), status);
    state(e, as_state);
}

fn report(status: u32, stage: usize) -> ! {
    let e = exposed();
    publish(&e, status, stage, IDLE);
    vanish(&e)
}

fn returned(words: &[(&str, usize)]) {
    let e = exposed();
    report(RETURNED, forge(&e, words))
}

fn failed(kind: u32, words: &[(&str, usize)]) {
    let e = exposed();
    let at = forge(&e, words);
    write(at + word(STAGE, "failed"), 1u32);
    write(at + word(STAGE, "cause"), kind);
    report(FAILED, at)
}

fn pages(addrs: &[u64]) {
    let e = exposed();
    let list = e.area.0 + (5 << 30) + 4 * PAGE;
    addrs.iter().enumerate().for_each(|(i, a)| write(list + 8 * i, *a));
    returned(&[("addrs", list), ("page_count", addrs.len())]);
}

fn frees(blocks: &[(u64, u64)]) {
    let e = exposed();
    let list = e.area.0 + (5 << 30) + 4 * PAGE;
    for (i, (addr, len)) in blocks.iter().enumerate() {
        write(list + 16 * i, *addr);
        write(list + 16 * i + 8, *len);
    }
    returned(&[("frees", list), ("free_count", blocks.len())]);
}

/// Reports a page that it may write, and then again and again another.
fn addresses_that_change() {
    let e = exposed();
    let list = e.area.0 + (5 << 30) + 4 * PAGE;
    let good = [scratch(), scratch() + (1 << 40)];
    write(list, good[0]);
    let at = forge(&e, &[("addrs", list), ("page_count", 1)]);
    publish(&e, RETURNED, at, IDLE);
    for _ in 0..2_000_000 {
        for bad in [GUARD, 0x1000, u64::MAX] {
            write(list, bad);
            write(list, good[0]);
        }
    }
    vanish(&e)
}

/// The same with the numbers in its stage.
fn counts_that_change() {
    let e = exposed();
    let at = forge(&e, &[]);
    publish(&e, RETURNED, at, IDLE);
    for _ in 0..1_000_000 {
        for name in ["page_count", "free_count", "log_len", "found_count"] {
            write(at + word(STAGE, name), usize::MAX);
            write(at + word(STAGE, name), 0usize);
        }
        write(at + word(STAGE, "result"), 0x1000usize);
        write(at + word(STAGE, "result"), at);
    }
    vanish(&e)
}

/// Every request, about every construct there may be, with whatever the mailbox holds.
fn asks_for_everything() {
    let e = exposed();
    for what in 0..8 {
        for target in [0, 1, e.construct, 4095, 4096, u32::MAX] {
            // Those that would let it wait for itself come last: the process is gone then.
            ask(&e, what, target);
            settle();
        }
    }
    vanish(&e)
}
