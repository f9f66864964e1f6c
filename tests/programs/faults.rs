//! Everything that may go wrong in a child, and the typed error it becomes.
//!
//! Each case runs in the second of two children and prints one line: its name and what
//! `try_join` said. Afterwards the master must be able to fork as before.
use detpar::{JoinError, try_join};
use detpar_tests::program::{self, assert_alive};
use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{FromRawFd, IntoRawFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;

/// What a child does.
type Body = fn();

const BODIES: &[(&str, Body)] = &[
    // Panics.
    ("panic_str", || panic!("a text")),
    ("panic_string", || panic!("number {}", std::hint::black_box(7))),
    ("panic_other", || std::panic::panic_any(42u8)),
    ("panic_unicode", || panic!("{}", "ä∀𝄞".repeat(3))),
    ("panic_index", || ignore(vec![1, 2, 3][std::hint::black_box(4)..].to_vec())),
    ("panic_in_drop", panic_in_drop),
    ("panic_with_refused_destructor", panic_with_refused_destructor),
    ("panic_in_grandchild", || {
        ignore(detpar::join(|| 1, || assert!(std::env::args().count() == 0, "deep")))
    }),
    // Signals.
    ("stack_overflow", || assert!(overflow(1) != 7)),
    ("stack_overflow_in_grandchild", || ignore(detpar::join(|| overflow(1), || 1))),
    ("division", division),
    ("illegal_instruction", illegal_instruction),
    ("breakpoint", breakpoint),
    ("abort", || std::process::abort()),
    ("raise", raise),
    ("null_read", null_read),
    ("null_write", null_write),
    ("wild_write", wild_write),
    ("constant_write", constant_write),
    ("outside_the_image", outside_the_image),
    ("jump_to_nowhere", jump_to_nowhere),
    // Time.
    ("set_clock", set_clock),
    ("timer", timer),
    // Files and the network; the child ignores what the call says.
    ("file_open", || ignore(File::open("/proc/self/stat"))),
    ("file_create", || ignore(File::create("/tmp/detpar-must-not-exist"))),
    ("descriptor_read", descriptor_read),
    ("metadata", || ignore(std::fs::metadata("/"))),
    ("read_dir", || ignore(std::fs::read_dir("/"))),
    ("current_dir", || ignore(std::env::current_dir())),
    ("set_current_dir", || ignore(std::env::set_current_dir("/"))),
    ("unix_socket", || ignore(UnixStream::pair())),
    ("tcp_socket", || ignore(TcpListener::bind("127.0.0.1:0"))),
    ("udp_socket", || ignore(UdpSocket::bind("127.0.0.1:0"))),
    ("pipe", || ignore(std::io::pipe())),
    // Processes, threads, memory.
    ("exit", || std::process::exit(0)),
    ("exit_at_once", exit_at_once),
    ("spawn_thread", || ignore(std::thread::Builder::new().spawn(|| ()))),
    ("command", || ignore(Command::new("/bin/true").status())),
    ("fork", fork),
    ("kill_parent", kill_parent),
    ("kill_group", kill_group),
    ("signal_handler", signal_handler),
    ("map_memory", map_memory),
    ("protect_memory", protect_memory),
    ("unknown_call", unknown_call),
    ("priority", priority),
    // Waiting for what cannot come.
    ("deadlock", deadlock),
    ("deadlock_with_itself", deadlock_with_itself),
    ("receive", || ignore(mpsc::channel::<u8>().1.recv())),
    ("receive_from_the_living", receive_from_the_living),
    ("park", std::thread::park),
    // Allowed: no failure.
    ("process_id", || assert_eq!(std::process::id(), 2)),
    ("yield", std::thread::yield_now),
    ("environment_read", || assert!(std::env::var("PATH").is_ok())),
];

/// Cases of the table in `docs/faults.md` that are not above: the second child runs them.
const MORE: &[(&str, Body)] = &[
    ("bus_error", bus_error),
    ("heap_used_up", heap_used_up),
    ("conflict", || SHARED.store(2, Relaxed)),
    ("computes_for_ever", || {
        loop {
            std::hint::spin_loop();
        }
    }),
    // SAFETY: the number of a file that the master has opened and forgotten.
    ("inherited_file_dropped", || drop(unsafe { File::from_raw_fd(INHERITED.load(Relaxed)) })),
];

/// The child does not look at what it gets.
fn ignore<T>(_: T) {}

/// Cases that say more than one line, each run alone.
const OTHERS: &[program::Case] = &[
    ("sibling_forks_after_a_fault", sibling_forks_after_a_fault),
    ("environment_write", environment_write),
    ("nested_until_the_limit", nested_until_the_limit),
    ("again_after_the_limit", again_after_the_limit),
];

#[detpar::main]
fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, name] = wanted.as_slice()
        && let Some((_, body)) = BODIES.iter().chain(MORE).find(|row| row.0 == name)
        && ["says", "uncaught"].contains(&mode.as_str())
    {
        row(mode == "uncaught", *body);
        return ExitCode::SUCCESS;
    }
    if let [name] = wanted.as_slice()
        && OTHERS.iter().any(|(other, _)| other == name)
    {
        return program::run(OTHERS);
    }
    for (name, body) in BODIES {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            println!("{name}: {}", one(*body));
        }
    }
    ExitCode::SUCCESS
}

static HELD: Mutex<u32> = Mutex::new(0);
static SHARED: AtomicU8 = AtomicU8::new(0);
/// Of a file that the master has open.
static INHERITED: AtomicI32 = AtomicI32::new(-1);

/// A case for the table: both children print, and the second runs it. Says what `try_join`
/// returns, its name first; or fails as `join` does.
fn row(uncaught: bool, body: Body) {
    let _held = HELD.lock().expect("the lock");
    let first = || {
        println!("the first child");
        SHARED.store(1, Relaxed);
    };
    let second = || {
        println!("the second child");
        body();
    };
    map_empty_file();
    let file = File::open("/dev/null").expect("a file").into_raw_fd();
    INHERITED.store(file, Relaxed);
    if uncaught {
        detpar::join(first, second);
        return;
    }
    match try_join(first, second) {
        Ok(_) => {
            // SAFETY: has no memory operands.
            let closed = unsafe { libc::fcntl(file, libc::F_GETFD) } == -1;
            println!("Ok\n{}", if closed { "nothing: the parent's is closed, too" } else { "" });
        }
        Err(e) => {
            let kind = format!("{e:?}");
            let kind = kind.split(['(', ' ', '{']).next().unwrap_or_default().to_owned();
            println!("{kind}\n{e}");
            // SAFETY: as above.
            let open = unsafe { libc::fcntl(file, libc::F_GETFD) } != -1;
            assert!(open, "a failed join closes nothing");
            if matches!(e, JoinError::Killed(_)) {
                // Whoever kills it may go on to kill.
                return;
            }
        }
    }
    assert_alive();
}

/// A page of a file beyond the file's end.
fn bus_error() {
    let at = MAPPED.load(Relaxed) as *const u8;
    // SAFETY: none: the access is meant to fault, in a child.
    unsafe { at.read_volatile() };
}

static MAPPED: AtomicUsize = AtomicUsize::new(0);

/// In the master: maps a page of an empty file.
fn map_empty_file() {
    // SAFETY: a new mapping of a new file.
    unsafe {
        let file = libc::memfd_create(c"empty".as_ptr(), 0);
        let page =
            libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ, libc::MAP_SHARED, file, 0);
        assert!(file >= 0 && page != libc::MAP_FAILED);
        MAPPED.store(page as usize, Relaxed);
    }
}

fn heap_used_up() {
    loop {
        std::hint::black_box(Vec::<u8>::with_capacity(8 << 30)).leak();
    }
}

/// Runs a case in the second child, beside a sibling that goes well.
fn one(body: Body) -> String {
    let held = HELD.lock().expect("the lock");
    let text = String::from("of the parent");
    let mut changed = [0u8; 5000];
    let result = try_join(|| changed.fill(1), body);
    let ok = result.is_ok();
    assert_eq!(text, "of the parent");
    assert!(changed.iter().all(|n| *n == u8::from(ok)));
    drop(held);
    assert_alive();
    told(result.map(drop))
}

fn told(result: Result<(), JoinError>) -> String {
    let Err(failed) = result else { return "ok".into() };
    let child = failed.child().expect("the child that failed");
    match failed {
        JoinError::Fault(f) => {
            let name = f.signal_name().unwrap_or("none".into());
            // The exact address of the guard page depends on the size of a frame.
            let address = match f.address() {
                None => "no address",
                Some(0) => "null",
                Some(_) => "elsewhere",
            };
            format!("fault {name} in {child}, {:?}, {address}", f.kind())
        }
        JoinError::Forbidden(call) => {
            let name = call.name().map_or_else(|| call.number().to_string(), str::to_owned);
            format!("forbidden {name} in {child}")
        }
        JoinError::Panic(p) => {
            let file = p.location().and_then(|l| l.split(':').next()).unwrap_or("nowhere");
            format!("panic in {child}, {:?}, {file}", p.message())
        }
        other => format!("{other:?}"),
    }
}

#[inline(never)]
fn overflow(n: u64) -> u64 {
    let frame = std::hint::black_box([n; 100]);
    if n == u64::MAX { 0 } else { overflow(n + 1) + frame[n as usize % 100] }
}

fn division() {
    // SAFETY: divides by zero, which is a signal and nothing else.
    unsafe {
        std::arch::asm!("xor ecx, ecx", "xor edx, edx", "mov eax, 1", "div ecx",
            out("eax") _, out("ecx") _, out("edx") _);
    }
}

fn illegal_instruction() {
    // SAFETY: an undefined instruction is a signal and nothing else.
    unsafe { std::arch::asm!("ud2") }
}

fn breakpoint() {
    // SAFETY: a breakpoint is a signal and nothing else.
    unsafe { std::arch::asm!("int3") }
}

fn raise() {
    // SAFETY: has no memory operands.
    unsafe { libc::raise(libc::SIGTERM) };
}

fn null_read() {
    // SAFETY: none: the access is meant to fault, in a child.
    unsafe { std::ptr::null::<u32>().read_volatile() };
}

fn null_write() {
    // SAFETY: as above.
    unsafe { std::ptr::null_mut::<u32>().write_volatile(1) }
}

fn wild_write() {
    // SAFETY: as above.
    unsafe { std::ptr::without_provenance_mut::<u32>(0x6000_0000_0000).write_volatile(1) }
}

fn constant_write() {
    static TEXT: [u8; 64] = [b'x'; 64];
    // SAFETY: as above; the text lies in read-only memory.
    unsafe { TEXT.as_ptr().cast_mut().write_volatile(1) }
}

/// Memory of the process that is not part of the image: the arguments on the first stack.
fn outside_the_image() {
    unsafe extern "C" {
        static environ: *const *mut u8;
    }
    // SAFETY: as above; the environment's strings lie on the stack the system made.
    unsafe { (*environ).write_volatile(b'x') }
}

fn jump_to_nowhere() {
    // SAFETY: none: the jump is meant to fault, in a child.
    unsafe {
        let nowhere: extern "C" fn() = std::mem::transmute(std::hint::black_box(0x1000usize));
        nowhere();
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

fn panic_in_drop() {
    let _bomb = Bomb;
    panic!("first");
}

struct Opens;

impl Drop for Opens {
    fn drop(&mut self) {
        assert!(File::open("/proc/self/stat").is_err());
    }
}

fn panic_with_refused_destructor() {
    let _opens = Opens;
    panic!("the first reason counts");
}

fn set_clock() {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the record is alive.
    unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &now) };
}

fn timer() {
    // SAFETY: has no memory operands.
    unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, 0) };
}

fn descriptor_read() {
    let mut bytes = [0u8; 8];
    // SAFETY: a buffer of that size.
    unsafe { libc::read(3, bytes.as_mut_ptr().cast(), bytes.len()) };
}

fn exit_at_once() {
    // SAFETY: ends the process.
    unsafe { libc::_exit(0) }
}

fn fork() {
    // SAFETY: a child that came to be would end at once.
    unsafe {
        if libc::fork() == 0 {
            libc::_exit(1);
        }
    }
}

fn kill_parent() {
    // SAFETY: has no memory operands.
    unsafe { libc::kill(libc::getppid(), libc::SIGKILL) };
}

fn kill_group() {
    // SAFETY: has no memory operands.
    unsafe { libc::kill(0, libc::SIGTERM) };
}

fn signal_handler() {
    // SAFETY: ignoring a signal runs no code.
    unsafe { libc::signal(libc::SIGUSR1, libc::SIG_IGN) };
}

fn map_memory() {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: asks for fresh memory.
    unsafe { libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ, flags, -1, 0) };
}

fn protect_memory() {
    let page = 4096 * (std::hint::black_box(&HELD) as *const _ as usize / 4096);
    let page = std::ptr::without_provenance_mut(page);
    // SAFETY: makes memory no less accessible than it is.
    unsafe { libc::mprotect(page, 4096, libc::PROT_READ | libc::PROT_WRITE) };
}

fn unknown_call() {
    // SAFETY: no such call.
    unsafe { libc::syscall(100_000) };
}

fn priority() {
    // SAFETY: has no memory operands.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 5) };
}

fn deadlock() {
    *HELD.lock().expect("the lock") += 1;
}

fn deadlock_with_itself() {
    let own = Mutex::new(0);
    let first = own.lock();
    let second = own.lock();
    assert!(first.is_ok() != second.is_ok());
}

fn receive_from_the_living() {
    let (sender, receiver) = mpsc::channel::<u8>();
    let _ = receiver.recv();
    drop(sender);
}

/// Children of children of children: the limit is an error of the innermost construct.
fn nested_until_the_limit() {
    fn deeper(level: u32) -> (u32, String) {
        match try_join(|| deeper(level + 1), || Box::new(level)) {
            Ok((end, _)) => end,
            Err(e) => (level, format!("{e:?}")),
        }
    }
    let (level, error) = deeper(1);
    assert!(level > 10 && error.starts_with("Limit"), "{error} at level {level}");
    assert_alive();
}

/// Later constructs do not suffer from one that reached the limit.
fn again_after_the_limit() {
    nested_until_the_limit();
    nested_until_the_limit();
}

/// What became of a child that failed is not lost while its lower sibling forks.
fn sibling_forks_after_a_fault() {
    for round in 0..4u64 {
        let result = try_join(
            || {
                // Gives the sibling time to fail first.
                for i in 0..60_000_000u64 {
                    std::hint::black_box(i);
                }
                for i in 0..3 {
                    let (a, b) = detpar::join(|| Box::new(i), || vec![i; 3000]);
                    assert_eq!((*a, b[2999]), (i, i));
                }
                round
            },
            null_write,
        );
        assert_eq!(told(result.map(drop)), "fault SIGSEGV in 1, Signal, null", "round {round}");
    }
}

/// A child cannot change the parent's environment; what it sets it sees itself at most.
fn environment_write() {
    let result = try_join(
        // SAFETY: one thread in each space.
        || unsafe { std::env::set_var("DETPAR_TEST_VARIABLE", "of the child") },
        || (),
    );
    assert!(std::env::var_os("DETPAR_TEST_VARIABLE").is_none());
    assert!(std::env::var_os("PATH").is_some());
    println!("said: {}", told(result.map(drop)));
    assert_alive();
}
