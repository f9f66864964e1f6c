//! A program that is no master yet: what the calls answer, and who may become one.
use detpar_tests::conformance::surroundings::become_master;
use detpar_tests::program;
use kernel::abi::ChildId;
use kernel::call::{self, Get, GetError, Put};
use kernel::error::Error;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    program::run(&[("outside", outside), ("threads", threads), ("children", children)])
}

fn none<T: std::fmt::Debug>(answer: Result<T, GetError>) {
    assert!(matches!(answer, Err(GetError::Kernel(Error::NoMaster))), "{answer:?}");
}

/// Without a tree there are no calls.
fn outside() {
    // SAFETY: none of these gets to a child.
    unsafe {
        none(Put::new(ChildId(0)).snap().call());
        none(Get::new(ChildId(0)).merge().call());
        none(call::kill(ChildId(0)));
        none(call::join(&[ChildId(0)]));
        assert_eq!(
            call::raw::dput(0, 0, 0, 0, 0, std::ptr::null(), call::Frames::From(0)),
            -i64::from(libc::EPERM)
        );
        assert_eq!(call::raw::dget(0, 0, 0, 0, 0, 0), -i64::from(libc::EPERM));
        assert_eq!(call::raw::dkill(0), -i64::from(libc::EPERM));
    }
    assert_eq!(call::raw::dret(0), -i64::from(libc::EPERM));
    assert!(matches!(detpar::try_join(|| 1, || 2), Err(detpar::JoinError::Unsupported(_))));
}

/// Beside a thread nobody becomes a master; when it has ended, somebody does.
fn threads() {
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let parked = std::thread::spawn(move || receive.recv().is_err());
    assert_eq!(become_master(), Err(Error::Busy));
    outside();
    drop(send);
    assert!(parked.join().expect("a thread"));
    assert_eq!(become_master(), Ok(()));
    outside();
}

/// Children of the process, as a shell's exec may leave some, are none of a master's business.
fn children() {
    let mut sleeps = Command::new("/bin/sleep").arg("100").spawn().expect("a process");
    assert_eq!(become_master(), Ok(()));
    sleeps.kill().and_then(|()| sleeps.wait()).expect("its end");
}
