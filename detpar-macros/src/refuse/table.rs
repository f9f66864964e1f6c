//! What deterministic code may not name, as data: groups with reasons, and their rows.
//!
//! The macro matches the rows by name, the linter also hands them to clippy, which knows types.
//! What is deterministic in a child is not listed: hash maps (their keys are seeded), reading an
//! atomic of the snapshot, `OnceLock` and `LazyLock` (whoever comes first computes the same).

/// A kind of nondeterminism; its name is what `allow(...)` takes.
#[derive(Debug)]
pub(crate) struct Group {
    /// As `#[deterministic(allow(...))]` takes it.
    pub name: &'static str,
    /// What a member of the group does, after its name.
    pub reason: &'static str,
    /// What to do instead.
    pub instead: &'static str,
}

/// All groups, in the order in which messages list them.
pub(crate) const GROUPS: &[&Group] = &[
    &CLOCK,
    &THREADS,
    &RANDOM,
    &ATOMICS,
    &LOCKS,
    &ENV,
    &PROCESS,
    &FILES,
    &NETWORK,
    &ADDRESSES,
    &STATIC_MUT,
    &HARDWARE,
    &ASYNC,
];

const CLOCK: Group = Group {
    name: "clock",
    reason: "reads a clock or waits for one, and the machine's clock does not reach a child",
    instead: "read the clock in the master and pass the time as an argument",
};

const THREADS: Group = Group {
    name: "threads",
    reason: "starts, stops or counts threads, which a child has none of",
    instead: "use detpar::join, detpar::scope or detpar's parallel iterators",
};

const RANDOM: Group = Group {
    name: "random",
    reason: "draws random numbers that are not part of the input",
    instead: "pass a generator with a fixed seed, such as StdRng::seed_from_u64(seed)",
};

const ATOMICS: Group = Group {
    name: "atomics",
    reason: "is for memory that threads share; children share none, and two that change one \
             atomic conflict or lose a change",
    instead: "return a value from each child, or reduce with a parallel iterator",
};

const LOCKS: Group = Group {
    name: "locks",
    reason: "orders threads that share memory; children share none, so that it protects nothing \
             between them",
    instead: "return a value from each child, or give each child `&mut` to a part of its own",
};

const ENV: Group = Group {
    name: "env",
    reason: "reads or changes the environment of the process",
    instead: "read it in the master and pass the value as an argument",
};

const PROCESS: Group = Group {
    name: "process",
    reason: "starts, ends or identifies processes, which only the master may do",
    instead: "return a value or an error, and act on it in the master",
};

const FILES: Group = Group {
    name: "files",
    reason: "reads or writes files, of which a child has those that the master put into detpar::fs",
    instead: "read in the master and pass the contents as an argument, and write there what is returned",
};

const NETWORK: Group = Group {
    name: "network",
    reason: "talks to the network",
    instead: "do that in the master and pass what arrived as an argument",
};

pub(super) const ADDRESSES: Group = Group {
    name: "addresses",
    reason: "makes a number or text of an address, which is not part of the input",
    instead: "use an index or an id, or compare by std::ptr::eq",
};

pub(super) const STATIC_MUT: Group = Group {
    name: "static_mut",
    reason: "keeps state between calls, so that the result does not depend on the arguments alone",
    instead: "pass the state as an argument",
};

const HARDWARE: Group = Group {
    name: "hardware",
    reason: "runs instructions whose answers may differ from run to run or between machines",
    instead: "use library functions",
};

pub(super) const ASYNC: Group = Group {
    name: "async",
    reason: "runs when and where an executor polls it",
    instead: "block on futures in the master and pass their values as arguments",
};

/// What a row names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A function, or a method named by its type.
    Function,
    /// A type; whatever is below it, too.
    Type,
    /// A module; everything in it.
    Module,
    /// A macro.
    Macro,
}

/// Names that lie side by side. A path in a program means one of them where it is the whole
/// path or an end of it that holds the name. A name of one word is one that says enough where it
/// is called by itself, as after a `use` that nobody sees here.
#[derive(Debug)]
pub(crate) struct Row {
    /// Why they are refused.
    pub group: &'static Group,
    /// What they are.
    pub kind: Kind,
    /// The path before the names.
    pub within: &'static str,
    /// The names: one or more segments, the least that tell them from others.
    pub names: &'static [&'static str],
}

const fn row(
    group: &'static Group,
    kind: Kind,
    within: &'static str,
    names: &'static [&'static str],
) -> Row {
    Row { group, kind, within, names }
}

/// All rows.
pub(crate) const ROWS: &[Row] = {
    use Kind::*;
    &[
        row(
            &CLOCK,
            Function,
            "std::time",
            &["Instant::now", "Instant::elapsed", "SystemTime::now", "SystemTime::elapsed"],
        ),
        row(&CLOCK, Function, "std::thread", &["sleep", "sleep_ms", "sleep_until", "park_timeout"]),
        row(&CLOCK, Function, "chrono", &["Utc::now", "Local::now", "Utc::today", "Local::today"]),
        row(
            &CLOCK,
            Function,
            "time",
            &["OffsetDateTime::now_utc", "OffsetDateTime::now_local", "UtcDateTime::now"],
        ),
        row(&CLOCK, Function, "jiff", &["Zoned::now", "Timestamp::now"]),
        row(
            &CLOCK,
            Function,
            "",
            &[
                "libc::time",
                "libc::clock_gettime",
                "libc::gettimeofday",
                "libc::nanosleep",
                "libc::sleep",
                "libc::usleep",
            ],
        ),
        row(&THREADS, Function, "std::thread", &["yield_now", "available_parallelism"]),
        // `spawn` and `scope` alone are names of detpar's own as well.
        row(&THREADS, Function, "std", &["thread::spawn", "thread::scope", "thread::park"]),
        row(&THREADS, Type, "std", &["thread::Builder", "thread::Scope", "thread::JoinHandle"]),
        row(&THREADS, Function, "num_cpus", &["num_cpus::get", "num_cpus::get_physical"]),
        row(&THREADS, Function, "", &["libc::pthread_create"]),
        row(&THREADS, Module, "", &["rayon", "rayon_core", "threadpool", "scoped_threadpool"]),
        row(&THREADS, Function, "crossbeam", &["thread::scope"]),
        row(&RANDOM, Function, "rand", &["thread_rng"]),
        row(
            &RANDOM,
            Function,
            "",
            &[
                "rand::rng",
                "rand::random",
                "rand::random_bool",
                "rand::random_iter",
                "rand::random_range",
                "rand::random_ratio",
                "rand::fill",
                "getrandom::getrandom",
                "getrandom::fill",
                "getrandom::u32",
                "getrandom::u64",
                "libc::rand",
                "libc::random",
                "libc::getrandom",
            ],
        ),
        row(
            &RANDOM,
            Function,
            "rand::rngs",
            &[
                "StdRng::from_entropy",
                "StdRng::from_os_rng",
                "SmallRng::from_entropy",
                "SmallRng::from_os_rng",
            ],
        ),
        row(&RANDOM, Type, "rand::rngs", &["OsRng", "SysRng", "ThreadRng"]),
        row(&RANDOM, Function, "uuid", &["Uuid::new_v1", "Uuid::new_v4", "Uuid::new_v7"]),
        row(&RANDOM, Module, "", &["fastrand"]),
        row(
            &ATOMICS,
            Type,
            "std::sync::atomic",
            &[
                "AtomicBool",
                "AtomicI8",
                "AtomicI16",
                "AtomicI32",
                "AtomicI64",
                "AtomicIsize",
                "AtomicPtr",
                "AtomicU8",
                "AtomicU16",
                "AtomicU32",
                "AtomicU64",
                "AtomicUsize",
            ],
        ),
        row(&ATOMICS, Function, "std::sync", &["atomic::fence"]),
        row(&ATOMICS, Module, "", &["portable_atomic", "atomic_refcell", "arc_swap"]),
        row(&ATOMICS, Type, "crossbeam_utils::atomic", &["AtomicCell"]),
        row(
            &LOCKS,
            Type,
            "std::sync",
            &[
                "Mutex",
                "MutexGuard",
                "RwLock",
                "RwLockReadGuard",
                "RwLockWriteGuard",
                "ReentrantLock",
                "Condvar",
                "sync::Barrier",
            ],
        ),
        row(
            &LOCKS,
            Function,
            "std::sync",
            &[
                "Mutex::lock",
                "Mutex::try_lock",
                "RwLock::read",
                "RwLock::try_read",
                "RwLock::write",
                "RwLock::try_write",
            ],
        ),
        row(&LOCKS, Module, "std::sync", &["mpsc", "mpmc"]),
        row(
            &LOCKS,
            Module,
            "",
            &[
                "parking_lot",
                "spin",
                "crossbeam_channel",
                "crossbeam_queue",
                "crossbeam_deque",
                "flume",
                "dashmap",
            ],
        ),
        row(&LOCKS, Type, "dashmap", &["DashMap", "DashSet"]),
        row(
            &ENV,
            Function,
            "std::env",
            &[
                "args_os",
                "current_dir",
                "current_exe",
                "home_dir",
                "remove_var",
                "set_current_dir",
                "set_var",
                "temp_dir",
                "var_os",
                "vars_os",
            ],
        ),
        row(&ENV, Function, "std", &["env::args", "env::var", "env::vars"]),
        row(&ENV, Function, "", &["libc::getenv", "libc::setenv"]),
        row(&PROCESS, Function, "std::process", &["abort", "exit", "Command::new"]),
        row(&PROCESS, Function, "std", &["process::id"]),
        row(&PROCESS, Type, "std", &["process::Command", "process::Child"]),
        row(&PROCESS, Function, "std::process", &["Command::new"]),
        row(
            &PROCESS,
            Function,
            "",
            &[
                "libc::_exit",
                "libc::abort",
                "libc::exit",
                "libc::execve",
                "libc::fork",
                "libc::getpid",
                "libc::kill",
                "libc::raise",
                "libc::syscall",
            ],
        ),
        row(&FILES, Module, "std", &["fs"]),
        row(
            &FILES,
            Function,
            "std::fs",
            &["File::open", "File::create", "File::create_new", "File::options"],
        ),
        row(&FILES, Type, "std::fs", &["OpenOptions"]),
        row(&FILES, Function, "", &["libc::open", "libc::openat", "libc::fopen", "libc::read"]),
        row(&FILES, Module, "", &["fs_err", "memmap2", "tempfile", "walkdir"]),
        row(&NETWORK, Type, "std::net", &["TcpListener", "TcpStream", "UdpSocket"]),
        row(&NETWORK, Type, "std::os::unix::net", &["UnixDatagram", "UnixListener", "UnixStream"]),
        row(&NETWORK, Function, "", &["libc::socket", "libc::connect"]),
        row(&NETWORK, Module, "", &["reqwest", "hyper", "ureq"]),
        row(&ADDRESSES, Function, "std::ptr", &["ptr::hash"]),
        row(&HARDWARE, Macro, "std::arch", &["asm", "global_asm"]),
        row(
            &HARDWARE,
            Function,
            "std::arch::x86_64",
            &[
                "__cpuid",
                "__cpuid_count",
                "__rdtscp",
                "_rdrand16_step",
                "_rdrand32_step",
                "_rdrand64_step",
                "_rdseed16_step",
                "_rdseed32_step",
                "_rdseed64_step",
                "_rdtsc",
            ],
        ),
        row(&ASYNC, Module, "", &["async_std", "smol", "tokio"]),
    ]
};

/// Methods that only such types have.
pub(super) const METHODS: &[(&Group, &[&str])] = &[
    (
        &ATOMICS,
        &[
            "compare_exchange",
            "compare_exchange_weak",
            "fetch_add",
            "fetch_and",
            "fetch_max",
            "fetch_min",
            "fetch_nand",
            "fetch_or",
            "fetch_sub",
            "fetch_update",
            "fetch_xor",
        ],
    ),
    (&ADDRESSES, &["expose_provenance"]),
];

/// Methods that an atomic has where an argument is a memory ordering. `load` is not among
/// them: what it reads is the snapshot's.
pub(super) const ORDERED_METHODS: (&Group, &[&str]) = (&ATOMICS, &["store", "swap"]);

/// The memory orderings.
pub(super) const ORDERINGS: &[&str] = &["Relaxed", "Release", "Acquire", "AcqRel", "SeqCst"];
