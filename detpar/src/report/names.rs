//! Names of signals.

/// Name and meaning of the signals that can end a child.
const SIGNALS: &[(i32, &str, &str)] = &[
    (libc::SIGHUP, "SIGHUP", "a hangup"),
    (libc::SIGINT, "SIGINT", "an interrupt"),
    (libc::SIGQUIT, "SIGQUIT", "a request to quit"),
    (libc::SIGILL, "SIGILL", "an illegal instruction"),
    (libc::SIGTRAP, "SIGTRAP", "a trap"),
    (libc::SIGABRT, "SIGABRT", "an abort"),
    (libc::SIGBUS, "SIGBUS", "a bad access to memory"),
    (libc::SIGFPE, "SIGFPE", "an arithmetic error"),
    (libc::SIGKILL, "SIGKILL", "a kill"),
    (libc::SIGUSR1, "SIGUSR1", "a signal of the program's own"),
    (libc::SIGSEGV, "SIGSEGV", "a bad access to memory"),
    (libc::SIGUSR2, "SIGUSR2", "a signal of the program's own"),
    (libc::SIGPIPE, "SIGPIPE", "a pipe without a reader"),
    (libc::SIGALRM, "SIGALRM", "a timer"),
    (libc::SIGTERM, "SIGTERM", "a request to end"),
    (libc::SIGCHLD, "SIGCHLD", "the end of a process"),
    (libc::SIGCONT, "SIGCONT", "a request to go on"),
    (libc::SIGSTOP, "SIGSTOP", "a stop"),
    (libc::SIGTSTP, "SIGTSTP", "a stop from the terminal"),
    (libc::SIGXCPU, "SIGXCPU", "the limit on processor time"),
    (libc::SIGXFSZ, "SIGXFSZ", "the limit on file sizes"),
    (libc::SIGSYS, "SIGSYS", "a bad system call"),
];

/// A signal's name.
pub(crate) fn signal(number: i32) -> String {
    let known = SIGNALS.iter().find(|s| s.0 == number);
    known.map_or_else(|| format!("signal {number}"), |s| s.1.to_owned())
}

/// What a signal stands for.
pub(super) fn signal_meaning(number: i32) -> &'static str {
    SIGNALS.iter().find(|s| s.0 == number).map_or("a signal", |s| s.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (i, a) in SIGNALS.iter().enumerate() {
            assert!(SIGNALS[..i].iter().all(|b| a.0 != b.0), "{} twice", a.1);
        }
        assert_eq!((signal(11).as_str(), signal(40).as_str()), ("SIGSEGV", "signal 40"));
    }
}
