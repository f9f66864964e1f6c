//! Under Docker's default seccomp profile: the same bytes as without it.
use detpar_tests::docker::Profile;
use detpar_tests::harness::{Program, check};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// Programs and their arguments. `faults` and `confined` make every call that there is, in
/// children, `hostile` by every door.
const PROGRAMS: [(&str, &[&str]); 8] = [
    (env!("CARGO_BIN_EXE_varied"), &[]),
    (env!("CARGO_BIN_EXE_nested"), &[]),
    (env!("CARGO_BIN_EXE_barriers"), &[]),
    (env!("CARGO_BIN_EXE_open"), &[]),
    (env!("CARGO_BIN_EXE_clocks"), &[]),
    (env!("CARGO_BIN_EXE_faults"), &[]),
    (env!("CARGO_BIN_EXE_confined"), &["answered_rows", "near_misses", "passing_rows"]),
    (env!("CARGO_BIN_EXE_hostile"), &["raw_syscall", "x32", "gate_clone", "frame_to_nowhere"]),
];

fn program(path: &str, arguments: &[&str]) -> Program {
    Program::new(path).workers(3).limit(Duration::from_secs(240)).args(arguments)
}

#[test]
fn the_same_bytes() {
    for (path, arguments) in PROGRAMS {
        let without = program(path, arguments).run().expect(0);
        let profile = Profile::new();
        let with = program(path, arguments).before(move || profile.install()).run().expect(0);
        assert_eq!(with.text(), without.text(), "{path}");
        assert!(with.out == without.out, "{path}: stdout");
    }
}

/// What a process says that asks for something under the profile.
fn asked(call: libc::c_long, argument: usize) -> Option<i32> {
    let profile = Profile::new();
    let ask = move || -> io::Result<()> {
        profile.install()?;
        // SAFETY: none of these calls takes a pointer in its first argument.
        check(unsafe { libc::syscall(call, argument, 0, 0, 0, 0) } as i32)
    };
    let mut command = Command::new("/bin/true");
    // SAFETY: makes system calls only.
    unsafe { command.pre_exec(ask) };
    command.status().err().and_then(|e| e.raw_os_error())
}

/// That it is in force at all.
#[test]
fn the_profile_refuses_what_docker_refuses() {
    const NO_RANDOM_ADDRESSES: usize = 0x4_0000;
    let eperm = Some(libc::EPERM);
    assert_eq!(asked(libc::SYS_unshare, libc::CLONE_NEWUSER as usize), eperm);
    assert_eq!(asked(libc::SYS_clone, libc::CLONE_NEWUSER as usize), eperm);
    assert_eq!(asked(libc::SYS_clone3, 0), Some(libc::ENOSYS));
    assert_eq!(asked(libc::SYS_personality, NO_RANDOM_ADDRESSES), eperm);
    assert_eq!(asked(libc::SYS_io_uring_setup, 1), eperm);
    assert_eq!(asked(libc::SYS_socket, 40), eperm);
    assert_eq!(asked(libc::SYS_personality, 0), None);
    assert_eq!(asked(libc::SYS_getpid, 0), None);
}
