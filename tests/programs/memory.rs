//! Children that read much and write little, or here and there.
use detpar_tests::harness::Numbers;
use detpar_tests::program::{assert_same, change, pattern, run, shared};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Instant;

#[detpar::main]
fn main() -> ExitCode {
    run(&[
        ("in_use", in_use),
        ("large", large),
        ("scattered", scattered),
        ("crowded", crowded),
        ("huge", huge),
    ])
}

/// Children read a large block again and again and write here and there: sooner or later there
/// are huge pages behind it, and nothing else changes.
fn huge() {
    const SIZE: usize = 128 << 20;
    let mut memory = vec![1u8; SIZE];
    let mut numbers = Numbers(3);
    let start = Instant::now();
    let mut round = 0;
    while kernel::master::huge_units() < 8 && start.elapsed().as_secs() < 20 {
        round += 1;
        let (at, one, other) = (
            numbers.below(SIZE as u64) as usize,
            numbers.below(SIZE as u64 / 2) as usize,
            numbers.below(SIZE as u64 / 2) as usize,
        );
        memory[at] ^= 4;
        let sum = |m: &[u8]| m.iter().step_by(4096).map(|&b| u64::from(b)).sum::<u64>();
        let expected = (sum(&memory[..SIZE / 2]), sum(&memory[SIZE / 2..]));
        let (left, right) = memory.split_at_mut(SIZE / 2);
        let child = |m: &mut [u8], at: usize| {
            let sum = sum(m);
            m[at] ^= 8;
            sum
        };
        assert_eq!(detpar::join(|| child(left, one), || child(right, other)), expected);
        for (at, by) in [(at, 4), (one, 8), (SIZE / 2 + other, 8)] {
            memory[at] ^= by;
        }
        if round % 16 == 0 {
            assert!(memory.iter().all(|&b| b == 1), "round {round}");
        }
    }
    assert!(memory.iter().all(|&b| b == 1), "round {round}");
    println!("{} units after {round} rounds, {:?}", kernel::master::huge_units(), start.elapsed());
}

fn in_use() {
    println!("{:?}", kernel::master::scan());
}

/// Blocks far apart in the address space, and segments that were never touched beside them.
fn large() {
    let block = pattern(40 << 20);
    let (a, b) = detpar::join(
        || block.iter().map(|&b| u64::from(b)).sum::<u64>(),
        || vec![7u8; 300 << 20].iter().step_by(4096).map(|&b| u64::from(b)).sum::<u64>(),
    );
    assert_eq!((a, b), (block.iter().map(|&b| u64::from(b)).sum(), 7 * (300 << 8)));
    let (mut a, b) = detpar::join(|| vec![1u8; 70 << 20], || vec![2u8; 5 << 20]);
    detpar::join(|| a[1 << 20] = 3, || b[0]);
    assert_eq!((a[0], a[1 << 20], a[(70 << 20) - 1], b[77]), (1, 3, 1, 2));
}

static STATIC: [AtomicU8; 20_000] = [const { AtomicU8::new(0) }; 20_000];

/// Each child writes a few pages: some where others did before, some not, some none at all.
fn scattered() {
    const PAGES: usize = 4000;
    let mut expected = pattern(PAGES * 4096);
    let memory = shared(&expected);
    let (mut numbers, mut statics) = (Numbers(1), [0u8; 20_000]);
    for round in 0..300 {
        let mut places = || {
            let near = numbers.below(3) == 0;
            let count = [0, 1, 1, 2, 5, 40][numbers.below(6) as usize];
            let place = |_| {
                let pages = if near { 20 } else { PAGES as u64 };
                (numbers.below(pages) * 4096 + numbers.below(4096)) as usize
            };
            (0..count).map(place).collect::<Vec<usize>>()
        };
        // Bytes of one child only: even ones and odd ones.
        let (left, right): (Vec<_>, Vec<_>) =
            (places().iter().map(|p| p & !1).collect(), places().iter().map(|p| p | 1).collect());
        let child = |places: &[usize], by: u8| {
            places.iter().for_each(|&p| change(&memory, p, by));
            if let Some(&p) = places.first() {
                STATIC[p % 20_000].fetch_xor(by, Relaxed);
            }
            // Frames of different depth, which a grandchild sees as live memory of its parent.
            if places.len() == 2 {
                let local = Vec::from([by; 10]);
                let (a, b) = detpar::join(|| local[3], || local.len());
                assert_eq!((a, b), (by, 10));
            }
        };
        detpar::join(|| child(&left, 1), || child(&right, 2));
        for (places, by) in [(&left, 1), (&right, 2)] {
            places.iter().for_each(|&p| expected[p] ^= by);
            if let Some(&p) = places.first() {
                statics[p % 20_000] ^= by;
            }
        }
        if round % 50 == 49 {
            assert_same(&memory, &expected);
            assert_same(&STATIC, &statics);
        }
    }
}

/// Every child has read much before; what it writes arrives, and what the parent writes between
/// is what it reads.
fn crowded() {
    const SIZE: usize = 96 << 20;
    let mut memory = vec![1u8; SIZE];
    let mut numbers = Numbers(2);
    for round in 0..60u64 {
        let at = numbers.below(SIZE as u64) as usize;
        memory[at] = memory[at].wrapping_add(1);
        let expected = memory.iter().step_by(4096).map(|&b| u64::from(b)).sum::<u64>();
        let sum = |m: &[u8]| m.iter().step_by(4096).map(|&b| u64::from(b)).sum::<u64>();
        let (left, right) = memory.split_at_mut(SIZE / 2);
        let (a, b) = detpar::join(
            || {
                let sum = sum(left);
                left[(round as usize * 4096 * 7) % (SIZE / 2)] ^= 1;
                sum
            },
            || sum(right),
        );
        assert_eq!(a + b, expected, "round {round}");
        memory[(round as usize * 4096 * 7) % (SIZE / 2)] ^= 1;
    }
    assert_eq!(memory.iter().map(|&b| u64::from(b)).sum::<u64>(), SIZE as u64 + 60);
}
