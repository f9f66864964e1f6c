//! The merge allocates nothing and gets by with a small stack: the master calls it where neither
//! is to be had.

use kernel::merge::cases::{ADD, LEAF, Memory, OwnedChild, START};
use kernel::merge::{Cursor, Page, PlanError, Policy, Region, apply, plan};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller keeps the contract of this very function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller keeps the contract of this very function.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn merge_counted() {
    const PAGES: usize = 8;
    let mut target = Memory(vec![Page([0; 4096]); PAGES]);
    let mut owned: Vec<OwnedChild> = (0..200).map(OwnedChild::new).collect();
    for (i, child) in owned.iter_mut().enumerate() {
        for page in 0..PAGES {
            child.write(&target, page * 4096 + i, 1);
        }
        child.free(PAGES * 4096 - 2000 + i * 8, 8);
    }
    let region =
        |from: u64, to: u64, policy| Region { start: START + from, end: START + to, policy };
    let regions = [
        region(10, 20, Policy::NoMerge),
        region(4096 + 20, 4096 + 90, Policy::Hook(ADD)),
        region(8192 + 1000, 8192 + 1004, Policy::Hook(LEAF)),
    ];
    let children: Vec<_> = owned.iter().map(OwnedChild::claim).collect();
    let mut scratch = vec![Cursor::NEW; children.len()];

    let before = CALLS.get();
    let planned = plan(&target, &children, &regions, &mut scratch);
    let stats = planned.map(|plan| apply(plan, &mut target));
    assert_eq!(CALLS.get(), before);
    assert_eq!(stats.map(|stats| stats.shared), Ok(PAGES as u64));

    // And with conflicts by bytes, by hook and by free.
    for (at, unit) in [(8192 + 300, 1), (8192 + 1001, 3), (PAGES * 4096 - 2000 + 800, 1)] {
        let mut owned = owned.clone();
        owned[150].write(&target, at, 7);
        owned[180].write(&target, at / unit * unit, 7);
        let children: Vec<_> = owned.iter().map(OwnedChild::claim).collect();
        let before = CALLS.get();
        let planned = plan(&target, &children, &regions, &mut scratch);
        assert!(matches!(planned, Err(PlanError::Conflict(_))), "{at}");
        assert_eq!(CALLS.get(), before);
    }
}

#[test]
fn merge_allocates_nothing_on_a_small_stack() {
    let thread = std::thread::Builder::new().stack_size(128 << 10).spawn(merge_counted);
    thread.expect("a thread").join().expect("no panic");
}
