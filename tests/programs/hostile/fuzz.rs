//! Random bytes in every word that a worker may write, by a child that then returns, fails, goes
//! on or leaves. Each round ends in a result or a typed error, and the master goes on. A child
//! that only waits does so until somebody kills its worker, which the test does.
use super::claims::{FAILED, GUARD, IDLE, RETURNED, forge, publish, scratch};
use super::{attempt, exposed, vanish, word, write};
use kernel::master::exposed::{
    CONSTRUCT, Exposed, MAIL, OUTCOME, OUTCOME_SIZE, OUTCOMES, STAGE, construct_at,
};
use std::ops::Range;

/// Random numbers.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// A value that some check may have forgotten.
    fn value(&mut self, e: &Exposed) -> u64 {
        let near = [
            0,
            1,
            2,
            1 << 12,
            1 << 32,
            u64::MAX,
            i64::MAX as u64,
            e.area.0 as u64,
            e.own_mail.0 as u64,
            e.private.0 as u64,
            e.gate.0 as u64,
            0x1600_0000_0000,
            0x1700_0000_0000,
        ];
        match self.below(4) {
            0 => self.next(),
            1 => self.below(16),
            _ => {
                let base = near[self.below(near.len() as u64) as usize];
                base.wrapping_add(self.below(3) * 4096).wrapping_sub(self.below(2) * 8)
            }
        }
    }
}

/// Runs the rounds of these numbers.
pub fn run(rounds: Range<u64>) {
    for round in rounds {
        let said = super::told(attempt(move || attack(round)));
        println!("{round}: {said}");
    }
}

fn attack(round: u64) {
    let mut n = Numbers(round);
    let e = exposed();
    let end = n.below(5);
    // A child that returns may write all of its parent's memory, as any child can, and its
    // sibling may have run in this process before: what they are merged from stays as it is.
    let fails = !matches!(end, 0 | 3);
    for _ in 0..=n.below(30) {
        spoil(&mut n, &e, fails);
    }
    match end {
        0 => {}
        1 => panic!("as any child may"),
        2 => vanish(&e),
        3 => report(&mut n, &e),
        _ => {
            // Beside whatever the master does with what it finds.
            for _ in 0..2000 {
                spoil(&mut n, &e, fails);
            }
            vanish(&e)
        }
    }
}

/// Reports by hand, with some words of the stage wrong and changing.
fn report(n: &mut Numbers, e: &Exposed) -> ! {
    let list = e.area.0 + (5 << 30) + (16 << 10);
    let some = [scratch(), GUARD, 0x1000, u64::MAX, scratch() + 4096, 0x4000_0000_0000];
    for i in 0..8 {
        write(list + 8 * i, some[n.below(some.len() as u64) as usize]);
    }
    let at = forge(e, &[("addrs", list), ("frees", list), ("page_count", n.below(3) as usize)]);
    let wrong = |n: &mut Numbers| {
        let (name, offset) = STAGE[n.below(STAGE.len() as u64) as usize];
        // What these lead to elsewhere may be true of another child.
        if !["addrs", "frees"].contains(&name) {
            write(at + offset, n.value(e));
        }
    };
    (0..n.below(6)).for_each(|_| wrong(n));
    publish(e, if n.below(3) == 0 { FAILED } else { RETURNED }, at, IDLE);
    if n.below(2) == 0 {
        (0..20_000).for_each(|_| wrong(n));
    }
    vanish(e)
}

/// Writes one word.
fn spoil(n: &mut Numbers, e: &Exposed, fails: bool) {
    let value = n.value(e);
    let named =
        |n: &mut Numbers, table: &[(&str, usize)]| table[n.below(table.len() as u64) as usize].1;
    let construct = construct_at(if n.below(8) == 0 { n.below(64) as u32 } else { e.construct });
    let outcome = construct + OUTCOMES + n.below(4) as usize * OUTCOME_SIZE;
    let at = match n.below(8) {
        0 => e.own_mail.0 + named(n, MAIL),
        1 => e.own_mail.0 + n.below(e.own_mail.1 as u64 / 8) as usize * 8,
        2 => construct + named(n, CONSTRUCT),
        3 if fails => {
            // Who says that a child has returned says what with: see `report`.
            let status = outcome + word(OUTCOME, "status");
            let at = outcome + named(n, OUTCOME);
            if at == status {
                let some = [0, 2, 3, 4, 7, u32::MAX];
                return write(at, some[n.below(some.len() as u64) as usize]);
            }
            at
        }
        4 => e.shared.0 + n.below(512) as usize * 8,
        5 if fails => e.area.0 + n.below(4096) as usize * 8,
        // The list of stages behind the message.
        6 => e.area.0 + (7 << 30) + (528 << 20) + n.below(64) as usize * 8,
        7 if fails => e.me.0 + n.below(e.me.1 as u64 / 8) as usize * 8,
        _ => e.own_mail.0 + word(MAIL, "state"),
    };
    if n.below(2) == 0 { write(at & !7, value) } else { write(at & !3, value as u32) }
}
