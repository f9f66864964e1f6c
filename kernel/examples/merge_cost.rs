//! What plan and apply cost: children, pages, how they are shared; median of several runs.

use kernel::merge::cases::{Memory, OwnedChild, START};
use kernel::merge::{Cursor, Page, apply, plan};
use std::time::{Duration, Instant};

/// `pages` pages for each of `count` children; all have the same ones, or each its own.
fn measure(count: usize, pages: usize, shared: bool, frees: usize) {
    let total = if shared { pages } else { pages * count };
    let mut target = Memory(vec![Page([0; 4096]); total + 64]);
    let mut owned: Vec<OwnedChild> = (0..count as u32).map(OwnedChild::new).collect();
    for (i, child) in owned.iter_mut().enumerate() {
        for page in 0..pages {
            let page = if shared { page } else { page * count + i };
            child.write(&target, page * 4096 + i, 1);
        }
        // Blocks of 16 bytes, taking turns, in one place behind the pages.
        for block in 0..frees {
            child.free(total * 4096 + (block * count + i) % (63 * 256) * 16, 16);
        }
    }
    let children: Vec<_> = owned.iter().map(OwnedChild::claim).collect();
    let mut scratch = vec![Cursor::NEW; count];
    let mut times = Vec::new();
    for _ in 0..15 {
        let start = Instant::now();
        let plan = plan(&target, &children, &[], &mut scratch).expect("no conflict");
        let planned = start.elapsed();
        apply(plan, &mut target);
        times.push((planned, start.elapsed() - planned));
        // Undo, so that the next run has something to do.
        for child in &children {
            for addr in child.addrs {
                target.0[(addr - START) as usize / 4096].0[child.index as usize] = 0;
            }
        }
    }
    let median = |of: fn(&(Duration, Duration)) -> Duration| {
        let mut all: Vec<Duration> = times.iter().map(of).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    println!(
        "{count:5} children x {pages:5} pages, {}, {frees:3} frees each: plan {:>9.1?} apply {:>9.1?}",
        if shared { "shared  " } else { "disjoint" },
        median(|time| time.0),
        median(|time| time.1),
    );
}

fn main() {
    measure(2, 1, true, 0);
    measure(2, 1, true, 8);
    measure(2, 4096, true, 0);
    measure(2, 4096, false, 0);
    measure(64, 64, true, 0);
    measure(64, 64, false, 8);
    measure(1000, 16, true, 0);
    measure(1000, 16, false, 0);
    measure(1000, 16, false, 15);
}
