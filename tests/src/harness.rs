//! For the tests: starting programs with a deadline. A program that hangs is a failure.
use crate::docker::Profile;
use std::ffi::OsStr;
use std::io::{Read, Write as _};
use std::ops::RangeInclusive;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Numbers of workers for which the same bytes are expected.
pub const WORKERS: [usize; 5] = [1, 2, 3, 8, 64];

/// Variables that change how a program runs; a run gets only those that its test sets. `DETPAR_CHAOS`
/// is none of them: set for the tests, it is in force wherever a test sets no other, and nothing may
/// come of it.
const OURS: [&str; 19] = [
    "DETPAR_RECORD",
    "DETPAR_REPLAY",
    "DETPAR_WORKERS",
    "DETPAR_ASLR",
    "DETPAR_SEED",
    "DETPAR_ENGINE",
    "DETPAR_CHECK",
    "DETPAR_LINES",
    "DETPAR_ORIGINS",
    "DETPAR_REPORT",
    "DETPAR_SCAN",
    "DETPAR_HUGE",
    "DETPAR_TSC",
    "DETPAR_TRACE",
    "DETPAR_ODF",
    "DETPAR_TEST",
    "DETPAR_TEST_LIMIT",
    "DETPAR_TEST_RUNS",
    "RUST_BACKTRACE",
];

/// Whether all programs run under Docker's default profile, as `cargo xtask docker` asks.
fn in_docker() -> bool {
    std::env::var_os("DETPAR_PROFILE").is_some_and(|v| v == "docker")
}

/// Whether a new process may do this, in the surroundings in which programs run: it makes system
/// calls and nothing else.
pub fn may(step: fn() -> std::io::Result<()>) -> bool {
    let mut command = Command::new("/bin/true");
    if in_docker() {
        let profile = Profile::new();
        // SAFETY: makes system calls only.
        unsafe { command.pre_exec(move || profile.install()) };
    }
    // SAFETY: by the contract above; the tests' own functions keep it.
    unsafe { command.pre_exec(step) };
    command.status().is_ok_and(|s| s.success())
}

/// Whether programs may do without address randomisation: a container's profile may deny it, and code
/// and statics are somewhere else in every run then.
pub fn has_fixed_addresses() -> bool {
    may(|| {
        // SAFETY: has no memory operands.
        check(unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) })
    })
}

/// Copies a program, in a process of its own: where this one wrote the copy, a program that another
/// thread starts meanwhile would have it open for writing for a moment, and it could not be run.
///
/// # Panics
/// Where it cannot be copied.
pub fn copy_program(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    let copied = Command::new("cp").arg(from.as_ref()).arg(to.as_ref()).status();
    assert!(copied.is_ok_and(|s| s.success()), "a copy");
}

/// A program to be run, with standard input closed.
#[derive(Debug)]
pub struct Program {
    command: Command,
    limit: Duration,
}

impl Program {
    /// A program by its path.
    pub fn new(path: impl AsRef<OsStr>) -> Program {
        let mut command = Command::new(path);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in OURS {
            command.env_remove(name);
        }
        let program = Program { command, limit: Duration::from_secs(180) };
        if !in_docker() {
            return program;
        }
        let profile = Profile::new();
        program.before(move || profile.install())
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Program {
        self.command.arg(arg);
        self
    }

    /// Sets the name that the program is told of itself.
    pub fn called(mut self, name: &str) -> Program {
        self.command.arg0(name);
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: &str) -> Program {
        self.command.env(name, value);
        self
    }

    /// Removes a variable of the environment.
    pub fn without(mut self, name: &str) -> Program {
        self.command.env_remove(name);
        self
    }

    /// Gives it standard input: what a pipe holds at once.
    ///
    /// # Panics
    /// Where there is no pipe.
    pub fn input(mut self, text: &str) -> Program {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        writer.write_all(text.as_bytes()).expect("room in a pipe");
        self.command.stdin(reader);
        self
    }

    /// Sets the number of workers.
    pub fn workers(self, n: usize) -> Program {
        self.env("DETPAR_WORKERS", &n.to_string())
    }

    /// Perturbs the schedule by a seed; 0: not at all.
    pub fn chaos(self, seed: u64) -> Program {
        self.env("DETPAR_CHAOS", &seed.to_string())
    }

    /// Adds arguments.
    pub fn args(self, args: &[&str]) -> Program {
        args.iter().fold(self, |program, arg| program.arg(arg))
    }

    /// Sets the working directory.
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Program {
        self.command.current_dir(dir);
        self
    }

    /// Makes the new process the leader of a session of its own: see [`session`].
    pub fn own_session(self) -> Program {
        self.before(|| {
            // SAFETY: has no operands.
            check(unsafe { libc::setsid() })
        })
    }

    /// Runs `f` in the new process before the program replaces it. `f` must do nothing but
    /// make system calls.
    pub fn before(
        mut self,
        f: impl FnMut() -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Program {
        // SAFETY: by the contract above; the tests' own functions keep it.
        unsafe { self.command.pre_exec(f) };
        self
    }

    /// Sets how long it may take (three minutes otherwise).
    pub fn limit(mut self, limit: Duration) -> Program {
        self.limit = limit;
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[track_caller]
    pub fn start(mut self) -> Running {
        let what = format!("{:?}", self.command);
        let mut child = self.command.spawn().unwrap_or_else(|e| panic!("{what}: {e}"));
        let out = reader(child.stdout.take());
        let err = reader(child.stderr.take());
        Running { child, out, err, what, deadline: Instant::now() + self.limit }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// Where it cannot be started or does not end in time.
    #[track_caller]
    pub fn run(self) -> Run {
        self.start().wait()
    }
}

/// Runs a program to its end at each number of [`WORKERS`].
///
/// # Panics
/// Where a run fails or hangs.
#[track_caller]
pub fn at_any_number_of_workers(program: impl Fn() -> Program) {
    for workers in WORKERS {
        program().workers(workers).run().expect(0);
    }
}

/// Runs a program to its end under the schedules that these seeds perturb.
///
/// # Panics
/// Where a run fails or hangs.
#[track_caller]
pub fn under_perturbed_schedules(seeds: RangeInclusive<u64>, program: impl Fn() -> Program) {
    for seed in seeds {
        program().workers(3).chaos(seed).run().expect(0);
    }
}

/// Runs a program at each number of [`WORKERS`] and under some perturbed schedules, and makes sure
/// that it prints the same each time: that, as text.
///
/// # Panics
/// Where a run fails, hangs, or prints something else.
#[track_caller]
pub fn the_same_everywhere(program: impl Fn() -> Program) -> String {
    let reference = program().workers(2).run().expect(0).text();
    for workers in WORKERS {
        let run = program().workers(workers).run().expect(0);
        assert_eq!(run.text(), reference, "{workers} workers");
    }
    for seed in 1..=4 {
        let run = program().workers(1 + seed as usize % 3).chaos(seed).run().expect(0);
        assert_eq!(run.text(), reference, "seed {seed}");
    }
    reference
}

/// Runs a program in production and in checking mode, which changes nothing that it prints.
///
/// # Panics
/// Where a run fails, hangs, or prints something else.
#[track_caller]
pub fn the_same_in_checking_mode(program: impl Fn() -> Program) {
    let reference = program().workers(2).run().expect(0);
    let run = program().workers(2).env("DETPAR_CHECK", "1").run().expect(0);
    assert_eq!(run.text(), reference.text());
}

/// Tests that a program, which this expression makes, ends well everywhere: under some perturbed
/// schedules, and, in a test that is marked long, under many.
#[macro_export]
macro_rules! everywhere {
    ($program:expr) => {
        #[test]
        fn at_any_number_of_workers() {
            $crate::harness::at_any_number_of_workers($program);
        }

        #[test]
        fn under_perturbed_schedules() {
            $crate::harness::under_perturbed_schedules(1..=3, $program);
        }

        #[test]
        #[ignore = "long"]
        fn under_more_perturbed_schedules() {
            $crate::harness::under_perturbed_schedules(4..=30, $program);
        }
    };
}

/// The same for the program of this path in production and in checking mode.
#[macro_export]
macro_rules! everywhere_in_both_modes {
    ($path:expr) => {
        fn in_mode(check: &str) -> $crate::harness::Program {
            let limit = std::time::Duration::from_secs(200);
            $crate::harness::Program::new($path).limit(limit).env("DETPAR_CHECK", check)
        }

        mod in_production {
            $crate::everywhere!(|| super::in_mode("0"));
        }

        mod in_checking_mode {
            $crate::everywhere!(|| super::in_mode("1"));
        }
    };
}

/// The error of a call that returns -1 for one.
///
/// # Errors
/// The last error of the system.
pub fn check(result: i32) -> std::io::Result<()> {
    if result == -1 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).expect("reading a program's output");
        }
        bytes
    })
}

/// A program that was started.
#[derive(Debug)]
pub struct Running {
    child: Child,
    out: JoinHandle<Vec<u8>>,
    err: JoinHandle<Vec<u8>>,
    what: String,
    deadline: Instant,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    ///
    /// # Panics
    /// Where it takes too long.
    #[track_caller]
    pub fn ended(&mut self) -> bool {
        let ended = self.child.try_wait().expect("waiting for a program").is_some();
        if !ended && Instant::now() > self.deadline {
            let state = states(self.child.id());
            self.child.kill().expect("killing a program that hangs");
            let nothing = || thread::spawn(Vec::new);
            let [out, err] = [&mut self.out, &mut self.err]
                .map(|reader| std::mem::replace(reader, nothing()).join().unwrap_or_default());
            let (out, err) = (tail(&out), tail(&err));
            panic!("{} hangs\n{state}\n--- stdout\n{out}\n--- stderr\n{err}", self.what);
        }
        ended
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// Where it takes too long.
    #[track_caller]
    pub fn wait(mut self) -> Run {
        let mut pause = Duration::from_millis(1);
        while !self.ended() {
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        let status = self.child.wait().expect("waiting for a program");
        let out = self.out.join().expect("its standard output");
        let err = self.err.join().expect("its standard error");
        Run { status, out, err, what: self.what }
    }
}

/// How a program ended, and what it wrote.
#[derive(Debug)]
pub struct Run {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub out: Vec<u8>,
    /// Its standard error.
    pub err: Vec<u8>,
    what: String,
}

impl Run {
    /// Its exit code, where it was not killed.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Its standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// Its standard error as text.
    pub fn err_text(&self) -> String {
        String::from_utf8_lossy(&self.err).into_owned()
    }

    /// Makes sure that it ended with this exit code.
    ///
    /// # Panics
    /// With everything it wrote, where it did not.
    #[track_caller]
    pub fn expect(self, code: i32) -> Run {
        if self.code() != Some(code) {
            self.ended_otherwise(&format!("exit code {code}"));
        }
        self
    }

    /// Makes sure that it was ended by this signal.
    ///
    /// # Panics
    /// As [`expect`](Run::expect).
    #[track_caller]
    pub fn expect_signal(self, signal: i32) -> Run {
        if self.status.signal() != Some(signal) {
            self.ended_otherwise(&format!("signal {signal}"));
        }
        self
    }

    #[track_caller]
    fn ended_otherwise(&self, expected: &str) -> ! {
        let how = match self.status.signal() {
            Some(signal) => format!("ended by signal {signal}"),
            None => format!("exit code {:?}", self.code()),
        };
        let (out, err) = (tail(&self.out), tail(&self.err));
        panic!("{}: {how}, not {expected}\n--- stdout\n{out}\n--- stderr\n{err}", self.what);
    }
}

/// The end of an output, short enough for a report.
fn tail(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(4000)..]).into_owned()
}

/// What the system says of a process and its children: for the report of one that hangs.
fn states(pid: u32) -> String {
    let mut text = String::new();
    for p in std::iter::once(pid).chain(children(pid)) {
        let stat = std::fs::read_to_string(format!("/proc/{p}/stat")).unwrap_or_default();
        let wchan = std::fs::read_to_string(format!("/proc/{p}/wchan")).unwrap_or_default();
        let short: Vec<&str> = stat.split(' ').take(4).collect();
        text.push_str(&format!("{} in {wchan}\n", short.join(" ")));
    }
    text
}

/// The living children of a process, zombies included.
pub fn children(pid: u32) -> Vec<u32> {
    let parent_of = |p: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{p}/stat")).ok()?;
        // The name may hold blanks and parentheses: the fields after it count.
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    let all = std::fs::read_dir("/proc").expect("/proc").flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|&p| parent_of(p) == Some(pid)).collect()
}

/// The processes of a session and their states, zombies included. What a program leaves
/// behind stays in its session whoever adopts it.
pub fn session(id: u32) -> Vec<(u32, char)> {
    let member = |p: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{p}/stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let state = fields.next()?.chars().next()?;
        (fields.nth(2)?.parse() == Ok(id)).then_some((p, state))
    };
    let all = std::fs::read_dir("/proc").expect("/proc").flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(member).collect()
}

/// Kills random workers of a program, one at a time, with up to `pause` microseconds between
/// them, for some time or until it ends; how many.
pub fn kill_workers(
    running: &mut Running,
    numbers: &mut Numbers,
    time: Duration,
    pause: u64,
) -> u64 {
    let end = Instant::now() + time;
    let mut kills = 0;
    while Instant::now() < end && !running.ended() {
        thread::sleep(Duration::from_micros(500 + numbers.below(pause)));
        let workers = children(running.pid());
        if !workers.is_empty() {
            let victim = workers[numbers.below(workers.len() as u64) as usize];
            // SAFETY: sends a signal; the process is a worker of the program started here,
            // which reaps it before its number can be used again.
            unsafe { libc::kill(victim as i32, libc::SIGKILL) };
            kills += 1;
        }
    }
    kills
}

/// Makes sure that nothing of a session is left, soon. The dead count as gone: whoever
/// adopted them reaps them in its own time.
///
/// # Panics
/// Where something is.
#[track_caller]
pub fn assert_gone(id: u32, what: &str) {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let left: Vec<_> = session(id).into_iter().filter(|&(_, s)| s != 'Z' && s != 'X').collect();
        if left.is_empty() {
            return;
        }
        if Instant::now() > end {
            for (p, _) in &left {
                // SAFETY: has no memory operands; the process belongs to a program started here.
                unsafe { libc::kill(*p as i32, libc::SIGKILL) };
            }
            panic!("{what}: left over: {left:?}");
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Threads that keep the processors busy until this value is dropped.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts `n` busy threads.
    pub fn new(n: usize) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let busy = |stop: Arc<AtomicBool>| {
            move || {
                while !stop.load(Relaxed) {
                    std::hint::spin_loop();
                }
            }
        };
        let threads = (0..n).map(|_| thread::spawn(busy(stop.clone()))).collect();
        Load { stop, threads }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        self.threads.drain(..).for_each(|t| t.join().expect("a busy thread"));
    }
}

/// Numbers that look random and are the same in every run (SplitMix64).
#[derive(Debug)]
pub struct Numbers(pub u64);

impl Numbers {
    /// The next number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}
