//! Conflicts on every kind of memory.
use super::*;
use detpar::MergeConflict;
use detpar::prelude::*;

static SHARED: AtomicU64 = AtomicU64::new(0);

/// The conflict of two children that write `SHARED`.
pub fn conflict_of_two() -> MergeConflict {
    conflict(|| SHARED.store(0x1_01, Relaxed), || SHARED.store(2, Relaxed))
}

/// The conflict of two closures.
fn conflict(a: impl FnOnce() + Send, b: impl FnOnce() + Send) -> MergeConflict {
    let e = try_join(a, b).expect_err("both wrote it");
    assert_eq!(e.child(), Some(1));
    let e = get!(Conflict, e);
    if !kernel::master::in_child() {
        println!("    {e}");
    }
    e
}

pub fn conflict_on_a_static() {
    let e = conflict_of_two();
    assert_eq!((e.children(), e.freed()), ((0, 1), (false, false)));
    assert_eq!((e.values(), e.words()), ((0, 1, 2), (0, 0x101, 2)));
    assert_eq!(e.address(), SHARED.as_ptr() as usize);
    match e.what() {
        Place::Static { name: Some(name), library: None, offset: 0, .. } => {
            assert_eq!(name, "errors::conflicts::SHARED");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        e.to_string(),
        "children 0 and 1 both wrote byte 0 of `errors::conflicts::SHARED`: was 0, child 0 wrote \
         1, child 1 wrote 2"
    );
    let report = e.report();
    println!("{report}");
    let address = format!("{:#x}", e.address());
    let bytes = ["was      00 00 00 00", "child 0  01 01 00 00", "= 257 as u64", "child 1  02 00"];
    let title = "error[conflict]: children 0 and 1 both wrote `errors::conflicts::SHARED`\n";
    has(&report, &[title, "byte 0 of `errors::conflicts::SHARED`", &address]);
    has(&report, &bytes);
    assert_eq!(e.clone().report(), report);
}

pub fn conflict_inside_a_static() {
    static MANY: [AtomicU8; 100] = [const { AtomicU8::new(9) }; 100];
    let e = conflict(|| MANY[77].store(1, Relaxed), || MANY[77].store(0, Relaxed));
    has(&e, &["byte 77 of `errors::conflicts::conflict_inside_a_static::MANY`: was 9, child 0"]);
    assert_eq!(e.values(), (9, 1, 0));
}

pub fn conflict_of_equal_values() {
    let e = conflict(|| SHARED.store(5, Relaxed), || SHARED.store(5, Relaxed));
    has(&e, &["child 0 wrote 5, child 1 wrote 5 (equal values conflict as well)"]);
}

pub fn conflict_on_a_heap_block() {
    let block: Vec<AtomicU8> = (0..48).map(|_| AtomicU8::new(0)).collect();
    let e = conflict(|| block[12].store(3, Relaxed), || block[12].store(4, Relaxed));
    match e.what() {
        Place::Heap { offset: 12, len, .. } => assert!((48..=64).contains(&len), "{len}"),
        other => panic!("{other:?}"),
    }
    drop(block);
    has(&e, &["both wrote byte 12 of a heap block of ", " bytes: was 0, child 0 wrote 3, child 1"]);
}

pub fn conflict_on_a_local() {
    let local = AtomicU64::new(7);
    let e = conflict(|| local.store(3, Relaxed), || local.store(4, Relaxed));
    assert!(matches!(e.what(), Place::Stack { .. }), "{:?}", e.what());
    has(&e, &["both wrote a local variable on the stack at 0x", ": was 7, child 0 wrote 3"]);
    assert_eq!(e.address(), local.as_ptr() as usize);
}

pub fn conflict_on_a_thread_local() {
    thread_local!(static OWN: AtomicU64 = const { AtomicU64::new(1) });
    OWN.with(|own| {
        let e = conflict(|| own.store(3, Relaxed), || own.store(4, Relaxed));
        assert!(matches!(e.what(), Place::ThreadLocal { offset: 0, .. }), "{:?}", e.what());
        has(&e, &["byte 0 of the thread-local variable `errors::conflicts", "::OWN`: was 1"]);
    });
}

/// Lets a raw pointer into a closure.
#[derive(Clone, Copy)]
struct Raw(*mut u64);
// SAFETY: children have copies of their own; what they do with it is the test.
unsafe impl Send for Raw {}

impl Raw {
    fn write(self, value: u64) {
        // SAFETY: none: that the other child freed the block is the test.
        unsafe { self.0.add(1).write(value) }
    }
}

pub fn conflict_of_a_free_and_a_write() {
    let mut block = vec![0u64; 5];
    let raw = Raw(block.as_mut_ptr());
    let e = conflict(move || drop(block), move || raw.write(6));
    assert_eq!((e.children(), e.freed()), ((0, 1), (true, false)));
    has(&e, &["child 0 freed a heap block of ", " bytes, child 1 wrote byte 8 of a heap block"]);
    has(&e, &["child 1 wrote 6"]);
    let mut block = vec![0u64; 5];
    let raw = Raw(block.as_mut_ptr());
    let e = conflict(move || raw.write(6), move || drop(block));
    assert_eq!(e.freed(), (false, true));
    has(&e, &["child 1 freed a heap block of ", ", child 0 wrote byte 8 of a", "child 0 wrote 6"]);
}

pub fn conflict_of_two_frees() {
    let mut block = std::mem::ManuallyDrop::new(vec![0u64; 5]);
    let raw = Raw(block.as_mut_ptr());
    let free = move || {
        let raw = raw;
        // SAFETY: the parts of the vector above; that both children free it is the test.
        drop(unsafe { Vec::from_raw_parts(raw.0, 0, 5) });
    };
    let e = conflict(free, free);
    assert_eq!(e.freed(), (true, true));
    has(&e, &["children 0 and 1 both freed a heap block of "]);
    drop(std::mem::ManuallyDrop::into_inner(block));
}

pub fn conflict_of_later_children() {
    let payload = catch_unwind(|| {
        (0..64usize).into_par_iter().with_max_len(1).for_each(|i| {
            if i == 5 || i == 40 || i == 41 {
                SHARED.store(i as u64, Relaxed);
            }
        });
    })
    .expect_err("three wrote it");
    let message = *payload.downcast::<String>().expect("a string");
    has(&message, &["children ", " both wrote byte 0 of `errors::conflicts::SHARED`: was 0"]);
    has(&message, &["wrote 5, ", "wrote 40"]);
}
