//! Children of children, and children of joins.
use super::super::program::{Failure, Get, Op, Perm, Program, Put, frame, heap, stat};
use super::*;

fn join<const N: usize>(programs: [Vec<Op>; N]) -> Op {
    Op::Join(programs.into_iter().map(Program).collect())
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "names_are_per_parent",
            &["ids-per-parent"],
            [
                (fork(0, [fork(0, [set(heap(0), 1)]), fork(7, [Op::Spin]), merge(0)]), OK),
                (fork(7, [set(heap(7), 7)]), OK),
                (merge(0), RETURNED),
                (merge(7), RETURNED),
                (look(heap(0)), all(1)),
                (look(heap(7)), all(7)),
                (status(1), NO_CHILD),
            ],
        ),
        row(
            "grandchildren_come_home_by_their_parent",
            &["merge-counts"],
            [
                (
                    fork(
                        0,
                        [
                            fork(0, [set(heap(0), 1)]),
                            fork(1, [set(heap(1), 2)]),
                            merge(0),
                            set(heap(2), 3),
                            merge(1),
                        ],
                    ),
                    OK,
                ),
                (merge(0), RETURNED),
                (look(heap(0)), all(1)),
                (look(heap(1)), all(2)),
                (look(heap(2)), all(3)),
            ],
        ),
        row(
            "unmerged_grandchild_is_forgotten",
            &["isolation", "end-takes-subtree"],
            [
                (fork(0, [fork(0, [set(heap(0), 1)]), status(0), set(heap(1), 1)]), OK),
                (merge(0), RETURNED),
                (look(heap(0)), all(0)),
                (look(heap(1)), all(1)),
            ],
        ),
        row(
            "static_changed_by_both_grandchildren",
            &["conflict"],
            [
                (
                    fork(
                        0,
                        [
                            fork(0, [add(stat(64), 1)]),
                            fork(1, [add(stat(64), 1)]),
                            merge(0),
                            merge(1),
                            Op::Report,
                            merge(1),
                            set(stat(0), 1),
                        ],
                    ),
                    OK,
                ),
                (status(0), stopped(report(&[OK, OK, RETURNED, conflict(stat(64))]))),
                (merge(0), stopped(report(&[OK, OK, RETURNED, conflict(stat(64))]))),
                (look(stat(64)), all(1)),
                (put(0, Put::new().snap().start()), OK),
                (merge(0), RETURNED),
                (look(stat(0)), all(1)),
            ],
        ),
        row(
            "grandchild_against_the_master",
            &["conflict", "merge-counts"],
            [
                (fork(0, [fork(0, [set(heap(0), 1)]), merge(0)]), OK),
                (set(heap(0), 2), OK),
                (merge(0), conflict(heap(0))),
            ],
        ),
        row(
            "rollback_three_levels_deep",
            &["conflict", "refused-changes-nothing", "merge-counts"],
            [
                (
                    fork(
                        0,
                        [
                            set(heap(0), 1),
                            fork(
                                0,
                                [
                                    set(heap(4096), 2),
                                    fork(
                                        0,
                                        [set(heap(8192), 3), set(stat(0), 3), set(frame(0), 3)],
                                    ),
                                    set(stat(0), 4),
                                    merge(0),
                                    set(heap(8193), 5),
                                ],
                            ),
                            merge(0),
                            Op::Report,
                            fork(1, [set(heap(8193), 6), Op::Ret(5)]),
                            merge(1),
                            Op::Report,
                        ],
                    ),
                    OK,
                ),
                (status(0), stopped(report(&[OK, OK, RETURNED]))),
                (start(0), OK),
                (merge(0), stopped(report(&[OK, OK, RETURNED, OK, conflict_free(5)]))),
                (look(heap(0)), all(1)),
                (look(heap(4096)), all(2)),
                (look(heap(8192)), all(0)),
                (look(heap(8193)), all(6)),
                (look(stat(0)), all(4)),
                (look(frame(0)), all(0)),
            ],
        ),
        row(
            "ret_in_a_nested_child",
            &["ret", "restart-after-ret"],
            [
                (
                    fork(
                        0,
                        [
                            fork(0, [set(heap(0), 1), Op::Ret(8), set(heap(1), 2)]),
                            status(0),
                            Op::Ret(1),
                            start(0),
                            merge(0),
                            Op::Ret(2),
                        ],
                    ),
                    OK,
                ),
                (status(0), stopped(1)),
                (start(0), OK),
                (merge(0), stopped(2)),
                (look(heap(0)), all(1)),
                (look(heap(1)), all(2)),
            ],
        ),
        row(
            "children_of_a_stopped_child_run_on",
            &["ret", "end-takes-subtree"],
            [
                (
                    fork(
                        0,
                        [
                            fork(0, late([set(heap(0), 1)])),
                            Op::Ret(1),
                            merge(0),
                            Op::RetByte(heap(0)),
                        ],
                    ),
                    OK,
                ),
                (status(0), stopped(1)),
                (set(heap(9), 1), OK),
                (start(0), OK),
                (merge(0), stopped(1)),
                (look(heap(0)), all(1)),
                (look(heap(9)), all(1)),
            ],
        ),
        row(
            "snap_keeps_children",
            &["snap-keeps"],
            [
                (
                    fork(
                        0,
                        [fork(5, [set(heap(0), 1), Op::Ret(6)]), Op::Ret(1), merge(5), Op::Report],
                    ),
                    OK,
                ),
                (status(0), stopped(1)),
                (set(heap(1), 9), OK),
                (put(0, Put::new().snap().start()), OK),
                (merge(0), stopped(report(&[OK, stopped(6)]))),
                (look(heap(0)), all(1)),
                (look(heap(1)), all(9)),
            ],
        ),
        row(
            "new_registers_keep_children",
            &["regs"],
            [
                (fork(0, [fork(5, [set(heap(0), 1), Op::Ret(6)]), Op::Ret(1)]), OK),
                (status(0), stopped(1)),
                (put(0, Put::new().regs([merge(5), Op::Report]).start()), OK),
                (merge(0), stopped(report(&[stopped(6)]))),
                (look(heap(0)), all(1)),
            ],
        ),
        row(
            "return_ends_children",
            &["end-takes-subtree"],
            [
                (fork(0, [fork(5, [Op::Spin]), fork(6, [Op::Ret(1)])]), OK),
                (status(0), RETURNED),
                (put(0, Put::new().regs([status(5), status(6), Op::Report]).start()), OK),
                (status(0), stopped(report(&[NO_CHILD, NO_CHILD]))),
            ],
        ),
        row(
            "failure_ends_children",
            &["end-takes-subtree", "put-failed"],
            [
                (fork(0, [fork(5, [Op::Spin]), Op::Fail(Failure::Fault)]), OK),
                (status(0), failed(Failure::Fault)),
                (put(0, Put::fork([status(5), Op::Report])), OK),
                (status(0), stopped(report(&[NO_CHILD]))),
            ],
        ),
        row(
            "kill_takes_the_subtree",
            &["kill", "end-takes-subtree"],
            [
                (
                    fork(
                        0,
                        [
                            fork(1, [fork(2, [Op::Spin]), Op::Spin]),
                            fork(3, [Op::Ret(0)]),
                            Op::Ret(1),
                        ],
                    ),
                    OK,
                ),
                (status(0), stopped(1)),
                (Op::Kill(0), OK),
                (fork(0, [status(1), status(3), Op::Report]), OK),
                (status(0), stopped(report(&[NO_CHILD, NO_CHILD]))),
            ],
        ),
        row(
            "kill_while_deep_below_runs",
            &["kill", "endless"],
            [
                (
                    fork(
                        0,
                        [
                            fork(0, [fork(0, [fork(0, [Op::Spin]), status(0)]), status(0)]),
                            status(0),
                        ],
                    ),
                    OK,
                ),
                (get(0, Get::new().dont_wait()), AGAIN),
                (Op::Kill(0), OK),
                (fork(0, [Op::Ret(1)]), OK),
                (status(0), stopped(1)),
            ],
        ),
        row(
            "a_child_kills_its_own",
            &["kill-nested"],
            [
                (fork(1, [Op::Spin]), OK),
                (
                    fork(0, [fork(1, [Op::Spin]), Op::Kill(1), Op::Kill(1), status(1), Op::Report]),
                    OK,
                ),
                (status(0), stopped(report(&[OK, OK, NO_CHILD, NO_CHILD]))),
                (get(1, Get::new().dont_wait()), AGAIN),
                (Op::Kill(1), OK),
            ],
        ),
        row(
            "parent_writes_beside_grandchildren",
            &["isolation"],
            [
                (fill(heap(0), 4 * 4096, 1), OK),
                (
                    fork(
                        0,
                        [
                            fill(heap(4096), 4096, 2),
                            fork(0, late_look(heap(4097))),
                            fill(heap(4096), 4096, 3),
                            fork(1, late_look(heap(4097))),
                            fill(heap(4096), 4096, 4),
                            status(0),
                            status(1),
                            Op::Report,
                        ],
                    ),
                    OK,
                ),
                (fill(heap(0), 4 * 4096, 5), OK),
                (status(0), stopped(report(&[OK, OK, OK, OK, OK, stopped(2), stopped(3)]))),
            ],
        ),
        row(
            "join_beside_named_children",
            &["unnamed-children", "closed-beside-open"],
            [
                (fork(0, [set(heap(0), 1), Op::Ret(1), set(heap(5), 1)]), OK),
                (fork(1, [Op::Spin]), OK),
                (join([vec![add(heap(1), 2), look(heap(0))], vec![set(heap(2), 3)]]), OK),
                (look(heap(1)), all(2)),
                (look(heap(2)), all(3)),
                (look(heap(0)), all(0)),
                (merge(0), stopped(1)),
                (Op::Kill(1), OK),
                (status(2), NO_CHILD),
            ],
        ),
        row(
            "join_counts_as_the_parents_change",
            &["closed-beside-open", "merge-counts"],
            [
                (fork(0, [set(heap(0), 1)]), OK),
                (join([vec![set(heap(0), 2)], vec![]]), OK),
                (merge(0), conflict(heap(0))),
                (look(heap(0)), all(2)),
            ],
        ),
        row(
            "named_children_of_joined_ones",
            &["unnamed-children", "ret-unnamed", "end-takes-subtree"],
            [
                (
                    join([
                        vec![fork(0, [set(heap(0), 1)]), merge(0), fork(1, [Op::Spin])],
                        vec![status(0), Op::Ret(3), fork(0, [set(heap(1), 1)]), merge(0)],
                    ]),
                    OK,
                ),
                (look(heap(0)), all(1)),
                (look(heap(1)), all(1)),
                (status(0), NO_CHILD),
            ],
        ),
        row(
            "joined_children_that_open_pages_to_themselves",
            &["merge-permissions", "perm-get"],
            [
                (put(9, Put::new()), OK),
                (get(9, Get::new().perm(stat(0).span(4096), Perm::Read)), CREATED),
                (join([opens(), vec![set(heap(0), 1)]]), FAULT),
                (read(stat(0), 4096), all(0)),
                (look(heap(0)), all(0)),
                (get(9, Get::new().perm(stat(0).span(4096), Perm::ReadWrite)), CREATED),
                (join([opens(), vec![set(heap(0), 1)]]), OK),
                (look(stat(5)), all(1)),
                (look(heap(0)), all(1)),
            ],
        ),
        row(
            "joins_fail_as_one",
            &["closed-beside-open"],
            [
                (
                    join([
                        vec![set(heap(0), 1)],
                        vec![set(heap(1), 1), Op::Fail(Failure::Fault)],
                        vec![Op::Spin],
                    ]),
                    Seen::Refused(Refused::Child(1, Failure::Fault)),
                ),
                (
                    join([vec![set(heap(0), 1)], vec![set(heap(4), 1)], vec![set(heap(4), 1)]]),
                    Seen::Refused(Refused::Siblings(1, 2, heap(4))),
                ),
                (look(heap(0)), all(0)),
                (look(heap(1)), all(0)),
                (look(heap(4)), all(0)),
            ],
        ),
    ]
}

/// Allows itself a page, and writes there.
fn opens() -> Vec<Op> {
    vec![
        put(2, Put::new()),
        get(2, Get::new().perm(stat(0).span(4096), Perm::ReadWrite)),
        set(stat(5), 1),
    ]
}

fn conflict_free(code: u32) -> Seen {
    stopped(code)
}

fn late_look(place: Place) -> Vec<Op> {
    let mut steps = vec![Op::Write { span: stat(0).span(4096), value: 1, step: 1 }; 20];
    steps.push(Op::RetByte(place));
    steps
}
