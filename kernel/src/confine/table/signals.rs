//! Signals.

use super::super::policy::{Action, Arg::*, Row, Topic, refuse, row};

const SIGNAL: &str = "when a signal comes is not deterministic: leave signals to the master";
const SEND: &str = "other processes are the outside: send signals in the master";
const WAIT: &str = "no signal reaches a child: it would wait for ever";

/// Signals.
pub(crate) const TOPIC: Topic = Topic {
    title: "Signals",
    intro: "No signal reaches a child. One that it sends itself ends it.",
    rows: ROWS,
};

const ROWS: &[Row] = &[
    row(
        13,
        "rt_sigaction",
        &[Num, Ptr, Ptr, Num],
        Action::Disposition,
        "the default, for no handler of a child ever runs; setting one is refused: leave signals to the master",
    ),
    row(
        14,
        "rt_sigprocmask",
        &[Num, Ptr, Ptr, Num],
        Action::Mask,
        "a mask of its own, without effect: no signal reaches a child",
    ),
    refuse(15, "rt_sigreturn", &[], SIGNAL),
    refuse(34, "pause", &[], WAIT),
    row(
        62,
        "kill",
        &[Num, Num],
        Action::Signal,
        "to itself: a fault with that signal, as by abort and raise; to others refused",
    ),
    row(127, "rt_sigpending", &[Ptr, Num], Action::Pending, "none, for no signal reaches a child"),
    refuse(128, "rt_sigtimedwait", &[Ptr, Ptr, Ptr, Num], WAIT),
    refuse(129, "rt_sigqueueinfo", &[Num, Num, Ptr], SEND),
    refuse(130, "rt_sigsuspend", &[Ptr, Num], WAIT),
    row(
        131,
        "sigaltstack",
        &[Ptr, Ptr],
        Action::SignalStack,
        "none is set; taking it down, as Rust does before it exits, succeeds; setting one is refused",
    ),
    row(
        200,
        "tkill",
        &[Num, Num],
        Action::Signal,
        "to itself: a fault with that signal, as by abort and raise; to others refused",
    ),
    refuse(219, "restart_syscall", &[], SIGNAL),
    row(
        234,
        "tgkill",
        &[Num, Num, Num],
        Action::Signal,
        "to itself: a fault with that signal, as by abort and raise; to others refused",
    ),
    refuse(282, "signalfd", &[Fd, Ptr, Num], SIGNAL),
    refuse(289, "signalfd4", &[Fd, Ptr, Num, Bits], SIGNAL),
    refuse(297, "rt_tgsigqueueinfo", &[Num, Num, Num, Ptr], SEND),
    refuse(424, "pidfd_send_signal", &[Fd, Num, Ptr, Bits], SEND),
];
