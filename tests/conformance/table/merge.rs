//! Merges and conflicts.
use super::super::program::{Get, Op, Perm, Put, frame, heap, stat};
use super::*;

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "changes_come_home",
            &["merge"],
            [
                (fill(heap(0), 4 * 4096, 1), OK),
                (fork(0, [fill(heap(4000), 200, 2), set(stat(8191), 3), set(frame(0), 4)]), OK),
                (fill(heap(0), 4000, 9), OK),
                (merge(0), RETURNED),
                (read(heap(0), 4000), all(9)),
                (read(heap(4000), 200), all(2)),
                (read(heap(4200), 8000), all(1)),
                (look(stat(8191)), all(3)),
                (look(frame(0)), all(4)),
            ],
        ),
        row(
            "every_byte_of_every_page",
            &["merge", "merge-neighbours"],
            [
                (
                    fork(
                        0,
                        [
                            fill(heap(0), 4 * 4096, 1),
                            fill(stat(0), 8192, 1),
                            fill(frame(0), 256, 1),
                        ],
                    ),
                    OK,
                ),
                (merge(0), RETURNED),
                (read(heap(0), 4 * 4096), all(1)),
                (read(stat(0), 8192), all(1)),
                (read(frame(0), 256), all(1)),
            ],
        ),
        row(
            "neighbours",
            &["merge-neighbours"],
            [
                (fork(0, [set(heap(0), 1), set(heap(2), 1), set(heap(4095), 1)]), OK),
                (fork(1, [set(heap(1), 2), set(heap(3), 2), set(heap(4096), 2)]), OK),
                (set(heap(4), 3), OK),
                (set(heap(4094), 3), OK),
                (merge(1), RETURNED),
                (merge(0), RETURNED),
                (look(heap(0)), all(1)),
                (look(heap(1)), all(2)),
                (look(heap(2)), all(1)),
                (look(heap(3)), all(2)),
                (look(heap(4)), all(3)),
                (look(heap(4094)), all(3)),
                (look(heap(4095)), all(1)),
                (look(heap(4096)), all(2)),
            ],
        ),
        row(
            "parent_and_child_conflict",
            &["conflict", "refused-changes-nothing"],
            [
                (fork(0, [set(heap(10), 1), set(heap(5000), 1), set(stat(3), 1)]), OK),
                (set(heap(5000), 2), OK),
                (merge(0), conflict(heap(5000))),
                (look(heap(10)), all(0)),
                (look(heap(5000)), all(2)),
                (look(stat(3)), all(0)),
                (status(0), RETURNED),
                (merge(0), conflict(heap(5000))),
                (get(0, Get::new().copy(heap(10).span(1), heap(11))), RETURNED),
                (look(heap(11)), all(1)),
            ],
        ),
        row(
            "equal_values_conflict",
            &["conflict"],
            [
                (fork(0, [add(stat(100), 1)]), OK),
                (add(stat(100), 1), OK),
                (merge(0), conflict(stat(100))),
                (look(stat(100)), all(1)),
            ],
        ),
        row(
            "conflict_in_a_frame",
            &["conflict"],
            [
                (fork(0, [set(frame(255), 1)]), OK),
                (set(frame(255), 2), OK),
                (merge(0), conflict(frame(255))),
            ],
        ),
        row(
            "lowest_conflict",
            &["conflict"],
            [
                (fork(0, [fill(heap(4090), 100, 1), set(heap(3), 1)]), OK),
                (fill(heap(4092), 1000, 2), OK),
                (merge(0), conflict(heap(4092))),
                (look(heap(3)), all(0)),
            ],
        ),
        row(
            "conflict_stops_the_whole_get",
            &["conflict", "refused-changes-nothing", "get-order"],
            [
                (fill(heap(100), 4, 7), OK),
                (fork(0, [set(heap(0), 1), set(heap(1), 1)]), OK),
                (set(heap(0), 2), OK),
                (
                    get(
                        0,
                        Get::new()
                            .merge()
                            .copy(heap(1).span(1), heap(50))
                            .zero(heap(100).span(4))
                            .perm(heap(4096).span(4096), Perm::Read),
                    ),
                    conflict(heap(0)),
                ),
                (look(heap(50)), all(0)),
                (read(heap(100), 4), all(7)),
                (set(heap(4096), 1), OK),
            ],
        ),
        row(
            "restored_by_the_child",
            &["restored"],
            [
                (set(heap(0), 5), OK),
                (fork(0, [set(heap(0), 6), set(heap(0), 5)]), OK),
                (set(heap(0), 7), OK),
                (merge(0), RETURNED),
                (look(heap(0)), all(7)),
            ],
        ),
        row(
            "restored_by_the_parent",
            &["restored"],
            [
                (set(heap(0), 5), OK),
                (fork(0, [set(heap(0), 6)]), OK),
                (set(heap(0), 7), OK),
                (set(heap(0), 5), OK),
                (merge(0), RETURNED),
                (look(heap(0)), all(6)),
            ],
        ),
        row(
            "conflict_can_be_repaired",
            &["restored", "conflict"],
            [
                (fork(0, [set(heap(0), 6)]), OK),
                (set(heap(0), 7), OK),
                (merge(0), conflict(heap(0))),
                (set(heap(0), 0), OK),
                (merge(0), RETURNED),
                (look(heap(0)), all(6)),
            ],
        ),
        row(
            "two_children_change_the_same_byte",
            &["conflict", "merge-counts"],
            [
                (fork(0, [set(heap(0), 1)]), OK),
                (fork(1, [set(heap(0), 1), set(heap(1), 1)]), OK),
                (merge(1), RETURNED),
                (merge(0), conflict(heap(0))),
                (look(heap(1)), all(1)),
            ],
        ),
        row(
            "merges_in_any_order",
            &["merge"],
            [
                (fork(2, late([set(heap(2), 2)])), OK),
                (fork(0, [set(heap(0), 1)]), OK),
                (fork(1, late([set(heap(1), 3)])), OK),
                (merge(0), RETURNED),
                (merge(2), RETURNED),
                (merge(1), RETURNED),
                (look(heap(0)), all(1)),
                (look(heap(1)), all(3)),
                (look(heap(2)), all(2)),
            ],
        ),
        row(
            "second_merge_without_snap",
            &["merge-again"],
            [
                (fork(0, [set(heap(0), 1), Op::Ret(0), set(heap(1), 1)]), OK),
                (merge(0), stopped(0)),
                (merge(0), conflict(heap(0))),
                (start(0), OK),
                (merge(0), conflict(heap(0))),
                (look(heap(1)), all(0)),
                (fork(1, [Op::Ret(0)]), OK),
                (merge(1), stopped(0)),
                (merge(1), stopped(0)),
            ],
        ),
        row(
            "merge_then_snap_then_merge",
            &["merge-again", "snap-keeps"],
            [
                (
                    fork(
                        0,
                        [add(heap(0), 1), Op::Ret(0), add(heap(0), 1), Op::Ret(1), add(heap(0), 1)],
                    ),
                    OK,
                ),
                (merge(0), stopped(0)),
                (put(0, Put::new().snap().start()), OK),
                (merge(0), stopped(1)),
                (put(0, Put::new().snap().start()), OK),
                (merge(0), RETURNED),
                (look(heap(0)), all(3)),
            ],
        ),
        row(
            "merge_leaves_the_child_alone",
            &["after-merge"],
            [
                (
                    fork(
                        0,
                        [set(heap(0), 1), Op::Ret(0), Op::RetByte(heap(1)), Op::RetByte(heap(0))],
                    ),
                    OK,
                ),
                (set(heap(1), 9), OK),
                (merge(0), stopped(0)),
                (start(0), OK),
                (status(0), stopped(0)),
                (start(0), OK),
                (status(0), stopped(1)),
            ],
        ),
        row(
            "merge_after_copy_and_zero",
            &["merge", "put-copy", "zero-put"],
            [
                (fill(heap(0), 16, 3), OK),
                (fork(0, [fill(heap(0), 4, 8), Op::Ret(0), add(heap(1), 1)]), OK),
                (fill(heap(100), 2, 5), OK),
                (
                    put(
                        0,
                        Put::new().copy(heap(100).span(2), heap(0)).zero(heap(12).span(4)).start(),
                    ),
                    OK,
                ),
                (merge(0), RETURNED),
                (look(heap(0)), all(5)),
                (look(heap(1)), all(6)),
                (read(heap(2), 2), all(8)),
                (read(heap(4), 8), all(3)),
                (read(heap(12), 4), all(0)),
                (read(heap(100), 2), all(5)),
            ],
        ),
        row(
            "copy_makes_a_conflict_go",
            &["put-copy", "restored"],
            [
                (set(heap(0), 3), OK),
                (set(heap(1), 3), OK),
                (fork(0, [set(heap(0), 4)]), OK),
                (set(heap(0), 9), OK),
                (merge(0), conflict(heap(0))),
                (put(0, Put::new().copy(heap(1).span(1), heap(0))), OK),
                (merge(0), RETURNED),
                (look(heap(0)), all(9)),
            ],
        ),
        row(
            "merge_needs_a_snapshot",
            &["merge-needs-snap"],
            [
                (put(0, Put::new().regs([set(heap(0), 1)]).start()), OK),
                (merge(0), INVALID),
                (put(0, Put::new().snap()), OK),
                (merge(0), RETURNED),
                (look(heap(0)), all(0)),
                (put(1, Put::new().snap()), OK),
                (merge(1), CREATED),
            ],
        ),
        row(
            "merge_against_permissions",
            &["merge-permissions", "own-permissions", "refused-changes-nothing"],
            [
                (fork(0, [set(heap(0), 1), set(heap(4096), 1)]), OK),
                (get(0, Get::new().perm(heap(4096).span(4096), Perm::Read)), RETURNED),
                (merge(0), FAULT),
                (look(heap(0)), all(0)),
                (set(heap(0), 2), OK),
                (merge(0), FAULT),
                (get(0, Get::new().perm(heap(4096).span(4096), Perm::ReadWrite)), RETURNED),
                (merge(0), conflict(heap(0))),
                (set(heap(0), 0), OK),
                (merge(0), RETURNED),
                (look(heap(4096)), all(1)),
            ],
        ),
        row(
            "unchanged_page_against_permissions",
            &["merge-permissions"],
            [
                (fork(0, [set(heap(0), 1), set(heap(4096), 1), set(heap(4096), 0)]), OK),
                (get(0, Get::new().perm(heap(4096).span(4096), Perm::Read)), RETURNED),
                (merge(0), RETURNED),
                (look(heap(0)), all(1)),
            ],
        ),
    ]
}
