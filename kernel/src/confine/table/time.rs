//! Time.

use super::super::policy::{Action, Arg::*, Row, Topic, refuse, row};

const SETCLOCK: &str = "the clock of the machine is the outside: set it in the master";
const TIMER: &str =
    "timers end by signals and descriptors, which no child has: sleep, or time in the master";

/// Time.
pub(crate) const TOPIC: Topic = Topic {
    title: "Time",
    intro: "Every clock is the virtual clock of the space. It starts at a fixed instant, moves by a fixed step at each reading and by what is slept, and joins take the latest of the clocks they merge.",
    rows: ROWS,
};

const ROWS: &[Row] = &[
    row(35, "nanosleep", &[Ptr, Ptr], Action::Sleep, "the virtual clock moves on, nobody waits"),
    refuse(36, "getitimer", &[Num, Ptr], TIMER),
    refuse(37, "alarm", &[Num], TIMER),
    refuse(38, "setitimer", &[Num, Ptr, Ptr], TIMER),
    row(96, "gettimeofday", &[Ptr, Ptr], Action::Clock, "the virtual clock"),
    row(
        98,
        "getrusage",
        &[Num, Ptr],
        Action::Clock,
        "the virtual clock as processor time; of the space itself, other counts are 0",
    ),
    row(100, "times", &[Ptr], Action::Clock, "the virtual clock as processor time"),
    refuse(159, "adjtimex", &[Ptr], SETCLOCK),
    refuse(164, "settimeofday", &[Ptr, Ptr], SETCLOCK),
    row(201, "time", &[Ptr], Action::Clock, "the virtual clock"),
    refuse(222, "timer_create", &[Num, Ptr, Ptr], TIMER),
    refuse(223, "timer_settime", &[Num, Num, Ptr, Ptr], TIMER),
    refuse(224, "timer_gettime", &[Num, Ptr], TIMER),
    refuse(225, "timer_getoverrun", &[Num], TIMER),
    refuse(226, "timer_delete", &[Num], TIMER),
    refuse(227, "clock_settime", &[Num, Ptr], SETCLOCK),
    row(
        228,
        "clock_gettime",
        &[Num, Ptr],
        Action::Clock,
        "the virtual clock; clocks of other processes are refused",
    ),
    row(229, "clock_getres", &[Num, Ptr], Action::Clock, "the step of the virtual clock"),
    row(
        230,
        "clock_nanosleep",
        &[Num, Bits, Ptr, Ptr],
        Action::Sleep,
        "the virtual clock moves on, nobody waits; processor-time clocks are refused",
    ),
    refuse(283, "timerfd_create", &[Num, Bits], TIMER),
    refuse(286, "timerfd_settime", &[Fd, Bits, Ptr, Ptr], TIMER),
    refuse(287, "timerfd_gettime", &[Fd, Ptr], TIMER),
    refuse(305, "clock_adjtime", &[Num, Ptr], SETCLOCK),
];
