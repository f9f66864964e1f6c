//! What a child's memory is made of: chains of layers, kept from one child of a worker to the
//! next, and given back.
use detpar::{fork, scope};
use detpar_tests::program;
use kernel::abi::{ChildId, End, GetFlags, PutFlags, State};
use kernel::call::{self, Closed, Get, Job, Put};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[detpar::main]
fn main() -> ExitCode {
    program::run(CASES)
}

const CASES: &[(&str, fn())] = &[
    ("stacks_of_two_depths", stacks_of_two_depths),
    ("stopped_child_keeps_its_frames", stopped_child_keeps_its_frames),
    ("barriers_keep_frames", barriers_keep_frames),
    ("grants_roll_back", grants_roll_back),
    ("far_lanes", far_lanes),
    ("long_chains", long_chains),
    ("rounds_of_one_child", rounds_of_one_child),
    ("forks_beside_another", forks_beside_another),
];

/// A child that runs until it is killed: while it is there, layers pile up.
fn beside<R>(f: impl FnOnce() -> R) -> R {
    let forever = fork(1000, || {
        for i in 0..u64::MAX {
            black_box(i);
        }
    });
    let r = f();
    drop(forever);
    r
}

/// Calls `f` with a few pages of the stack in use below the caller's.
#[inline(never)]
fn deep<R>(value: u8, f: impl FnOnce(usize) -> R) -> R {
    let mut pages = black_box([value; 5 * 4096]);
    let r = f(black_box(&mut pages).as_mut_ptr() as usize);
    black_box(&mut pages);
    r
}

fn whole(at: usize) -> bool {
    // SAFETY: the array of `deep`, live in the snapshot.
    unsafe { std::slice::from_raw_parts(at as *const u8, 5 * 4096) }.iter().all(|&b| b == 7)
}

/// A worker that served children of a deep frame, then of a shallow one, then of a deep one.
fn stacks_of_two_depths() {
    beside(|| {
        for round in 0..4 {
            assert!(deep(7, |at| fork(1, move || whole(at)).unwrap().join().unwrap()), "{round}");
            fork(1, || ()).unwrap().join().unwrap();
        }
    });
}

/// Uses frames, stops, and looks at them; whether they were always whole.
fn frames_survive(stop: impl Fn(u32)) -> bool {
    let mut mine = [[0u8; 4096]; 8];
    for round in 0..30u32 {
        black_box(&mut mine).iter_mut().for_each(|p| p.fill(round as u8));
        stop(round);
        if black_box(&mine).iter().any(|p| p.iter().any(|&b| b != round as u8)) {
            return false;
        }
    }
    true
}

static COUNT: AtomicU64 = AtomicU64::new(0);
static FINE: AtomicU64 = AtomicU64::new(0);

/// # Safety
/// None: it looks at no argument.
unsafe extern "C" fn stops(_: *mut (), _: usize, _: *mut u8) -> End {
    let fine = frames_survive(|code| call::ret(code).unwrap());
    FINE.store(u64::from(fine), Relaxed);
    End::Returned
}

/// Snapshots of a stopped child, with layers in which its stack was in use.
fn stopped_child_keeps_its_frames() {
    let job = Job { entry: stops, data: std::ptr::null_mut(), arg: 0, out_size: 0 };
    beside(|| {
        deep(7, |at| fork(1, move || whole(at)).unwrap().join().unwrap());
        let id = ChildId(5);
        // SAFETY: the entry takes anything, and its memory is the snapshot.
        unsafe { Put::new(id).snap().regs(job).start().call().unwrap() };
        for round in 0..30u32 {
            // SAFETY: nothing is written.
            let found = unsafe { Get::new(id).call().unwrap() };
            assert_eq!(found.state, State::Ret(round));
            COUNT.fetch_add(1, Relaxed);
            // SAFETY: as above.
            unsafe { Put::new(id).snap().start().call().unwrap() };
        }
        // SAFETY: the child changed FINE alone.
        let found = unsafe { Get::new(id).merge().call().unwrap() };
        assert_eq!((found.state, FINE.load(Relaxed)), (State::Returned, 1));
        // SAFETY: children of raw calls, which no handle names.
        unsafe { call::kill(id) }.unwrap();
    });
}

/// Runs `k` children of a closed construct; whether they returned.
fn children(k: usize, body: fn(usize)) -> bool {
    /// # Safety
    /// `body` is a `fn(usize)`.
    unsafe extern "C" fn entry(body: *mut (), i: usize, _out: *mut u8) -> End {
        // SAFETY: `children` passes a function of this type.
        let body = unsafe { std::mem::transmute::<*mut (), fn(usize)>(body) };
        match std::panic::catch_unwind(|| body(i)) {
            Ok(()) => End::Returned,
            Err(_) => End::Panicked,
        }
    }
    let mut closed = Closed::with_capacity(k);
    for i in 0..k {
        let job = Job { entry, data: body as *mut (), arg: i, out_size: 0 };
        closed
            .put(ChildId(i as u32), PutFlags::REGS | PutFlags::SNAP | PutFlags::START, job)
            .expect("the next index");
    }
    // SAFETY: the entry takes what the job gives it, and does not unwind.
    unsafe { closed.get(GetFlags::MERGE) }.is_ok()
}

/// The same at barriers, each of which starts a chain of its own.
fn barriers_keep_frames() {
    beside(|| {
        deep(7, |at| fork(1, move || whole(at)).unwrap().join().unwrap());
        assert!(children(3, |_| assert!(frames_survive(|_| call::barrier().unwrap()))));
    });
}

static LIST: AtomicU64 = AtomicU64::new(0);

/// A nested parent's fresh memory is as it was when a later phase fails.
fn grants_roll_back() {
    fn body(i: usize) {
        let list = LIST.load(Relaxed) as *mut u8;
        // SAFETY: each child writes its own byte of a live vector.
        unsafe { list.add(i * 100_000).write(9) };
        call::barrier().unwrap();
        assert_ne!(i, 1, "expected");
    }
    detpar::join(
        || {
            for size in [300_000, 3 << 20, 20 << 20] {
                let mut list = vec![1u8; size];
                LIST.store(list.as_mut_ptr() as u64, Relaxed);
                assert!(!children(3, body));
                assert!(black_box(&list).iter().all(|&b| b == 1), "{size}");
                list[5] = 2;
                assert!(children(3, |i| if i != 1 {
                    body(i)
                }));
                assert_eq!((list[0], list[5], list[100_000], list[200_000]), (9, 2, 1, 9));
            }
        },
        || (),
    );
}

/// Memory of a child in a far lane belongs to its parent and to its siblings like any other.
fn far_lanes() {
    far();
    scope(|s| s.spawn(|_| far()));
    detpar::join(far, far);
    far();
}

fn far() {
    for size in [100usize, 50_000, 2 << 20, 20 << 20] {
        let children: Vec<_> = (0..20u32)
            .map(|i| fork(i, move || vec![i as u8; if i == 17 { size } else { 10 }]).unwrap())
            .collect();
        let mut children: Vec<_> = children.into_iter().map(Some).collect();
        let mut far = children[17].take().unwrap().join().unwrap();
        far[1] = 100;
        let at = far.as_mut_ptr() as usize;
        let writer = fork(100, move || {
            // SAFETY: the vector is alive in the snapshot.
            unsafe { *(at as *mut u8).add(2) = *(at as *mut u8).add(1) + 1 };
        });
        far[3] = 102;
        writer.unwrap().join().unwrap();
        far[4] = 103;
        for c in children.into_iter().flatten() {
            assert_eq!(c.join().unwrap().len(), 10);
        }
        assert_eq!(far[..6], [17, 100, 101, 102, 103, 17], "{size}");
        far[5] = 1;
        let (a, b) = detpar::join(|| far[5] + far[4], || far.iter().filter(|&&x| x == 17).count());
        assert_eq!((a, b), (104, size - 5));
    }
}

/// More forks than layers are stacked up, with runs and single pages, also in a child.
fn long_chains() {
    fn rounds(n: u64) {
        let mut data = vec![0u64; 200_000];
        let mut waiting = Vec::new();
        for round in 1..=n {
            for x in data.iter_mut().skip((round * 7919 % 5000) as usize).step_by(40_000) {
                *x += round;
            }
            let from = (round * 13 % 17 * 10_000) as usize;
            data[from..from + 9000].iter_mut().for_each(|x| *x ^= round);
            let sum =
                data.iter().enumerate().fold(0, |s: u64, (i, x)| s.wrapping_mul(31) ^ x ^ i as u64);
            let (at, len) = (data.as_ptr() as usize, data.len());
            let c = fork(round as u32, move || {
                // SAFETY: the vector is alive in the snapshot.
                let data = unsafe { std::slice::from_raw_parts(at as *const u64, len) };
                assert_eq!(
                    data.iter()
                        .enumerate()
                        .fold(0, |s: u64, (i, x)| s.wrapping_mul(31) ^ x ^ i as u64),
                    sum
                );
            });
            waiting.push(c.unwrap());
            if round % 3 == 0 {
                waiting.swap_remove((round * 5 % waiting.len() as u64) as usize).join().unwrap();
            }
        }
        waiting.into_iter().for_each(|c| c.join().unwrap());
    }
    rounds(45);
    scope(|s| {
        s.spawn(|_| rounds(25));
        s.spawn(|_| {
            scope(|s| s.spawn(|_| rounds(20)));
        });
    });
}

fn exchange_blocks() -> u64 {
    use std::os::unix::fs::MetadataExt;
    let fds = std::fs::read_dir("/proc/self/fd").expect("descriptors").flatten();
    let files = fds.filter_map(|fd| {
        let name = std::fs::read_link(fd.path()).ok()?.to_str()?.to_owned();
        Some((name, std::fs::metadata(fd.path()).ok()?.blocks()))
    });
    files
        .filter(|(name, _)| name.starts_with("/memfd:") && !name.contains("image"))
        .map(|f| f.1)
        .sum()
}

/// # Safety
/// None: it looks at no argument.
unsafe extern "C" fn counts(_: *mut (), _: usize, _: *mut u8) -> End {
    loop {
        FINE.fetch_add(1, Relaxed);
        call::ret(0).unwrap();
    }
}

/// Snap, start and merge of one child, over and over: layers do not pile up.
fn rounds_of_one_child() {
    let job = Job { entry: counts, data: std::ptr::null_mut(), arg: 0, out_size: 0 };
    FINE.store(0, Relaxed);
    let id = ChildId(5);
    let mut data = vec![0u8; 64 << 12];
    let mut before = 0;
    // SAFETY: the entry takes anything, and its memory is the snapshot.
    unsafe { Put::new(id).snap().regs(job).start().call().unwrap() };
    for round in 1..=600u64 {
        // SAFETY: the child changes FINE alone.
        unsafe { Get::new(id).merge().call().unwrap() };
        assert_eq!(FINE.load(Relaxed), round);
        data.iter_mut().step_by(4096).for_each(|b| *b = round as u8);
        // SAFETY: as above.
        unsafe { Put::new(id).snap().start().call().unwrap() };
        if round == 100 {
            before = exchange_blocks();
        }
    }
    let after = exchange_blocks();
    println!("blocks: {before}, {after}");
    // SAFETY: children of raw calls, which no handle names.
    unsafe { call::kill(id) }.unwrap();
    assert!(after < before + before / 2 + 20_000, "{before} blocks, then {after}");
}

/// The same for a loop of forks beside a child that runs for long, and for several rounds of
/// children that stay.
fn forks_beside_another() {
    let mut data = vec![0u8; 256 << 12];
    let mut before = 0;
    beside(|| {
        let mut last = None;
        for round in 1..=400u32 {
            data.iter_mut().step_by(4096).for_each(|b| *b = round as u8);
            let (at, len) = (data.as_ptr() as usize, data.len());
            let sees = move || {
                // SAFETY: the vector is alive in the snapshot.
                let data = unsafe { std::slice::from_raw_parts(at as *const u8, len) };
                data.iter().step_by(4096).all(|&b| b == round as u8)
            };
            let child = fork(round % 2, sees).unwrap();
            if let Some(c) = last.replace(child) {
                assert!(detpar::Child::join(c).unwrap());
            }
            if round == 100 {
                before = exchange_blocks();
            }
        }
        assert!(last.unwrap().join().unwrap());
        let after = exchange_blocks();
        assert!(after < before + before / 2 + 20_000, "{before} blocks, then {after}");
    });
}
