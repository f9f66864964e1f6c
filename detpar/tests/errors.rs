//! Every way in which a join can fail, produced for real. Without the standard harness, which
//! starts threads: the tests run one after another in the master space.
use detpar::error::{FaultKind, LimitKind, Place};
use detpar::{JoinError, try_join};
use std::error::Error;
use std::hint::black_box;
use std::panic::{self, AssertUnwindSafe, catch_unwind, panic_any};
use std::process::{self, Command, ExitCode};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[path = "errors/conflicts.rs"]
mod conflicts;
use conflicts::*;

fn main() -> ExitCode {
    detpar::__private::main(run)
}

macro_rules! tests {
    ($($name:ident)*) => { [$((stringify!($name), $name as fn())),*] };
}

fn run() -> ExitCode {
    let tests = tests! {
        conflict_on_a_static
        conflict_inside_a_static
        conflict_of_equal_values
        conflict_on_a_heap_block
        conflict_on_a_local
        conflict_on_a_thread_local
        conflict_of_a_free_and_a_write
        conflict_of_two_frees
        conflict_of_later_children
        panic_with_a_str
        panic_with_a_string
        panic_with_another_payload
        panics_continue_in_the_parent
        other_failures_panic_at_the_callers_line
        null_pointer
        wild_pointer
        stack_overflow
        arithmetic_error
        abort
        deadlock
        read_only_memory
        memory_outside_of_the_image
        clock
        clock_by_a_raw_call
        call_deep_in_a_library
        far_from_the_call
        files
        exit
        unknown_call
        nested_too_deep
        heap_exhausted
        killed_from_outside
        foreign_threads
        lowest_index_first
        errors_of_errors
        printing_in_a_child
        errors_cross_spaces
        closures_are_dropped_once
        deterministic_functions
    };
    let filter = std::env::args().nth(1).unwrap_or_default();
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in tests.into_iter().filter(|t| t.0.contains(&filter)) {
        let ok = catch_unwind(test).is_ok();
        println!("test {name} ... {}", if ok { "ok" } else { "FAILED" });
        *if ok { &mut passed } else { &mut failed } += 1;
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The failure of a child that does this beside one that does nothing.
fn failure<R: Send>(body: impl FnOnce() -> R + Send) -> JoinError {
    let e = try_join(body, || ()).map(drop).expect_err("the child fails");
    assert_eq!(e.child(), Some(0));
    println!("    {:.300}", e.to_string());
    e
}

/// The variant's content.
macro_rules! get {
    ($variant:ident, $e:expr) => {
        match $e {
            JoinError::$variant(content) => content,
            other => panic!("{other:?}"),
        }
    };
}
pub(crate) use get;

/// Asserts that a text has these parts, in this order.
#[track_caller]
fn has(text: &impl ToString, parts: &[&str]) {
    let text = text.to_string();
    let mut rest = text.as_str();
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => panic!("no {part:?} in {text:?}"),
        }
    }
}

/// `file:line` of the line that many lines below.
macro_rules! below {
    ($lines:expr) => {
        format!("{}:{}:", file!(), line!() + $lines)
    };
}

fn panic_with_a_str() {
    let at = below!(1);
    let e = get!(Panic, failure(|| panic!("plain")));
    assert_eq!((e.child(), e.message()), (0, Some("plain")));
    assert!(e.location().is_some_and(|l| l.starts_with(&at)), "{:?}", e.location());
    has(&e, &["child 0 panicked at ", &at, ": plain"]);
}

fn panic_with_a_string() {
    let e = get!(Panic, failure(|| panic!("number {}", black_box(5))));
    assert_eq!(e.message(), Some("number 5"));
    let long = "x".repeat(100_000);
    let e = try_join(|| panic!("{long}"), || ()).map(|((), ())| ());
    let e = get!(Panic, e.expect_err("panics"));
    assert_eq!(e.message(), Some(long.as_str()));
}

fn panic_with_another_payload() {
    let at = below!(1);
    let e = get!(Panic, failure(|| panic_any(5)));
    assert_eq!(e.message(), None);
    has(&e, &["child 0 panicked at ", &at, ": non-string payload"]);
}

/// The payload and the place of the panic, as the hook sees it.
fn panic_of(body: impl FnOnce()) -> (String, Option<String>) {
    static SEEN: Mutex<Option<String>> = Mutex::new(None);
    let hook = Arc::new(panic::take_hook());
    let of_children = Arc::clone(&hook);
    panic::set_hook(Box::new(move |info| {
        if kernel::master::in_child() {
            return of_children(info);
        }
        *SEEN.lock().unwrap_or_else(PoisonError::into_inner) =
            info.location().map(|l| l.to_string());
    }));
    let payload = catch_unwind(AssertUnwindSafe(body)).expect_err("it panics");
    panic::set_hook(Box::new(move |info| hook(info)));
    let message = *payload.downcast::<String>().expect("a string");
    (message, SEEN.lock().unwrap_or_else(PoisonError::into_inner).take())
}

fn panics_continue_in_the_parent() {
    let join = || _ = detpar::join(|| 1, || panic!("of a {}", "child"));
    // Continued, not raised again: the parent's hook has nothing to say.
    assert_eq!(panic_of(join), ("of a child".into(), None));
}

fn other_failures_panic_at_the_callers_line() {
    let at = below!(1);
    let (message, seen) = panic_of(|| _ = detpar::join(|| 1, || process::abort()));
    has(&message, &["child 1 ended by SIGABRT"]);
    assert!(seen.as_ref().is_some_and(|s| s.starts_with(&at)), "{seen:?}");
    let (inner, at) = (below!(1), below!(1));
    let (message, seen) = panic_of(|| _ = detpar::join(|| panic_any(5), || 1));
    has(&message, &["child 0 panicked at ", &inner, ": non-string payload"]);
    assert!(seen.as_ref().is_some_and(|s| s.starts_with(&at)), "{seen:?}");
}

/// Takes a while.
fn work(turns: u64) {
    for n in 0..turns {
        black_box(n);
    }
}

/// Reads memory in user code, not in a function of std.
#[inline(always)]
fn read(address: usize) -> u64 {
    // SAFETY: none: what a bad access leads to is the test.
    black_box(unsafe { *black_box(address as *const u64) })
}

/// Writes memory in user code, not in a function of std.
#[inline(always)]
fn write(address: usize) {
    // SAFETY: none: what a bad access leads to is the test.
    unsafe { *black_box(address as *mut u8) = 1 }
}

fn null_pointer() {
    let e = get!(Fault, failure(|| read(8)));
    assert_eq!((e.kind(), e.signal(), e.address()), (FaultKind::Signal, Some(11), Some(8)));
    assert_eq!((e.signal_name().as_deref(), e.code()), (Some("SIGSEGV"), 1));
    let location = e.location().expect("tests have debug information");
    assert!(location.starts_with(&format!("{}:", file!())), "{location}");
    has(&e.function().expect("tests have symbols"), &["errors::"]);
    has(&e, &["child 0 used a null pointer (SIGSEGV at 0x8) at ", &location]);
    assert_ne!(e.instruction(), 0);
}

fn wild_pointer() {
    let e = get!(Fault, failure(|| read(0x5000_0000_0000)));
    assert_eq!(e.address(), Some(0x5000_0000_0000));
    assert!(matches!(e.what(), Some(Place::Unknown { .. })), "{e:?}");
    has(&e, &["child 0 could not access the byte at 0x500000000000 (SIGSEGV) at ", file!()]);
    let e = get!(Fault, failure(|| read(1 << 63)));
    assert_eq!(e.address(), None);
    has(&e, &["child 0 used a wild pointer (SIGSEGV) at ", file!()]);
}

fn stack_overflow() {
    fn deeper(n: u64) -> u64 {
        let room = black_box([n; 1 << 10]);
        if n == u64::MAX { 0 } else { deeper(black_box(n + 1)) + room[(n % 1024) as usize] }
    }
    let e = get!(Fault, failure(|| deeper(0)));
    assert_eq!(e.kind(), FaultKind::StackOverflow);
    has(&e, &["stack overflow in child 0", "recurse less deep"]);
}

fn arithmetic_error() {
    let raise = || {
        // SAFETY: none: a division by zero that the compiler does not check, as C has it.
        unsafe {
            std::arch::asm!("div {0}", in(reg) 0u64, inout("rax") 1u64 => _, inout("rdx") 0u64 => _)
        }
    };
    let e = get!(Fault, failure(raise));
    assert_eq!((e.signal_name().as_deref(), e.address()), (Some("SIGFPE"), None));
    has(&e, &["child 0 ended by SIGFPE, an arithmetic error at ", file!()]);
}

fn abort() {
    let e = get!(Fault, failure(|| process::abort()));
    assert_eq!((e.signal_name().as_deref(), e.address()), (Some("SIGABRT"), None));
    has(&e, &["child 0 ended by SIGABRT, an abort at ", file!()]);
}

fn deadlock() {
    static LOCK: Mutex<u32> = Mutex::new(0);
    let held = LOCK.lock().expect("no panic holds it");
    let e = get!(Fault, failure(|| *LOCK.lock().expect("never")));
    drop(held);
    assert_eq!((e.kind(), e.signal()), (FaultKind::Deadlock, None));
    assert!(e.location().is_some_and(|l| l.starts_with(file!())), "{:?}", e.location());
    has(&e, &["child 0 waits for a lock that its parent holds (byte 0 of `errors::", "LOCK`)"]);
    assert_eq!(e.address(), Some(&raw const LOCK as usize));
}

fn read_only_memory() {
    static TABLE: [u8; 64] = [7; 64];
    let at = &raw const TABLE[3] as usize;
    let e = get!(Fault, failure(|| write(at)));
    assert_eq!((e.kind(), e.address()), (FaultKind::OutsideImage, Some(at)));
    has(&e, &["child 0 touched byte 3 of `errors::", "TABLE`, which is read-only", file!()]);
}

fn memory_outside_of_the_image() {
    let (rw, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    // SAFETY: a fresh mapping, which nothing else uses.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), 4096, rw, kind, -1, 0) } as usize;
    write(at);
    let e = get!(Fault, failure(|| write(at)));
    assert_eq!((e.kind(), e.address()), (FaultKind::OutsideImage, Some(at)));
    has(&e, &["child 0 touched the byte at 0x", "not part of the image", file!()]);
    // SAFETY: mapped above.
    unsafe { libc::munmap(at as *mut libc::c_void, 4096) };
}

fn clock() {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the record is alive; the call is refused.
    let set = || unsafe { libc::clock_settime(libc::CLOCK_BOOTTIME, &now) };
    let e = get!(Forbidden, failure(set));
    assert_eq!((e.child(), e.number()), (0, libc::SYS_clock_settime));
    assert_eq!((e.name(), e.arguments()[0]), (Some("clock_settime"), libc::CLOCK_BOOTTIME as u64));
    has(
        &e,
        &["child 0 called clock_settime(7, ptr) at ", file!(), ", which confinement refuses: "],
    );
    assert!(e.remedy().ends_with("set it in the master"));
}

fn clock_by_a_raw_call() {
    let call = || {
        // SAFETY: the call writes to no memory: it is refused.
        unsafe {
            std::arch::asm!("syscall", inout("rax") libc::SYS_alarm => _, in("rdi") 0, out("rcx") _, out("r11") _)
        }
    };
    let e = get!(Forbidden, failure(call));
    let location = e.location().expect("tests have debug information");
    assert!(location.starts_with(&format!("{}:", file!())), "{location}");
    has(&e.function().expect("tests have symbols"), &["clock_by_a_raw_call"]);
    has(&e, &["child 0 called alarm(0) at ", &location, ", which confinement refuses: timers end"]);
}

fn files() {
    let e = get!(Forbidden, failure(|| std::fs::read("/etc/hostname").is_ok()));
    has(&e, &["child 0 called openat(AT_FDCWD, \"/etc/hostname\", 0x80000, 0x0) at ", file!()]);
    assert_eq!(e.text(), Some("/etc/hostname"));
    assert!(e.function().is_some_and(|f| f.contains("errors::files::")), "{:?}", e.function());
}

/// The line that the program's own code has on the way to a call deep inside of libraries.
fn call_deep_in_a_library() {
    let e = get!(Forbidden, failure(|| std::thread::spawn(|| ()).join().is_ok()));
    has(&e, &["child 0 called ", " at ", file!(), ", which confinement refuses: "]);
}

/// What the caller has on its stack does not hide it.
fn far_from_the_call() {
    #[inline(never)]
    fn deeper(n: u32) -> u32 {
        let frame = black_box([n; 300]);
        if n == 0 { std::fs::read_dir("/").is_ok() as u32 } else { deeper(n - 1) + frame[7] }
    }
    let e = get!(Forbidden, failure(|| deeper(black_box(40))));
    let location = e.location().expect("tests have debug information");
    assert!(location.starts_with(&format!("{}:", file!())), "{location}");
    assert!(e.function().is_some_and(|f| f.ends_with("far_from_the_call::deeper")));
}

fn exit() {
    // SAFETY: ends the process at once; that it does not is the test.
    let e = get!(Forbidden, failure(|| unsafe { libc::_exit(3) }));
    has(&e, &["child 0 called exit_group(3) at ", file!(), "the master alone ends the program"]);
    let e = get!(Forbidden, failure(|| process::exit(4)));
    has(&e, &["child 0 called exit_group(4) at ", file!(), "the master alone ends the program"]);
}

fn unknown_call() {
    // SAFETY: no such call; it is refused.
    let e = get!(Forbidden, failure(|| unsafe { libc::syscall(5000, 1, 2) }));
    assert_eq!((e.name(), e.number()), (None, 5000));
    has(&e, &["child 0 called system call 5000 at ", file!(), "make it in the master"]);
}

fn nested_too_deep() {
    fn nest(depth: u32) -> (u32, JoinError) {
        match try_join(|| nest(depth + 1), || ()) {
            Ok((inner, ())) => inner,
            Err(e) => (depth, e),
        }
    }
    let (depth, e) = nest(0);
    println!("    at depth {depth}: {e}");
    let e = get!(Limit, e);
    // Each child has a part of its parent's heap addresses; those may be used up first.
    match e.kind() {
        LimitKind::Depth => has(&e, &["spaces are nested too deep: fork wider"]),
        LimitKind::Heap => has(&e, &["heap", "nest spaces less deep"]),
        other => panic!("{other:?}"),
    }
}

fn heap_exhausted() {
    let e = get!(
        Limit,
        failure(|| {
            loop {
                black_box(Vec::<u8>::with_capacity(1 << 36)).leak();
            }
        })
    );
    assert_eq!((e.kind(), e.child()), (LimitKind::Heap, 0));
    has(&e, &["the addresses of child 0's heap are used up: allocate less"]);
}

fn killed_from_outside() {
    assert!(try_join(|| (), || ()).is_ok());
    let pids: Vec<String> = kernel::master::worker_pids().iter().map(i32::to_string).collect();
    let script = format!("sleep 0.2; kill -9 {}", pids.join(" "));
    let mut killer = Command::new("sh").args(["-c", &script]).spawn().expect("a shell");
    let e = get!(Killed, failure(|| work(1 << 36)));
    killer.wait().expect("it ends");
    assert_eq!((e.child(), e.signal(), e.signal_name().as_deref()), (0, Some(9), Some("SIGKILL")));
    has(&e, &["the worker of child 0 was killed from outside (SIGKILL)"]);
    assert!(try_join(|| (), || ()).is_ok(), "other workers take over");
}

fn foreign_threads() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || _ = wait.recv_timeout(Duration::from_secs(20)));
    let e = try_join(|| 1, || 2).expect_err("a thread is alive");
    drop(done);
    thread.join().expect("it ends");
    assert_eq!(e.child(), None);
    let e = get!(Unsupported, e);
    assert_eq!(e.os_error(), None);
    has(&e, &["1 other thread(s)", "end them before the call"]);
}

fn lowest_index_first() {
    for _ in 0..3 {
        let e = try_join(|| work(50_000), || panic!("second"));
        assert_eq!(get!(Panic, e.expect_err("panics")).child(), 1);
        let slow = || -> u32 {
            work(50_000);
            panic!("first")
        };
        let e = try_join(slow, || -> u32 { panic!("second") }).expect_err("panics");
        assert_eq!(get!(Panic, e).message(), Some("first"));
    }
}

fn errors_of_errors() {
    let e = failure(|| panic!("inner"));
    let boxed: Box<dyn Error + Send + Sync> = Box::new(e.clone());
    assert_eq!(boxed.to_string(), e.to_string());
    assert!(boxed.downcast_ref::<JoinError>().is_some() && boxed.source().is_none());
    assert!(format!("{e:?}").contains("inner"));
}

/// What a child knows of a failure of its own children makes no call of the system.
fn printing_in_a_child() {
    let body = || {
        let texts = [
            conflict_of_two().to_string(),
            conflict_of_two().report(),
            try_join(|| read(8), || ()).expect_err("faults").to_string(),
            try_join(|| std::fs::read("/").is_ok(), || ()).expect_err("refused").to_string(),
            try_join(|| -> () { process::abort() }, || ()).expect_err("aborts").to_string(),
        ];
        println!("    {}", texts[0]);
        texts
    };
    let (texts, ()) = try_join(body, || ()).expect("printing is allowed");
    has(
        &texts[0],
        &["children 0.0 and 0.1 both wrote a static variable at offset 0x", "of the program"],
    );
    has(&texts[1], &["error[conflict]: children 0.0 and 0.1 both wrote", "aligned 8 bytes", "u64"]);
    assert_eq!(texts[2], "child 0 used a null pointer (SIGSEGV at 0x8)");
    has(&texts[3], &["child 0 called openat(AT_FDCWD, \"/\", ", "which confinement refuses"]);
    has(&texts[4], &["child 0 ended by SIGABRT, an abort in libc"]);
}

/// A child's result can hold an error; the master then knows the names.
fn errors_cross_spaces() {
    let ((conflict, text), ()) = try_join(
        || {
            let conflict = conflict_of_two();
            let text = conflict.to_string();
            (conflict, text)
        },
        || (),
    )
    .expect("a result");
    has(&text, &["at offset"]);
    has(&conflict, &["both wrote byte 0 of `errors::conflicts::SHARED`"]);
}

fn closures_are_dropped_once() {
    struct Counted<'a>(&'a AtomicUsize);
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.store(self.0.load(Relaxed) + 1, Relaxed);
        }
    }
    static SHARED: AtomicU8 = AtomicU8::new(0);
    type Body = fn();
    let bodies: [Body; 6] = [
        || panic!("one"),
        || panic_any(1),
        || _ = read(8),
        || _ = std::fs::read("/"),
        || SHARED.store(2, Relaxed),
        || (),
    ];
    for (i, body) in bodies.into_iter().enumerate() {
        let (a, b) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (first, second) = (Counted(&a), Counted(&b));
        let fails = try_join(
            move || {
                let _own = first;
                SHARED.store(1, Relaxed);
            },
            move || {
                let _own = second;
                body();
            },
        )
        .is_err();
        assert_eq!(fails, i < 5);
        assert_eq!((a.load(Relaxed), b.load(Relaxed)), (1, 1), "case {i}");
        assert_eq!(SHARED.load(Relaxed), u8::from(!fails));
    }
}

fn deterministic_functions() {
    #[detpar::deterministic]
    fn fails(how: u32) -> Result<u32, Box<dyn Error + Send + Sync>> {
        match how {
            0 => Ok(1),
            1 => Err("its own error".into()),
            2 => panic!("its panic"),
            _ => Ok(read(8) as u32),
        }
    }
    #[detpar::deterministic]
    fn panics() -> u64 {
        read(8)
    }
    assert_eq!(fails(0).ok(), Some(1));
    has(&fails(1).expect_err("fails"), &["its own error"]);
    has(&fails(2).expect_err("fails"), &["child 0 panicked at ", file!(), "its panic"]);
    has(&fails(3).expect_err("fails"), &["child 0 used a null pointer"]);
    let (message, seen) = panic_of(|| _ = panics());
    has(&message, &["child 0 used a null pointer (SIGSEGV at 0x8) at ", file!()]);
    assert!(seen.is_some_and(|s| s.starts_with(file!())));
}
