//! Descriptors.

use super::super::policy::{Action, Arg::*, Row, Topic, refuse, row, tree};

const IO: &str = "what a descriptor yields is outside input: read and write it in the master";
const DUP: &str = "a child has no descriptors of its own: duplicate them in the master";
const PIPE: &str = "nothing can be at the other end: return values to the parent instead";
const READY: &str =
    "readiness depends on others and on time: a child waits for nothing but its own children";
const RING: &str =
    "calls made through shared memory cannot be confined: do input and output in the master";

/// Descriptors.
pub(crate) const TOPIC: Topic = Topic {
    title: "Descriptors",
    intro: "A child has no descriptors in truth. Standard output and error are captured and delivered at the merge; closing what was inherited is recorded. Files of the tree that a child opens (docs/files.md) have numbers from 2^20 on: *answered in a tree* is what a call on those gets. Everything else is refused.",
    rows: ROWS,
};

const ROWS: &[Row] = &[
    row(
        0,
        "read",
        &[Fd, Ptr, Num],
        Action::Handler,
        "standard input, line by line, in program order; *answered in a tree*; all else is refused: what a descriptor yields is outside input: read it in the master",
    ),
    row(
        1,
        "write",
        &[Fd, Ptr, Num],
        Action::Handler,
        "standard output and error are captured, in program order; all else is refused",
    ),
    row(
        3,
        "close",
        &[Fd],
        Action::Close,
        "recorded in the image and merged with it; the master closes",
    ),
    row(
        5,
        "fstat",
        &[Fd, Ptr],
        Action::Handler,
        "standard streams are pipes, whatever they are outside; all else is refused",
    ),
    row(
        7,
        "poll",
        &[Ptr, Num, Num],
        Action::Sleep,
        "without descriptors a sleep, which the virtual clock makes; else refused: readiness depends on others",
    ),
    row(
        8,
        "lseek",
        &[Fd, Num, Num],
        Action::Handler,
        "standard streams cannot seek; all else is refused",
    ),
    row(
        16,
        "ioctl",
        &[Fd, Bits, Ptr],
        Action::Handler,
        "standard streams are no terminals; all else is refused",
    ),
    tree(17, "pread64", &[Fd, Ptr, Num, Num], IO),
    tree(18, "pwrite64", &[Fd, Ptr, Num, Num], IO),
    row(
        19,
        "readv",
        &[Fd, Ptr, Num],
        Action::Handler,
        "standard input, line by line, in program order; *answered in a tree*; all else is refused: what a descriptor yields is outside input: read it in the master",
    ),
    row(
        20,
        "writev",
        &[Fd, Ptr, Num],
        Action::Handler,
        "standard output and error are captured, in program order; all else is refused",
    ),
    refuse(22, "pipe", &[Ptr], PIPE),
    row(
        23,
        "select",
        &[Num, Ptr, Ptr, Ptr, Ptr],
        Action::Sleep,
        "without descriptors a sleep, which the virtual clock makes; else refused: readiness depends on others",
    ),
    row(
        32,
        "dup",
        &[Fd],
        Action::Handler,
        "files of the tree get one more number; the standard streams answer that there is none \
         left, whereupon `perror` uses the stream itself; all else is refused: duplicate it in the \
         master",
    ),
    tree(33, "dup2", &[Fd, Num], DUP),
    tree(40, "sendfile", &[Fd, Fd, Ptr, Num], IO),
    row(
        72,
        "fcntl",
        &[Fd, Num, Num],
        Action::Flags,
        "every inherited descriptor closes on exec; other requests are refused",
    ),
    tree(73, "flock", &[Fd, Bits], IO),
    tree(74, "fsync", &[Fd], IO),
    tree(75, "fdatasync", &[Fd], IO),
    tree(77, "ftruncate", &[Fd, Num], IO),
    refuse(78, "getdents", &[Fd, Ptr, Num], IO),
    refuse(162, "sync", &[], IO),
    refuse(187, "readahead", &[Fd, Num, Num], IO),
    refuse(206, "io_setup", &[Num, Ptr], RING),
    refuse(207, "io_destroy", &[Num], RING),
    refuse(208, "io_getevents", &[Num, Num, Num, Ptr, Ptr], RING),
    refuse(209, "io_submit", &[Num, Num, Ptr], RING),
    refuse(210, "io_cancel", &[Num, Ptr, Ptr], RING),
    refuse(213, "epoll_create", &[Num], READY),
    refuse(214, "epoll_ctl_old", &[Fd, Num, Fd, Ptr], READY),
    refuse(215, "epoll_wait_old", &[Fd, Ptr, Num, Num], READY),
    tree(217, "getdents64", &[Fd, Ptr, Num], IO),
    tree(221, "fadvise64", &[Fd, Num, Num, Num], IO),
    refuse(232, "epoll_wait", &[Fd, Ptr, Num, Num], READY),
    refuse(233, "epoll_ctl", &[Fd, Num, Fd, Ptr], READY),
    row(
        270,
        "pselect6",
        &[Num, Ptr, Ptr, Ptr, Ptr, Ptr],
        Action::Sleep,
        "without descriptors a sleep, which the virtual clock makes; else refused: readiness depends on others",
    ),
    row(
        271,
        "ppoll",
        &[Ptr, Num, Ptr, Ptr, Num],
        Action::Sleep,
        "without descriptors a sleep, which the virtual clock makes; else refused: readiness depends on others",
    ),
    refuse(275, "splice", &[Fd, Ptr, Fd, Ptr, Num, Bits], IO),
    refuse(276, "tee", &[Fd, Fd, Num, Bits], IO),
    refuse(277, "sync_file_range", &[Fd, Num, Num, Bits], IO),
    refuse(278, "vmsplice", &[Fd, Ptr, Num, Bits], IO),
    refuse(281, "epoll_pwait", &[Fd, Ptr, Num, Num, Ptr, Num], READY),
    refuse(284, "eventfd", &[Num], PIPE),
    refuse(285, "fallocate", &[Fd, Bits, Num, Num], IO),
    refuse(290, "eventfd2", &[Num, Bits], PIPE),
    refuse(291, "epoll_create1", &[Bits], READY),
    tree(292, "dup3", &[Fd, Num, Bits], DUP),
    refuse(293, "pipe2", &[Ptr, Bits], PIPE),
    refuse(295, "preadv", &[Fd, Ptr, Num, Num, Num], IO),
    refuse(296, "pwritev", &[Fd, Ptr, Num, Num, Num], IO),
    refuse(306, "syncfs", &[Fd], IO),
    tree(326, "copy_file_range", &[Fd, Ptr, Fd, Ptr, Num, Bits], IO),
    refuse(327, "preadv2", &[Fd, Ptr, Num, Num, Num, Bits], IO),
    refuse(328, "pwritev2", &[Fd, Ptr, Num, Num, Num, Bits], IO),
    refuse(333, "io_pgetevents", &[Num, Num, Num, Ptr, Ptr, Ptr], RING),
    refuse(425, "io_uring_setup", &[Num, Ptr], RING),
    refuse(426, "io_uring_enter", &[Fd, Num, Num, Bits, Ptr, Num], RING),
    refuse(427, "io_uring_register", &[Fd, Num, Ptr, Num], RING),
    refuse(436, "close_range", &[Num, Num, Bits], DUP),
    refuse(441, "epoll_pwait2", &[Fd, Ptr, Num, Ptr, Ptr, Num], READY),
    refuse(451, "cachestat", &[Fd, Ptr, Ptr, Bits], IO),
];
