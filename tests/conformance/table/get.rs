//! The options of get, other than Merge alone.
use super::super::program::{Failure, Get, Op, Perm, Put, frame, heap, stat};
use super::*;

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "copy_from_the_child",
            &["get-copy", "unaligned"],
            [
                (fork(0, [count(stat(4090), 12, 1)]), OK),
                (get(0, Get::new().copy(stat(4091).span(10), heap(8190))), RETURNED),
                (look(heap(8189)), all(0)),
                (look(heap(8190)), all(2)),
                (look(heap(8199)), all(11)),
                (look(heap(8200)), all(0)),
                (read(stat(4090), 12), all(0)),
                (get(0, Get::new().copy(stat(4091).span(1), frame(7))), RETURNED),
                (look(frame(7)), all(2)),
            ],
        ),
        row(
            "copy_is_the_parents_change",
            &["get-copy", "merge-counts"],
            [
                (fork(0, [set(heap(0), 1)]), OK),
                (get(0, Get::new().copy(heap(0).span(1), heap(0))), RETURNED),
                (look(heap(0)), all(1)),
                (merge(0), conflict(heap(0))),
            ],
        ),
        row(
            "copy_comes_after_merge",
            &["get-order"],
            [
                (fork(0, [fill(heap(0), 2, 1), set(heap(100), 2)]), OK),
                (get(0, Get::new().merge().copy(heap(100).span(1), heap(0))), RETURNED),
                (look(heap(0)), all(2)),
                (look(heap(1)), all(1)),
                (look(heap(100)), all(2)),
            ],
        ),
        row(
            "zero_comes_after_merge_and_copy",
            &["get-order", "zero-get"],
            [
                (fork(0, [fill(heap(0), 4, 1)]), OK),
                (
                    get(
                        0,
                        Get::new().merge().copy(heap(0).span(2), heap(10)).zero(heap(1).span(10)),
                    ),
                    RETURNED,
                ),
                (look(heap(0)), all(1)),
                (read(heap(1), 10), all(0)),
                (look(heap(11)), all(1)),
            ],
        ),
        row(
            "zero_in_the_parent",
            &["zero-get", "unaligned"],
            [
                (fill(heap(0), 8192, 5), OK),
                (put(0, Put::new()), OK),
                (get(0, Get::new().zero(heap(4095).span(2))), CREATED),
                (look(heap(4094)), all(5)),
                (read(heap(4095), 2), all(0)),
                (look(heap(4097)), all(5)),
                (get(0, Get::new().copy(heap(4095).span(1), heap(0))), CREATED),
                (look(heap(0)), all(5)),
            ],
        ),
        row(
            "zero_is_the_parents_change",
            &["zero-get", "merge-counts"],
            [
                (set(heap(0), 5), OK),
                (fork(0, [set(heap(0), 6)]), OK),
                (get(0, Get::new().zero(heap(0).span(1))), RETURNED),
                (merge(0), conflict(heap(0))),
                (look(heap(0)), all(0)),
            ],
        ),
        row(
            "perm_of_the_caller",
            &["perm-get", "own-permissions"],
            [
                (fill(heap(4096), 4096, 5), OK),
                (put(0, Put::new()), OK),
                (get(0, Get::new().perm(heap(4096).span(4096), Perm::Read)), CREATED),
                (look(heap(4096)), all(5)),
                (get(0, Get::new().zero(heap(8191).span(1))), FAULT),
                (get(0, Get::new().copy(heap(0).span(8192), heap(0))), FAULT),
                (put(0, Put::new().copy(heap(4096).span(9), heap(0))), OK),
                (get(0, Get::new().perm(heap(4096).span(4096), Perm::None)), CREATED),
                (put(0, Put::new().copy(heap(4095).span(2), heap(0))), FAULT),
                (put(0, Put::new().copy(heap(0).span(2), heap(4096))), OK),
                (get(0, Get::new().perm(heap(4096).span(4096), Perm::ReadWrite)), CREATED),
                (get(0, Get::new().copy(heap(0).span(2), heap(4096))), CREATED),
                (read(heap(4096), 4096), all(5)),
            ],
        ),
        row(
            "perm_of_the_caller_in_a_child",
            &["perm-get"],
            [
                (
                    fork(
                        0,
                        [
                            put(9, Put::new()),
                            get(9, Get::new().perm(stat(0).span(4096), Perm::Read)),
                            Op::RetByte(stat(0)),
                            set(stat(0), 1),
                        ],
                    ),
                    OK,
                ),
                (status(0), stopped(0)),
                (set(stat(0), 2), OK),
                (start(0), OK),
                (status(0), failed(Failure::Fault)),
            ],
        ),
        row(
            "perm_is_inherited",
            &["perm-inherited"],
            [
                (put(9, Put::new()), OK),
                (get(9, Get::new().perm(heap(0).span(4096), Perm::Read)), CREATED),
                (put(0, Put::new().regs([look(heap(0)), set(heap(0), 1)]).start()), OK),
                (status(0), failed(Failure::Fault)),
                (put(9, Put::fork([set(heap(0), 1)])), OK),
                (status(9), failed(Failure::Fault)),
                (
                    put(1, Put::fork([set(heap(0), 1)]).perm(heap(0).span(4096), Perm::ReadWrite)),
                    OK,
                ),
                (merge(1), FAULT),
                (get(1, Get::new().perm(heap(0).span(4096), Perm::ReadWrite)), RETURNED),
                (merge(1), RETURNED),
                (look(heap(0)), all(1)),
            ],
        ),
        row(
            "failed_child_does_nothing_else",
            &["get-failed"],
            [
                (fill(heap(0), 4, 3), OK),
                (fork(0, [fill(heap(0), 4, 4), Op::Fail(Failure::Panic)]), OK),
                (
                    get(0, Get::new().merge().copy(heap(0).span(1), heap(9)).zero(heap(0).span(4))),
                    failed(Failure::Panic),
                ),
                (get(0, Get::new().zero(heap(0).span(4))), failed(Failure::Panic)),
                (read(heap(0), 4), all(3)),
                (look(heap(9)), all(0)),
            ],
        ),
        row(
            "registers_are_read",
            &["get-regs"],
            [
                (fork(0, [Op::Ret(1), Op::Ret(2)]), OK),
                (get(0, Get { regs: true, ..Get::new() }), stopped(1)),
                (start(0), OK),
                (get(0, Get { regs: true, ..Get::new() }), stopped(2)),
                (put(1, Put::new()), OK),
                (get(1, Get { regs: true, ..Get::new() }), CREATED),
            ],
        ),
        row(
            "polling",
            &["dont-wait"],
            [
                (fork(0, late([set(heap(0), 1), Op::Ret(4)])), OK),
                (Op::Poll(0, Get::new().merge().dont_wait()), stopped(4)),
                (look(heap(0)), all(1)),
                (get(0, Get::new().dont_wait()), stopped(4)),
                (get(1, Get::new().dont_wait()), NO_CHILD),
            ],
        ),
        row(
            "master_alone_polls",
            &["dont-wait", "signals", "checks-in-order"],
            [
                (
                    fork(
                        0,
                        [
                            put(1, Put::new()),
                            get(1, Get::new().dont_wait()),
                            get(1, Get { signals: true, ..Get::new() }),
                            get(2, Get { dont_wait: true, tree: true, ..Get::new() }),
                            Op::Report,
                        ],
                    ),
                    OK,
                ),
                (status(0), stopped(report(&[OK, PERMISSION, PERMISSION, UNSUPPORTED]))),
                (
                    get(0, Get { signals: true, ..Get::new() }),
                    stopped(report(&[OK, PERMISSION, PERMISSION, UNSUPPORTED])),
                ),
            ],
        ),
    ]
}
