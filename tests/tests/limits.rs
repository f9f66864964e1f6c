//! Limits of the system: a typed error that names cause and remedy, and a program that goes
//! on where it can.
use detpar_tests::deny::{Deny, error};
use detpar_tests::harness::{Program, Run, WORKERS, assert_gone, check, may};
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATH: &str = env!("CARGO_BIN_EXE_limits");

fn at(path: impl AsRef<Path>, cases: &[&str]) -> Program {
    let program = Program::new(path.as_ref()).limit(Duration::from_secs(60)).own_session();
    program.workers(3).args(cases)
}

fn program(cases: &[&str]) -> Program {
    at(PATH, cases)
}

/// Runs it; nothing may be left over, however it ends.
#[track_caller]
fn run(p: Program) -> Run {
    let running = p.start();
    let pid = running.pid();
    let run = running.wait();
    assert_gone(pid, "a program at its limits");
    run
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

/// The program cannot start: it ends as one that is not configured, and says why.
#[track_caller]
fn assert_refused(run: Run, parts: &[&str]) {
    let run = run.expect(78);
    assert_says(&run.err_text(), &["detpar: "]);
    assert_says(&run.err_text(), parts);
    assert!(run.out.is_empty(), "{}", run.text());
}

fn limited(resource: u32, soft: u64, hard: u64) -> impl FnMut() -> io::Result<()> {
    move || {
        let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
        // SAFETY: the record is alive.
        check(unsafe { libc::setrlimit(resource, &limit) })
    }
}

/// A user with no other processes, whose limits count; nothing where this test runs without
/// the right to become one.
struct Stranger {
    dir: PathBuf,
}

const UID: u32 = 61_234;

impl Stranger {
    fn new(name: &str) -> Option<Stranger> {
        // SAFETY: has no operands.
        if unsafe { libc::geteuid() } != 0 {
            println!("skipped: only root may become another user");
            return None;
        }
        // The program's own place may be closed to others.
        let dir = std::env::temp_dir().join(format!("detpar-{name}-{}", std::process::id()));
        fs::create_dir(&dir).expect("a temporary directory");
        fs::copy(PATH, dir.join("limits")).expect("copying the program");
        for path in [&dir, &dir.join("limits")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions");
        }
        Some(Stranger { dir })
    }

    fn program(&self, cases: &[&str], processes: u64) -> Program {
        let mut limit = limited(libc::RLIMIT_NPROC, processes, 64);
        at(self.dir.join("limits"), cases).before(move || {
            limit()?;
            // SAFETY: have no memory operands.
            unsafe {
                check(libc::setresgid(UID, UID, UID))?;
                check(libc::setresuid(UID, UID, UID))
            }
        })
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

const NO_PROCESS: [&str; 3] = ["limit: no worker process", "a limit on processes", "ulimit -u"];

#[test]
fn processes() {
    let Some(user) = Stranger::new("nproc") else { return };
    let cases = ["join", "sequential", "nested", "raise_processes", "alive"];
    let text = run(user.program(&cases, 1)).expect(0).text();
    assert_says(&text, &NO_PROCESS);
    assert_says(&text, &["sequential: ok", "alive: ok"]);
    // One worker is enough for children, and not for children of children.
    let text = run(user.program(&["join", "sequential"], 2)).expect(0).text();
    assert!(text.starts_with("ok\njoin: ok"), "{text}");
    let text = run(user.program(&["nested", "sequential", "join"], 2)).expect(0).text();
    assert_says(&text, &NO_PROCESS);
    assert_says(&text, &["ok\njoin: ok"]);
    run(user.program(&["alive"], 64)).expect(0);
    // One is enough for any number of children that stop.
    for processes in [2, 3, 6] {
        let text = run(user.program(&["stopped", "join"], processes)).expect(0).text();
        assert_says(&text, &["stopped: ok"]);
    }
}

#[test]
fn address_space() {
    let start = program(&["join"]).before(limited(libc::RLIMIT_AS, 1 << 40, 1 << 40));
    assert_refused(run(start), &["reserve address space", "ulimit -v"]);
    let text = run(program(&["address_space"])).expect(0).text();
    assert_says(&text, &["unsupported: ", "mapping the image", "Cannot allocate", "address space"]);
}

#[test]
fn a_program_closes_all_numbers() {
    run(program(&["closed"])).expect(0);
}

#[test]
fn descriptors() {
    let text = run(program(&["descriptors"])).expect(0).text();
    assert_says(&text, &["limit: no worker process", "too many files are open", "ulimit -n"]);
    let mut succeeded = 0;
    for n in 4..24 {
        let p = program(&["join", "sequential"]).before(limited(libc::RLIMIT_NOFILE, n, n));
        let run = run(p);
        if run.code() == Some(78) {
            assert_refused(run, &["open files", "ulimit -n"]);
            continue;
        }
        let text = run.expect(0).text();
        if text.starts_with("ok\n") {
            succeeded += 1;
        } else {
            assert_says(&text, &["limit: ", "too many files are open", "ulimit -n"]);
        }
        assert_says(&text, &["sequential: ok"]);
    }
    assert!(succeeded > 10, "{succeeded}");
}

#[test]
fn file_size() {
    let start = program(&["join"]).before(limited(libc::RLIMIT_FSIZE, 1 << 20, 1 << 20));
    assert_refused(run(start), &["cannot create the image", "ulimit -f"]);
    for odf in ["0", "1"] {
        let text = run(program(&["file_size"]).env("DETPAR_ODF", odf)).expect(0).text();
        assert_says(&text, &["true\nunsupported: ", "a view of its own", "ulimit -f"]);
        assert_says(&text, &["file_size: ok"]);
    }
}

#[test]
fn stack() {
    let hard = libc::RLIM_INFINITY;
    for soft in [hard, 1 << 30, 1 << 17] {
        run(program(&["join", "alive"]).before(limited(libc::RLIMIT_STACK, soft, hard))).expect(0);
    }
}

fn denied(call: libc::c_long, answer: u32, cases: &[&str]) -> Program {
    let deny = Deny { call, bits: None, answer };
    program(cases).before(move || deny.install())
}

/// What becomes of a program whose container denies a call.
enum Denied {
    /// It does not start and says this.
    Refused(&'static str),
    /// Its constructs fail and say this.
    Unsupported(&'static str),
    /// It does without.
    Works,
}

#[test]
fn calls_that_a_container_denies() {
    use Denied::*;
    let table = [
        (libc::SYS_memfd_create, Refused("memfd_create")),
        (libc::SYS_pipe2, Refused("pipe")),
        (libc::SYS_clone, Unsupported("creating a worker (clone)")),
        (libc::SYS_pidfd_send_signal, Unsupported("controlling workers")),
        (libc::SYS_waitid, Unsupported("controlling workers")),
        (libc::SYS_setpgid, Unsupported("tying a worker to its master")),
        (libc::SYS_prctl, Unsupported("")),
        (libc::SYS_close_range, Unsupported("closing inherited descriptors")),
        (libc::SYS_seccomp, Unsupported("installing a seccomp filter")),
        (libc::SYS_sigaltstack, Unsupported("installing signal handlers")),
        (libc::SYS_ioctl, Works),
        (libc::SYS_personality, Works),
        (libc::SYS_sched_setaffinity, Works),
        (libc::SYS_sched_yield, Works),
        (libc::SYS_getrusage, Works),
        (libc::SYS_pidfd_open, Works),
        (libc::SYS_clone3, Works),
    ];
    for (call, expected) in table {
        for number in [libc::EPERM, libc::ENOSYS] {
            let run = run(denied(call, error(number), &["join", "sequential", "join"]));
            println!("call {call}: {:?} {}{}", run.code(), run.text(), run.err_text());
            match expected {
                Refused(why) => assert_refused(run, &[why]),
                Unsupported(why) => {
                    let text = run.expect(0).text();
                    let refused = "unsupported: this system cannot run deterministic";
                    assert_eq!(text.matches(refused).count(), 2, "{text}");
                    assert_says(&text, &[why, "sequential: ok", "container"]);
                }
                Works => assert_says(&run.expect(0).text(), &["ok\njoin: ok", "sequential: ok"]),
            }
        }
    }
}

/// A profile that kills: every worker dies while it is set up, and the join does not wait
/// for ever.
#[test]
fn calls_for_which_a_container_kills() {
    for call in [libc::SYS_setpgid, libc::SYS_close_range, libc::SYS_sigaltstack] {
        let p = denied(call, libc::SECCOMP_RET_KILL_PROCESS, &["join", "sequential", "join"]);
        let run = run(p);
        if call == libc::SYS_sigaltstack {
            // Rust's own start needs it.
            assert_eq!(run.status.signal(), Some(libc::SIGSYS));
            continue;
        }
        let text = run.expect(0).text();
        assert_says(
            &text,
            &["unsupported: ", "SIGSYS kills it", "seccomp profile", "sequential: ok"],
        );
    }
}

/// What a system that never overcommits answers (`vm.overcommit_memory` 2): private memory
/// counts in full when it is mapped.
#[test]
fn overcommit() {
    let bits = Some((3, (libc::MAP_NORESERVE | libc::MAP_PRIVATE) as u32));
    let deny = Deny { call: libc::SYS_mmap, bits, answer: error(libc::ENOMEM) };
    let p = program(&["join"]).before(move || deny.install());
    assert_refused(run(p), &["cannot reserve", "vm.overcommit_memory"]);
}

fn unmount_proc() -> io::Result<()> {
    let (nothing, root) = (std::ptr::null(), c"/".as_ptr());
    // SAFETY: strings that live for ever; no data.
    unsafe {
        check(libc::unshare(libc::CLONE_NEWNS))?;
        let private = libc::MS_REC | libc::MS_PRIVATE;
        check(libc::mount(nothing, root, nothing, private, nothing.cast()))?;
        check(libc::umount2(c"/proc".as_ptr(), libc::MNT_DETACH))
    }
}

#[test]
fn without_proc() {
    if !may(unmount_proc) {
        println!("skipped: this run lacks the privilege to unmount /proc");
        return;
    }
    assert_refused(run(program(&["join"]).before(unmount_proc)), &["/proc"]);
}

/// A control group of its own for a program; nothing where none can be made.
struct Group(PathBuf);

impl Group {
    /// With `limit` written to the first of the files that exists.
    fn new(controller: &str, files: [&str; 2], limit: &str) -> Option<Group> {
        let name = format!("detpar-{controller}-{}", std::process::id());
        for root in ["/sys/fs/cgroup".into(), format!("/sys/fs/cgroup/{controller}")] {
            let dir = Path::new(&root).join(&name);
            if !Path::new(&root).join("cgroup.procs").exists() || fs::create_dir(&dir).is_err() {
                continue;
            }
            let group = Group(dir);
            for file in files {
                let file = group.0.join(file);
                if file.exists() && fs::write(&file, limit).is_ok() {
                    return Some(group);
                }
            }
        }
        println!("skipped: no control group for {controller} can be made here");
        None
    }

    fn program(&self, cases: &[&str]) -> Program {
        let procs = self.0.join("cgroup.procs");
        let procs = CString::new(procs.as_os_str().as_bytes()).expect("a path");
        program(cases).before(move || {
            // SAFETY: path and bytes are alive during the calls.
            unsafe {
                let fd = libc::open(procs.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
                check(fd)?;
                check(libc::write(fd, c"0".as_ptr().cast(), 1) as i32)
            }
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A group that still has dying members cannot go yet.
        for _ in 0..1000 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn full_group_of_processes() {
    let Some(group) = Group::new("pids", ["pids.max", "pids.max"], "1") else { return };
    let text = run(group.program(&["join", "sequential"])).expect(0).text();
    assert_says(&text, &NO_PROCESS);
    assert_says(&text, &["sequential: ok"]);
    drop(group);
    let Some(group) = Group::new("pids", ["pids.max", "pids.max"], "2") else { return };
    let text = run(group.program(&["stopped", "join"])).expect(0).text();
    assert_says(&text, &["stopped: ok", "join: ok"]);
}

/// The system kills whom it likes: a worker, whose construct fails, or the master and all.
#[test]
fn group_without_memory() {
    let files = ["memory.max", "memory.limit_in_bytes"];
    for limit in ["100000000", "300000000"] {
        let Some(group) = Group::new("memory", files, limit) else { return };
        let run = run(group.program(&["join", "memory_in_a_child", "sequential"]));
        println!("{limit}: {:?}\n{}", run.status, run.text());
        if run.status.signal() == Some(libc::SIGKILL) {
            continue;
        }
        let text = run.expect(0).text();
        assert_says(&text, &["killed: the worker of child 1 was killed from outside (SIGKILL)"]);
        assert_says(&text, &["ran out of memory", "sequential: ok"]);
    }
}

#[test]
fn numbers_of_descriptors() {
    let reference = run(program(&["numbers"])).expect(0).text();
    for workers in WORKERS {
        assert_eq!(run(program(&["numbers"]).workers(workers)).expect(0).text(), reference);
    }
}

#[test]
fn closed_streams() {
    for closed in 1..8 {
        let p = program(&[]).env("LIMITS_SILENT", "12345").before(move || {
            (0..3).filter(|fd| closed & 1 << fd != 0).try_for_each(|fd| {
                // SAFETY: closes a descriptor of this process.
                check(unsafe { libc::close(fd) })
            })
        });
        run(p).expect(5);
    }
    // Where no high number is to be had either.
    let mut few = limited(libc::RLIMIT_NOFILE, 40, 40);
    let p = program(&[]).env("LIMITS_SILENT", "123").before(move || {
        few()?;
        // SAFETY: closes a descriptor of this process.
        check(unsafe { libc::close(0) })
    });
    run(p).expect(3);
}

#[test]
fn working_directory_that_is_gone() {
    let dir = std::env::temp_dir().join(format!("detpar-gone-{}", std::process::id()));
    fs::create_dir(&dir).expect("a temporary directory");
    let path = CString::new(dir.as_os_str().as_bytes()).expect("a path");
    let p = program(&["current_dir", "alive"]).dir(&dir).before(move || {
        // SAFETY: the path is alive during the call.
        check(unsafe { libc::rmdir(path.as_ptr()) })
    });
    run(p).expect(0);
}

/// Also one to which no further variable can be added.
#[test]
fn huge_environment() {
    for bytes in [1000, 2000] {
        let value = "x".repeat(bytes);
        let names: Vec<String> = (0..1000).map(|i| format!("VARIABLE_{i}")).collect();
        let p = names.iter().fold(program(&["variables", "alive"]), |p, n| p.env(n, &value));
        assert_says(&run(p).expect(0).text(), &["true"]);
    }
    let value = "y".repeat(131_000);
    let most = (0..15).fold(program(&["alive"]), |p, i| p.env(&format!("LARGE_{i}"), &value));
    run(most).expect(0);
}

#[test]
fn no_arguments_at_all() {
    let path = CString::new(PATH).expect("a path");
    let p = program(&[]).before(move || {
        let none = [std::ptr::null()];
        let environment = [c"LIMITS_SILENT=1234567".as_ptr(), std::ptr::null()];
        // SAFETY: the strings are alive until the call replaces the program.
        check(unsafe { libc::execve(path.as_ptr(), none.as_ptr(), environment.as_ptr()) })
    });
    run(p).expect(7);
}

/// A thousand children, each a parent, with 64 workers and the usual limits.
#[test]
fn usual_limits() {
    for workers in [1, 8, 64] {
        let p = program(&["many"]).workers(workers);
        let text = run(p.before(limited(libc::RLIMIT_NOFILE, 1024, 4096))).expect(0).text();
        assert_says(&text, &["1000\nmany: ok"]);
    }
}
