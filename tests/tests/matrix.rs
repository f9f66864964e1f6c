//! The same bytes whatever surrounds a run: workers, schedule, load, addresses, environment,
//! directory, user, host name, clocks, processors. What needs a privilege that this run lacks is
//! skipped, and says so.
//!
//! A run of everything under everything takes too long for each change: a fixed rule deals
//! schedules and numbers of workers out, so that the suite as a whole has all of them.
//! `DETPAR_MATRIX=full`, set by `cargo xtask matrix`, gives each program everything.
use detpar_tests::harness::{self, Load, Program, Run, WORKERS, check};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Programs that print what they computed.
const PROGRAMS: [(&str, &str); 10] = [
    ("varied", env!("CARGO_BIN_EXE_varied")),
    ("clocks", env!("CARGO_BIN_EXE_clocks")),
    ("nested", env!("CARGO_BIN_EXE_nested")),
    ("barriers", env!("CARGO_BIN_EXE_barriers")),
    ("open", env!("CARGO_BIN_EXE_open")),
    ("filled", env!("CARGO_BIN_EXE_filled")),
    ("last_bits", env!("CARGO_BIN_EXE_last_bits")),
    ("workspaces", env!("CARGO_BIN_EXE_workspaces")),
    ("structures", env!("CARGO_BIN_EXE_structures")),
    ("counts", env!("CARGO_BIN_EXE_counts")),
];

/// Seeds of perturbed schedules.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=50;

fn is_full() -> bool {
    std::env::var_os("DETPAR_MATRIX").is_some_and(|v| v == "full")
}

fn program(path: impl AsRef<Path>) -> Program {
    Program::new(path.as_ref()).limit(Duration::from_secs(240))
}

#[track_caller]
fn assert_equal(run: Run, reference: &Run, what: &str) {
    let run = run.expect(0);
    for (a, b) in run.text().lines().zip(reference.text().lines()) {
        assert_eq!(a, b, "{what}");
    }
    assert!(run.out == reference.out, "{what}: stdout");
    assert!(run.err == reference.err, "{what}: stderr");
}

/// Runs every program in some surroundings, at the number of workers that is its turn.
fn everywhere(turn: usize, what: &str, around: impl Fn(Program) -> Program) {
    for (p, (name, path)) in PROGRAMS.iter().enumerate() {
        let reference = program(path).workers(2).run().expect(0);
        for (w, workers) in WORKERS.into_iter().enumerate() {
            if is_full() || (p + turn) % WORKERS.len() == w {
                let run = around(program(path).workers(workers)).run();
                assert_equal(run, &reference, &format!("{name} {what}, {workers} workers"));
            }
        }
    }
}

/// Each seed is one program's, and the suite has all of them.
#[test]
fn under_every_schedule() {
    let mut had = Vec::new();
    for (p, (name, path)) in PROGRAMS.iter().enumerate() {
        let reference = program(path).workers(2).run().expect(0);
        for seed in SEEDS.filter(|s| is_full() || *s as usize % PROGRAMS.len() == p) {
            let workers = WORKERS[seed as usize / PROGRAMS.len() % 4];
            let run = program(path).workers(workers).chaos(seed).run();
            assert_equal(run, &reference, &format!("{name}, chaos {seed}, {workers} workers"));
            had.push(seed);
        }
    }
    had.sort_unstable();
    had.dedup();
    assert!(had.into_iter().eq(SEEDS), "a seed was left out");
}

#[test]
fn at_any_number_of_workers() {
    for turn in 0..WORKERS.len() {
        everywhere(turn, "as it is", |p| p);
    }
}

#[test]
fn under_load() {
    let _load = Load::new(4);
    everywhere(1, "under load", |p| p);
}

#[test]
fn with_addresses_at_random() {
    everywhere(2, "at other addresses", |p| p.env("DETPAR_ASLR", "keep"));
}

#[test]
fn in_another_environment() {
    everywhere(3, "in another environment", |p| {
        let p = (0..200).fold(p, |p, i| p.env(&format!("SOME_{i}"), &"value ".repeat(i % 40)));
        p.env("LANG", "tr_TR.UTF-8")
            .env("LC_ALL", "C")
            .env("TZ", "Asia/Tokyo")
            .env("HOME", "/nowhere")
    });
    everywhere(4, "without HOME, PATH and USER", |p| {
        p.without("HOME").without("PATH").without("USER")
    });
}

#[test]
fn in_another_directory() {
    everywhere(0, "in the root directory", |p| p.dir("/"));
    everywhere(1, "in another directory", |p| p.dir(std::env::temp_dir()));
}

#[test]
fn on_one_processor() {
    everywhere(2, "on one processor", |p| p.before(on_first_processor));
}

/// Of those that this process may use.
fn on_first_processor() -> io::Result<()> {
    // SAFETY: zero is an empty set; the sets are alive.
    unsafe {
        let mut all: libc::cpu_set_t = std::mem::zeroed();
        let size = size_of_val(&all);
        check(libc::sched_getaffinity(0, size, &mut all))?;
        let first = (0..1024).find(|&i| libc::CPU_ISSET(i, &all)).unwrap_or(0);
        libc::CPU_ZERO(&mut all);
        libc::CPU_SET(first, &mut all);
        check(libc::sched_setaffinity(0, size, &all))
    }
}

/// Whether a new process may do this.
fn may(what: &str, step: fn() -> io::Result<()>) -> bool {
    let ok = harness::may(step);
    if !ok {
        println!("skipped: {what} takes a privilege that this run lacks");
    }
    ok
}

/// A directory that any user may read.
struct Open(PathBuf);

impl Open {
    fn with_copy(path: &str) -> Open {
        use std::os::unix::fs::PermissionsExt;
        let name = Path::new(path).file_name().expect("a program").to_string_lossy();
        let dir = std::env::temp_dir().join(format!("detpar-matrix-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a new directory");
        harness::copy_program(path, dir.join("program"));
        for p in [dir.clone(), dir.join("program")] {
            std::fs::set_permissions(p, std::fs::Permissions::from_mode(0o755)).expect("rights");
        }
        Open(dir)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn as_nobody() -> io::Result<()> {
    const NOBODY: u32 = 65534;
    // SAFETY: no groups are passed.
    unsafe {
        check(libc::setgroups(0, std::ptr::null()))?;
        check(libc::setgid(NOBODY))?;
        check(libc::setuid(NOBODY))
    }
}

#[test]
fn as_another_user() {
    if !may("another user", as_nobody) {
        return;
    }
    for (name, path) in PROGRAMS {
        let open = Open::with_copy(path);
        let copy = || program(open.0.join("program")).workers(3).dir("/");
        let reference = copy().run().expect(0);
        assert_equal(copy().before(as_nobody).run(), &reference, &format!("{name} as nobody"));
    }
}

fn on_another_host() -> io::Result<()> {
    // SAFETY: the name is alive, of that length.
    unsafe {
        check(libc::unshare(libc::CLONE_NEWUTS))?;
        check(libc::sethostname(c"elsewhere".as_ptr(), 9))
    }
}

#[test]
fn on_a_host_of_another_name() {
    if may("another host name", on_another_host) {
        everywhere(3, "on another host", |p| p.before(on_another_host));
    }
}

/// What the clocks show since the machine was started, by half a year and a day.
fn at_another_time() -> io::Result<()> {
    const OFFSETS: &[u8] = b"monotonic 15768000 5\nboottime 15854400 7\n";
    // SAFETY: name and text are alive.
    unsafe {
        check(libc::unshare(libc::CLONE_NEWTIME))?;
        let file = libc::open(c"/proc/self/timens_offsets".as_ptr(), libc::O_WRONLY);
        check(file)?;
        check(libc::write(file, OFFSETS.as_ptr().cast(), OFFSETS.len()) as i32)?;
        check(libc::close(file))
    }
}

#[test]
fn at_other_times() {
    if may("another time", at_another_time) {
        everywhere(4, "at another time", |p| p.before(at_another_time));
    }
}

/// The date of the machine cannot be another for one process: two runs at different seconds have
/// different ones.
#[test]
fn at_another_date() {
    let reference: Vec<Run> =
        PROGRAMS.iter().map(|(_, path)| program(path).workers(2).run().expect(0)).collect();
    std::thread::sleep(Duration::from_millis(1100));
    for ((name, path), reference) in PROGRAMS.iter().zip(&reference) {
        assert_equal(program(path).workers(2).run(), reference, &format!("{name}, later"));
    }
}
