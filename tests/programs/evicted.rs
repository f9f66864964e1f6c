//! Children that have stopped and leave their workers: more of them than may keep one, or than
//! there can be processes. What they go on with must be what they had.
use detpar_tests::harness::check;
use detpar_tests::program::{self, assert_alive, children, job};
use kernel::abi::{Cause, ChildId, End, GetFlags, PAGE, Perm, PutFlags, State};
use kernel::call::{self, Closed, Get, GetError, Job, Put};
use kernel::master::{evictions, worker_pids};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[detpar::main]
fn main() -> ExitCode {
    program::run(CASES)
}

const CASES: &[(&str, fn())] = &[
    ("met", met),
    ("thousands_meet", thousands_meet),
    ("went_on", went_on),
    ("thousands_stopped", thousands_stopped),
    ("new_computations", new_computations),
    ("new_snapshots", new_snapshots),
    ("permissions", permissions),
    ("parents", parents),
    ("failed", failed),
    ("ended", ended),
    ("at_thread_exit", at_thread_exit),
    ("workers_killed", workers_killed),
];

/// More than may keep their workers.
const MANY: usize = 200;
const CELLS: usize = 8192;
static CELL: [AtomicU64; CELLS] = [const { AtomicU64::new(0) }; CELLS];

fn cell(i: usize) -> u64 {
    CELL[i].load(Relaxed)
}

fn set(i: usize, value: u64) {
    CELL[i].store(value, Relaxed);
}

fn address(i: usize) -> usize {
    CELL[i].as_ptr() as usize
}

fn reset() {
    (0..CELLS).for_each(|i| set(i, 0));
}

/// How many children were evicted while `f` ran.
fn counting(f: impl FnOnce()) -> u64 {
    let before = evictions();
    f();
    evictions() - before
}

fn id(i: usize) -> ChildId {
    ChildId(i as u32)
}

fn put(p: Put) {
    // SAFETY: the ranges are of cells and of memory that the cases own.
    unsafe { p.call() }.expect("a put");
}

/// Starts child `i` at a function, from a new snapshot.
fn start(i: usize, body: fn(usize)) {
    // SAFETY: the entry takes what the job gives it, and does not unwind.
    put(unsafe { Put::new(id(i)).snap().regs(job(body, i)) }.start());
}

fn get(g: Get) -> State {
    // SAFETY: as for `put`.
    unsafe { g.call() }.expect("a get").state
}

fn state(i: usize) -> State {
    get(Get::new(id(i)))
}

fn end_all(n: usize) {
    // SAFETY: children of raw calls, which no handle names.
    (0..n).for_each(|i| unsafe { call::kill(id(i)) }.expect("a child"));
}

/// Says at its thread's end that it was there.
struct AtExit(usize);

impl Drop for AtExit {
    fn drop(&mut self) {
        set(self.0, cell(self.0) + 1);
    }
}

thread_local!(static LOCAL: RefCell<Vec<AtExit>> = const { RefCell::new(Vec::new()) });

/// A hash by std's random keys, which the space's own generator makes.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(1)
}

/// What a child has that stops three times, and finds again.
struct Own {
    i: usize,
    frame: [usize; 1500],
    small: Vec<u64>,
    large: Vec<u64>,
    map: HashMap<u64, u64>,
    numbers: u64,
}

impl Own {
    fn new(i: usize) -> Own {
        LOCAL.with(|l| l.borrow_mut().push(AtExit(2000 + i)));
        let large = if i.is_multiple_of(20) { 200_000 } else { 0 };
        let (small, large) = (vec![i as u64; 40], vec![i as u64; large]);
        Own { i, frame: [i; 1500], small, large, map: HashMap::new(), numbers: 0 }
    }

    /// `inline(never)`: frames of several depths.
    #[inline(never)]
    fn step(&mut self, round: u64) {
        println!("{} {round}", self.i);
        self.frame.iter_mut().for_each(|f| *f += round as usize);
        self.small.push(round);
        self.large.iter_mut().for_each(|n| *n += round);
        self.map.insert(round, self.i as u64);
        self.numbers = self.numbers.rotate_left(7) ^ random();
    }

    fn check(&self, rounds: u64) {
        let sum = (0..rounds).sum::<u64>();
        assert!(self.frame.iter().all(|&f| f == self.i + sum as usize));
        assert_eq!(self.small.len(), 40 + rounds as usize);
        assert!(self.large.iter().all(|&n| n == self.i as u64 + sum));
        assert!((0..rounds).all(|r| self.map[&r] == self.i as u64));
        assert_eq!(LOCAL.with(|l| l.borrow().len()), 1);
    }
}

fn assert_random(n: usize) {
    let mut all: Vec<u64> = (0..n).map(|i| cell(1000 + i)).collect();
    println!("{:x}", all.iter().fold(0u64, |h, a| h.rotate_left(5) ^ a));
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), n);
}

/// Children that meet at barriers.
fn met() {
    static BLOCKS: [AtomicU64; MANY] = [const { AtomicU64::new(0) }; MANY];
    fn body(i: usize) {
        let mut own = Own::new(i);
        for round in 0..3 {
            own.step(round);
            own.check(round + 1);
            set(i, cell((i + 1) % MANY) + round + 1);
            if round == 1 {
                // SAFETY: the parent's box, which this child alone frees.
                drop(unsafe { Box::from_raw(BLOCKS[i].load(Relaxed) as *mut [u64; 100]) });
            }
            call::barrier().unwrap();
            own.check(round + 1);
        }
        set(1000 + i, own.numbers);
    }
    reset();
    for (i, b) in BLOCKS.iter().enumerate() {
        b.store(Box::into_raw(Box::new([i as u64; 100])) as u64, Relaxed);
    }
    let evicted = counting(|| children(MANY, body).unwrap());
    assert!(evicted >= 3 * (MANY as u64 - 129), "{evicted}");
    assert!((0..MANY).all(|i| cell(i) == 6 && cell(2000 + i) == 1));
    assert_random(MANY);
}

/// More of them at once than there can be processes.
fn thousands_meet() {
    fn outer(o: usize) {
        const BODIES: [fn(usize); 3] = [inner::<0>, inner::<1>, inner::<2>];
        children(1000, BODIES[o]).unwrap();
    }
    fn inner<const O: usize>(i: usize) {
        let at = O * 1000 + i;
        set(at, at as u64);
        call::barrier().unwrap();
        let next = cell(O * 1000 + (i + 1) % 1000);
        call::barrier().unwrap();
        set(at, next + 1);
    }
    reset();
    children(3, outer).unwrap();
    for at in 0..3000 {
        assert_eq!(cell(at), (at / 1000 * 1000 + (at + 1) % 1000 + 1) as u64);
    }
    assert!(worker_pids().len() < 400, "{}", worker_pids().len());
}

/// Children that meet once more when their results are there and their threads end.
fn at_thread_exit() {
    struct Meets;
    impl Drop for Meets {
        fn drop(&mut self) {
            call::barrier().unwrap();
        }
    }
    thread_local!(static LAST: Meets = const { Meets });
    /// # Safety
    /// `out` has room for a number.
    unsafe extern "C" fn entry(_: *mut (), i: usize, out: *mut u8) -> End {
        LAST.with(|_| ());
        // SAFETY: the caller's contract.
        unsafe { out.cast::<usize>().write(i * 7 + 1) };
        End::Returned
    }
    let mut closed = Closed::with_capacity(MANY);
    for i in 0..MANY {
        let flags = PutFlags::REGS | PutFlags::SNAP | PutFlags::START;
        let job = Job { entry, data: std::ptr::null_mut(), arg: i, out_size: size_of::<usize>() };
        closed.put(ChildId(i as u32), flags, job).expect("the next index");
    }
    // SAFETY: the entry takes what the job gives it, and does not unwind.
    let done = unsafe { closed.get(GetFlags::MERGE) }.unwrap();
    for i in 0..MANY {
        // SAFETY: each child returned a number.
        assert_eq!(unsafe { done.result(i).cast::<usize>().read_unaligned() }, i * 7 + 1);
    }
}

/// Children that ret, and go on as they are, with what their parent does to them.
fn went_on() {
    fn body(i: usize) {
        let mut own = Own::new(i);
        for round in 0..3 {
            own.step(round);
            set(i, cell(i) * 2 + 1);
            call::ret(round as u32 + 10).unwrap();
            own.check(round + 1);
            assert_eq!(cell(4000 + i), 100 + round);
            assert_eq!(cell(5000 + i), 0);
        }
        set(1000 + i, own.numbers);
    }
    reset();
    (0..MANY).for_each(|i| set(5000 + i, 9));
    let evicted = counting(|| {
        (0..MANY).for_each(|i| start(i, body));
        for round in 0..3u64 {
            for i in 0..MANY {
                let copied = Get::new(id(i)).copy(address(i), 8, address(6000 + i));
                assert_eq!(get(copied), State::Ret(round as u32 + 10), "{i}");
                assert_eq!(cell(6000 + i), (2 << round) - 1);
            }
            for i in 0..MANY {
                set(7000, 100 + round);
                let p = Put::new(id(i)).copy(address(7000), 8, address(4000 + i));
                put(if round == 0 { p.zero(address(5000 + i), 8) } else { p }.start());
            }
        }
        (0..MANY).for_each(|i| assert_eq!(get(Get::new(id(i)).merge()), State::Returned));
    });
    assert!(evicted >= 4 * (MANY as u64 - 129), "{evicted}");
    assert!((0..MANY).all(|i| cell(i) == 7 && cell(2000 + i) == 1));
    assert_random(MANY);
    end_all(MANY);
}

/// More spaces stopped at once than there can be processes.
fn thousands_stopped() {
    const EACH: usize = 1000;
    fn leaf(i: usize) {
        set(i, i as u64 + 1);
        call::ret(i as u32).unwrap();
        set(i, cell(i) * 3);
    }
    fn parent(_: usize) {
        (0..EACH).for_each(|i| start(i, leaf));
        (0..EACH).for_each(|i| assert_eq!(state(i), State::Ret(i as u32)));
        call::ret(1).unwrap();
        (0..EACH).for_each(|i| put(Put::new(id(i)).start()));
        (0..EACH).for_each(|i| assert_eq!(get(Get::new(id(i)).merge()), State::Returned));
        let sum: u64 = (0..EACH).map(cell).sum();
        end_all(EACH);
        (0..EACH).for_each(|i| set(i, 0));
        set(5000, sum);
    }
    for round in 0..2 {
        reset();
        (0..2).for_each(|p| start(p, parent));
        (0..2).for_each(|p| assert_eq!(state(p), State::Ret(1)));
        assert!(worker_pids().len() < 400, "{}", worker_pids().len());
        (0..2).for_each(|p| put(Put::new(id(p)).start()));
        for p in 0..2 {
            let copied = Get::new(id(p)).copy(address(5000), 8, address(5001 + p));
            assert_eq!(get(copied), State::Returned);
            assert_eq!(cell(5001 + p), 3 * (EACH * (EACH + 1) / 2) as u64, "{round}");
        }
        end_all(2);
    }
}

/// A new computation in the memory of a child that has returned, or gives up what it did.
fn new_computations() {
    fn first(i: usize) {
        set(i, cell(i) + 5);
        if i.is_multiple_of(2) {
            call::ret(1).unwrap();
            unreachable!("given up");
        }
    }
    fn second(i: usize) {
        set(i, cell(i) * 10);
        call::ret(2).unwrap();
        set(i, cell(i) + 1);
    }
    reset();
    (0..MANY).for_each(|i| start(i, first));
    for i in 0..MANY {
        let expected = if i.is_multiple_of(2) { State::Ret(1) } else { State::Returned };
        assert_eq!(state(i), expected);
    }
    for i in 0..MANY {
        // SAFETY: as in `start`.
        put(unsafe { Put::new(id(i)).regs(job(second, i)) });
    }
    (0..MANY).for_each(|i| assert_eq!(state(i), State::Created));
    (0..MANY).for_each(|i| put(Put::new(id(i)).start()));
    (0..MANY).for_each(|i| assert_eq!(state(i), State::Ret(2)));
    (0..MANY).for_each(|i| put(Put::new(id(i)).start()));
    (0..MANY).for_each(|i| assert_eq!(get(Get::new(id(i)).merge()), State::Returned));
    assert!((0..MANY).all(|i| cell(i) == 51));
    end_all(MANY);
}

/// New snapshots of children that stand at a ret, and of such that never ran. Frames and
/// thread-local storage stay; what they had on the heap is gone.
fn new_snapshots() {
    fn body(i: usize) {
        thread_local!(static TIMES: Cell<usize> = const { Cell::new(0) });
        let mut frame = [i; 1500];
        for round in 0..3 {
            // What they wrote before is forgotten with the snapshot, but for the last.
            assert_eq!((cell(i), cell(4000)), (round, round));
            frame.iter_mut().for_each(|f| *f += 1);
            TIMES.set(TIMES.get() + i);
            set(i, 77);
            call::ret(0).unwrap();
        }
        assert!(frame.iter().all(|&f| f == i + 3));
        assert_eq!(TIMES.get(), 3 * i);
        set(i, cell(i) + 1000);
    }
    reset();
    (0..MANY).for_each(|i| put(Put::new(id(i))));
    (0..MANY).for_each(|i| assert_eq!(state(i), State::Created));
    (0..MANY).for_each(|i| start(i, body));
    for round in 0..3u64 {
        (0..MANY).for_each(|i| assert_eq!(state(i), State::Ret(0)));
        (0..MANY).for_each(|i| set(i, round + 1));
        set(4000, round + 1);
        (0..MANY).for_each(|i| put(Put::new(id(i)).snap().start()));
    }
    (0..MANY).for_each(|i| assert_eq!(get(Get::new(id(i)).merge()), State::Returned));
    assert!((0..MANY).all(|i| cell(i) == 1003));
    end_all(MANY);
}

/// Permissions go along.
fn permissions() {
    let mut memory = vec![1u8; 3 * PAGE];
    let page = (memory.as_mut_ptr() as usize).next_multiple_of(PAGE);
    fn body(i: usize) {
        call::ret(0).unwrap();
        call::ret(1).unwrap();
        // SAFETY: a byte of the parent's memory, whose copy this child has.
        unsafe { (cell(0) as usize as *mut u8).write_volatile(i as u8) };
    }
    reset();
    set(0, page as u64);
    (0..MANY).for_each(|i| start(i, body));
    (0..MANY).for_each(|i| assert_eq!(state(i), State::Ret(0)));
    for i in 0..MANY {
        let perm = if i.is_multiple_of(2) { Perm::Read } else { Perm::ReadWrite };
        put(Put::new(id(i)).perm(page, PAGE, perm).start());
    }
    (0..MANY).for_each(|i| assert_eq!(state(i), State::Ret(1)));
    (0..MANY).for_each(|i| put(Put::new(id(i)).start()));
    for i in 0..MANY {
        match (i % 2, state(i)) {
            (0, State::Exception(Cause::Fault(f))) => assert_eq!(f.address, page as u64),
            (1, State::Returned) => {}
            other => panic!("{other:?}"),
        }
    }
    end_all(MANY);
}

/// Children with children of their own keep their workers; those below do not.
fn parents() {
    fn leaf(i: usize) {
        call::ret(3).unwrap();
        set(i, 6);
    }
    fn body(i: usize) {
        start(0, leaf);
        set(i, 2);
        call::ret(1).unwrap();
        assert_eq!(state(0), State::Ret(3));
        put(Put::new(id(0)).start());
        call::ret(2).unwrap();
        assert_eq!(get(Get::new(id(0)).merge()), State::Returned);
        end_all(1);
        call::ret(cell(0) as u32).unwrap();
        set(i, cell(i) + 1);
    }
    reset();
    (1..MANY).for_each(|i| start(i, body));
    for code in [1, 2, 6] {
        (1..MANY).for_each(|i| assert_eq!(state(i), State::Ret(code)));
        (1..MANY).for_each(|i| put(Put::new(id(i)).start()));
    }
    for i in 1..MANY {
        let copied = Get::new(id(i)).copy(address(i), 8, address(4000));
        assert_eq!(get(copied), State::Returned);
        assert_eq!(cell(4000), 3);
        // SAFETY: a child of raw calls, which no handle names.
        unsafe { call::kill(id(i)) }.expect("a child");
    }
}

/// All or nothing, with evicted children below and above the one that fails.
fn failed() {
    fn body(i: usize) {
        set(i, 1);
        call::barrier().unwrap();
        set(i, 2);
        call::barrier().unwrap();
        assert_ne!(i, 150);
        call::barrier().unwrap();
    }
    reset();
    let evicted = counting(|| match children(MANY, body) {
        Err(GetError::Child(f)) => {
            assert_eq!((f.failure.child, f.failure.cause), (150, Cause::Panic))
        }
        other => panic!("{other:?}"),
    });
    assert!(evicted > 2 * (MANY as u64 - 129), "{evicted}");
    assert!((0..MANY).all(|i| cell(i) == 0));
    assert_alive();
}

/// Killed while they are nowhere: nothing is left, and their numbers are free.
fn ended() {
    fn body(i: usize) {
        set(i, 1);
        call::ret(0).unwrap();
    }
    reset();
    for round in 0..3 {
        (0..MANY).for_each(|i| start(i, body));
        (0..MANY).for_each(|i| assert_eq!(state(i), State::Ret(0)));
        if round == 1 {
            (0..MANY).for_each(|i| put(Put::new(id(i)).start()));
        }
        end_all(MANY);
    }
    assert!((0..MANY).all(|i| cell(i) == 0));
    assert_alive();
}

/// Who kills all workers kills the children that have one, and no others.
fn workers_killed() {
    fn body(i: usize) {
        set(i, i as u64);
        call::ret(1).unwrap();
        set(i, cell(i) + 1);
    }
    for _ in 0..3 {
        reset();
        (0..MANY).for_each(|i| start(i, body));
        (0..MANY).for_each(|i| assert_eq!(state(i), State::Ret(1)));
        for pid in worker_pids() {
            // SAFETY: has no memory operands; a living worker of this process.
            check(unsafe { libc::kill(pid, libc::SIGKILL) }).expect("a worker");
        }
        let mut killed = 0;
        for i in 0..MANY {
            // A put of a child that is known to be dead is refused.
            // SAFETY: no ranges.
            let _ = unsafe { Put::new(id(i)).start().call() };
        }
        for i in 0..MANY {
            match get(Get::new(id(i))) {
                State::Exception(Cause::Killed { signal: libc::SIGKILL }) => killed += 1,
                State::Returned => {
                    assert_eq!(get(Get::new(id(i)).merge()), State::Returned);
                    assert_eq!(cell(i), i as u64 + 1);
                }
                other => panic!("{i}: {other:?}"),
            }
        }
        // Without eviction it would be all; some may have been about to leave.
        assert!(killed < MANY, "{killed}");
        end_all(MANY);
    }
    assert_alive();
}
