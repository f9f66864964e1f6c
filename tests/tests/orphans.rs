//! Whatever ends, kills, stops or interrupts a program: its workers go with it, and nothing
//! else meets them.
use detpar_tests::harness::{Numbers, Program, assert_gone, check, children, session};
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

fn program(mode: &str) -> Program {
    Program::new(env!("CARGO_BIN_EXE_orphans")).arg(mode)
}

fn kill(pid: i32, signal: i32) {
    // SAFETY: has no memory operands; the process, or group, belongs to a program that this
    // test started and has not waited for.
    unsafe { libc::kill(pid, signal) };
}

fn pause(micros: u64) {
    std::thread::sleep(Duration::from_micros(micros));
}

/// Waits until `f` holds.
#[track_caller]
fn until(what: &str, mut f: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !f() {
        assert!(Instant::now() < end, "{what}: waited in vain");
        pause(500);
    }
}

/// Kills the master at random moments from its first instruction on.
#[track_caller]
fn masters(moments: u64, seed: u64) {
    println!("seed {seed}");
    let mut numbers = Numbers(seed);
    let mut with_workers = 0;
    for i in 0..moments {
        let mode = ["busy", "busy", "spin"][numbers.below(3) as usize];
        let workers = [1, 2, 3, 8][numbers.below(4) as usize];
        let chaos = numbers.below(20);
        let after = numbers.below(60_000);
        let p = program(mode).workers(workers).chaos(chaos).own_session();
        let running = p.start();
        let pid = running.pid();
        pause(after);
        with_workers += u64::from(session(pid).len() > 1);
        kill(pid as i32, libc::SIGKILL);
        let run = running.wait();
        assert_eq!(run.status.signal(), Some(libc::SIGKILL), "{}", run.err_text());
        let what = format!("moment {i}: {mode}, {workers} workers, chaos {chaos}, {after} us");
        assert_gone(pid, &what);
    }
    println!("{moments} masters killed, {with_workers} of them with workers");
    assert!(with_workers > moments / 4);
}

#[test]
fn master_killed_at_random() {
    masters(60, 1);
}

#[test]
#[ignore = "long"]
fn master_killed_at_a_thousand_moments() {
    (0..4).for_each(|seed| masters(250, 100 + seed));
}

/// Kills workers while trees of spaces run; returns the constructs that failed by depth.
#[track_caller]
fn trees(kills: u64, workers: usize, seed: u64) -> [u64; 3] {
    println!("seed {seed}");
    let limit = Duration::from_secs(60 + kills / 4);
    let p = program("trees").workers(workers).own_session().limit(limit);
    let mut running = p.start();
    let mut numbers = Numbers(seed);
    until("workers", || session(running.pid()).len() > 1);
    let mut done = 0;
    while done < kills && !running.ended() {
        pause(200 + numbers.below(12_000));
        let victims = children(running.pid());
        if !victims.is_empty() {
            kill(victims[numbers.below(victims.len() as u64) as usize] as i32, libc::SIGKILL);
            done += 1;
        }
    }
    let pid = running.pid();
    kill(pid as i32, libc::SIGUSR1);
    let run = running.wait().expect(0);
    assert_gone(pid, "a program that ended by itself");
    let text = run.text();
    let last = text.lines().last().unwrap_or_default();
    let counts: Vec<u64> = last.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    let [whole, a, b, c] = counts[..] else { panic!("last line: {last}") };
    let failed = [a, b, c];
    println!("{workers} workers, {done} kills: {last}");
    assert!(whole > 0 && failed.iter().sum::<u64>() <= done, "{done} kills: {last}");
    failed
}

#[track_caller]
fn all_levels(kills: u64, rounds: u64, seed: u64) {
    let mut failed = [0; 3];
    let mut i = 0;
    // The deepest spaces do not live for long: some more rounds, until one was hit.
    while i < rounds || failed.contains(&0) && i < 10 * rounds {
        let workers = [1, 2, 3, 8][i as usize % 4];
        let more = trees(kills, workers, seed + i);
        failed.iter_mut().zip(more).for_each(|(f, m)| *f += m);
        i += 1;
    }
    assert!(failed.iter().all(|f| *f > 0), "failures by depth: {failed:?}");
}

#[test]
fn workers_of_inner_spaces_killed_at_random() {
    all_levels(60, 4, 1);
}

#[test]
#[ignore = "long"]
fn workers_of_inner_spaces_killed_at_a_thousand_moments() {
    all_levels(250, 4, 100);
}

#[test]
fn waiting_for_any_child_never_sees_a_worker() {
    for workers in [1, 3] {
        program("waits").workers(workers).run().expect(0);
    }
}

#[test]
fn workers_raise_no_signal() {
    program("child_signals").workers(3).run().expect(0);
}

#[test]
fn own_group() {
    program("own_group").workers(3).own_session().run().expect(0);
}

/// Starts a program in a session of its own and waits until it has workers.
#[track_caller]
fn with_workers(mode: &str) -> detpar_tests::harness::Running {
    let running = program(mode).workers(3).own_session().start();
    until("workers", || session(running.pid()).len() > 2);
    running
}

#[test]
fn signals_to_the_group_end_all() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGKILL] {
        for mode in ["busy", "spin"] {
            let running = with_workers(mode);
            let pid = running.pid();
            kill(-(pid as i32), signal);
            assert_eq!(running.wait().status.signal(), Some(signal), "{mode}");
            assert_gone(pid, mode);
        }
    }
}

/// Stopping the master, alone or by its group, stops no worker for good, also not one that
/// was made that moment: after SIGCONT to the master everything goes on to the same result.
/// A stopped master can be killed.
#[test]
fn stopped_and_continued() {
    let start = || program("count").arg("400").workers(3).own_session().start();
    let expected = start().wait().expect(0).text();
    let stopped = |pid: u32| session(pid).iter().any(|&(p, s)| p == pid && s == 'T');
    for target in [1, -1] {
        let mut running = start();
        let pid = running.pid();
        until("workers", || session(pid).len() > 2);
        for _ in 0..10 {
            kill(target * pid as i32, libc::SIGSTOP);
            until("stopping", || stopped(pid) || session(pid).is_empty());
            pause(2000);
            kill(pid as i32, libc::SIGCONT);
            until("going on", || session(pid).iter().all(|&(_, state)| state != 'T'));
            pause(1000);
            if running.ended() {
                break;
            }
        }
        assert_eq!(running.wait().expect(0).text(), expected);
        assert_gone(pid, "continued");
    }
    let running = with_workers("spin");
    let pid = running.pid();
    kill(pid as i32, libc::SIGSTOP);
    until("stopping", || stopped(pid));
    kill(pid as i32, libc::SIGKILL);
    running.wait();
    assert_gone(pid, "killed while stopped");
}

/// A program that becomes another one keeps no worker as its child.
#[track_caller]
fn exec(mode: &str, gone: fn(pid: u32) -> bool) {
    let running = program(mode).workers(3).own_session().start();
    let pid = running.pid();
    let name = || std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    until("the other program", || name() == "sleep\n");
    until("the end of the workers", || gone(pid));
    kill(pid as i32, libc::SIGKILL);
    running.wait();
    assert_gone(pid, "exec");
}

#[test]
fn exec_ends_the_workers() {
    exec("exec", |pid| session(pid).iter().all(|&(p, _)| p == pid));
}

/// Through a function that cannot be taken over they end a moment later, by themselves.
#[test]
fn exec_from_inside_of_libc_ends_the_workers() {
    exec("exec_variadic", |pid| session(pid).iter().all(|&(p, state)| p == pid || state == 'Z'));
}

/// A pseudo-terminal: the side of the keyboard, and the device.
fn terminal() -> (std::fs::File, OwnedFd) {
    let (mut keyboard, mut device) = (0, 0);
    let none = std::ptr::null_mut();
    // SAFETY: both numbers are alive; no name and no settings are asked for.
    unsafe {
        let made = libc::openpty(&mut keyboard, &mut device, none, none.cast(), none.cast());
        check(made).expect("a pseudo-terminal");
        // Nobody else holds the keyboard, so that closing it hangs up.
        check(libc::fcntl(keyboard, libc::F_SETFD, libc::FD_CLOEXEC)).expect("a descriptor");
        (std::fs::File::from_raw_fd(keyboard), OwnedFd::from_raw_fd(device))
    }
}

/// In a new process: makes it the foreground job of a terminal whose session leader, a
/// process of its own, waits for it as a shell does.
fn as_foreground_job(device: i32) -> std::io::Result<()> {
    // SAFETY: only system calls, on descriptors of this process; `fork` here leaves two
    // processes with one thread each, of which one never returns from this function.
    unsafe {
        check(libc::setsid())?;
        check(libc::ioctl(device, libc::TIOCSCTTY, 0))?;
        (0..3).try_for_each(|fd| check(libc::dup2(device, fd)))?;
        let job = libc::fork();
        check(job)?;
        if job != 0 {
            libc::close_range(3, u32::MAX, 0);
            let mut status = 0;
            while libc::waitpid(job, &mut status, libc::WUNTRACED) == job {
                if !libc::WIFSTOPPED(status) {
                    libc::_exit(if libc::WIFSIGNALED(status) {
                        libc::WTERMSIG(status)
                    } else {
                        100
                    });
                }
                // As the command `fg` does, a moment later.
                libc::usleep(400_000);
                libc::kill(-job, libc::SIGCONT);
            }
            libc::_exit(101);
        }
        check(libc::setpgid(0, 0))?;
        libc::signal(libc::SIGTTOU, libc::SIG_IGN);
        check(libc::tcsetpgrp(0, libc::getpid()))?;
        libc::signal(libc::SIGTTOU, libc::SIG_DFL);
    }
    Ok(())
}

/// Runs a mode on a terminal and types; returns the job's fatal signal and the session.
#[track_caller]
fn typed(mode: &str, keys: &[u8]) -> (Option<i32>, u32) {
    use std::io::Write;
    let (mut keyboard, device) = terminal();
    let fd = device.as_raw_fd();
    let p = program(mode).workers(3).before(move || as_foreground_job(fd));
    let running = p.start();
    drop(device);
    let leader = running.pid();
    let mut text = [0; 5];
    keyboard.read_exact(&mut text).expect("what the program prints");
    assert_eq!(&text, b"ready");
    // The leader, the job and its workers.
    until("workers", || session(leader).len() > 3);
    for key in keys {
        keyboard.write_all(&[*key]).expect("typing");
        pause(30_000);
        if *key == CTRL_Z {
            until("stopping", || session(leader).iter().any(|&(_, state)| state == 'T'));
            until("going on", || session(leader).iter().all(|&(_, state)| state != 'T'));
        }
    }
    if keys.is_empty() {
        drop(keyboard);
        let status = running.wait().status;
        return (status.code().or(status.signal()), leader);
    }
    (running.wait().code(), leader)
}

const CTRL_C: u8 = 3;
const CTRL_BACKSLASH: u8 = 28;
const CTRL_Z: u8 = 26;

#[test]
fn keys_of_a_terminal() {
    for mode in ["busy", "spin"] {
        for (keys, signal) in [
            (&[CTRL_C][..], libc::SIGINT),
            (&[CTRL_BACKSLASH], libc::SIGQUIT),
            (&[CTRL_Z, CTRL_Z, CTRL_C], libc::SIGINT),
        ] {
            let (ended_by, leader) = typed(mode, keys);
            assert_eq!(ended_by, Some(signal), "{mode}");
            assert_gone(leader, mode);
        }
    }
}

#[test]
fn a_terminal_that_hangs_up() {
    for mode in ["busy", "spin"] {
        let (ended_by, leader) = typed(mode, &[]);
        assert_eq!(ended_by, Some(libc::SIGHUP), "{mode}");
        assert_gone(leader, mode);
    }
}
