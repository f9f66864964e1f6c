//! The options of put.
use super::super::program::{Failure, Get, Op, Perm, Put, frame, heap, stat};
use super::*;

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "copy_to_another_place",
            &["put-copy", "unaligned"],
            [
                (count(heap(4090), 12, 10), OK),
                (put(0, Put::new().copy(heap(4091).span(10), stat(4093))), OK),
                (put(0, Put::new().copy(heap(4090).span(1), frame(200))), OK),
                (get(0, Get::new().copy(stat(4092).span(12), heap(0))), CREATED),
                (look(heap(0)), all(0)),
                (look(heap(1)), all(11)),
                (look(heap(10)), all(20)),
                (look(heap(11)), all(0)),
                (get(0, Get::new().copy(frame(200).span(1), heap(0))), CREATED),
                (look(heap(0)), all(10)),
                (read(stat(4092), 12), all(0)),
            ],
        ),
        row(
            "copy_counts_as_change",
            &["put-copy", "snap-then-copy", "merge"],
            [
                (fill(heap(0), 8, 7), OK),
                (put(0, Put::new().copy(heap(0).span(8), heap(9000)).snap()), OK),
                (merge(0), CREATED),
                (read(heap(9000), 8), all(7)),
                (read(heap(0), 8), all(7)),
            ],
        ),
        row(
            "copy_of_equal_bytes_is_no_change",
            &["put-copy", "restored"],
            [
                (fill(heap(0), 8, 7), OK),
                (put(0, Put::new().snap().copy(heap(0).span(8), heap(0))), OK),
                (set(heap(3), 1), OK),
                (merge(0), CREATED),
                (look(heap(3)), all(1)),
            ],
        ),
        row(
            "copy_brings_the_parent_of_now",
            &["put-copy"],
            [
                (set(heap(0), 1), OK),
                (put(0, Put::new().snap().regs([Op::RetByte(heap(0)), Op::RetByte(heap(1))])), OK),
                (fill(heap(0), 2, 2), OK),
                (put(0, Put::new().copy(heap(0).span(1), heap(0)).start()), OK),
                (status(0), stopped(2)),
                (start(0), OK),
                (status(0), stopped(0)),
            ],
        ),
        row(
            "zero_in_the_child",
            &["zero-put", "unaligned", "snap-then-copy"],
            [
                (fill(heap(0), 3 * 4096, 5), OK),
                (put(0, Put::new().snap().zero(heap(4095).span(4098))), OK),
                (look(heap(4096)), all(5)),
                (merge(0), CREATED),
                (look(heap(4094)), all(5)),
                (read(heap(4095), 4098), all(0)),
                (look(heap(8193)), all(5)),
            ],
        ),
        row(
            "zero_of_zeros_is_no_change",
            &["zero-put", "restored"],
            [
                (put(0, Put::new().snap().zero(stat(0).span(8192))), OK),
                (set(stat(17), 1), OK),
                (merge(0), CREATED),
                (look(stat(17)), all(1)),
            ],
        ),
        row(
            "zero_comes_after_copy",
            &["put-order"],
            [
                (fill(heap(0), 4, 5), OK),
                (put(0, Put::new().zero(heap(101).span(2)).copy(heap(0).span(4), heap(100))), OK),
                (get(0, Get::new().copy(heap(100).span(4), heap(200))), CREATED),
                (look(heap(200)), all(5)),
                (read(heap(201), 2), all(0)),
                (look(heap(203)), all(5)),
            ],
        ),
        row(
            "perm_comes_after_copy_and_zero",
            &["put-order", "perm", "own-permissions"],
            [
                (fill(heap(0), 4, 5), OK),
                (
                    put(
                        0,
                        Put::fork([Op::RetByte(heap(4096)), set(heap(4096), 1)])
                            .copy(heap(0).span(4), heap(4096))
                            .zero(heap(4097).span(1))
                            .perm(heap(4096).span(4096), Perm::Read),
                    ),
                    OK,
                ),
                (status(0), stopped(5)),
                (start(0), OK),
                (status(0), failed(Failure::Fault)),
            ],
        ),
        row(
            "all_options_at_once",
            &["put-order", "snap-then-copy"],
            [
                (fill(heap(0), 64, 1), OK),
                (put(0, Put::new().regs([Op::Ret(99)]).start()), OK),
                (status(0), stopped(99)),
                (
                    put(
                        0,
                        Put::fork([add(heap(0), 1), Op::RetByte(heap(100)), set(heap(8192), 1)])
                            .copy(heap(0).span(8), heap(100))
                            .zero(heap(104).span(4))
                            .perm(heap(8192).span(4096), Perm::None),
                    ),
                    OK,
                ),
                (merge(0), stopped(1)),
                (look(heap(0)), all(2)),
                (read(heap(100), 4), all(1)),
                (read(heap(104), 4), all(0)),
                (start(0), OK),
                (status(0), failed(Failure::Fault)),
            ],
        ),
        row(
            "second_snap_forgets_changes",
            &["snap"],
            [
                (fork(0, [fill(heap(0), 8192, 1), set(stat(0), 1), set(frame(0), 1)]), OK),
                (set(heap(1), 2), OK),
                (put(0, Put::new().snap()), OK),
                (merge(0), RETURNED),
                (look(heap(0)), all(0)),
                (look(heap(1)), all(2)),
                (look(stat(0)), all(0)),
                (look(frame(0)), all(0)),
                (put(0, Put::new().regs([Op::RetByte(heap(1))]).start()), OK),
                (status(0), stopped(2)),
            ],
        ),
        row(
            "second_snap_moves_the_reference_image",
            &["snap", "merge-again"],
            [
                (fork(0, [set(heap(0), 1), Op::Ret(0), set(heap(0), 3), Op::Ret(1)]), OK),
                (merge(0), stopped(0)),
                (set(heap(0), 2), OK),
                (put(0, Put::new().snap().start()), OK),
                (merge(0), stopped(1)),
                (look(heap(0)), all(3)),
            ],
        ),
        row(
            "snap_of_a_stopped_child_keeps_its_frames",
            &["snap-keeps", "restart-after-ret", "regs-local"],
            [
                (
                    fork(
                        0,
                        [Op::SetLocal(6), set(heap(0), 1), look(heap(0)), Op::Ret(0), Op::Local]
                            .into_iter()
                            .chain([Op::RetByte(heap(0)), Op::Report])
                            .collect::<Vec<_>>(),
                    ),
                    OK,
                ),
                (status(0), stopped(0)),
                (set(heap(0), 4), OK),
                (put(0, Put::new().snap().start()), OK),
                (status(0), stopped(4)),
                (start(0), OK),
                (status(0), stopped(report(&[OK, OK, all(1), Seen::Local(6)]))),
            ],
        ),
        row(
            "last_page_is_snapped",
            &["snap"],
            [
                (put(0, Put::new()), OK),
                (set(heap(4 * 4096 - 1), 1), OK),
                (set(stat(2 * 4096 - 1), 2), OK),
                (set(frame(255), 3), OK),
                (put(0, Put::fork([Op::RetByte(heap(4 * 4096 - 1)), Op::RetByte(stat(8191))])), OK),
                (status(0), stopped(1)),
                (start(0), OK),
                (status(0), stopped(2)),
                (put(0, Put::new().regs([Op::RetByte(frame(255))]).start()), OK),
                (status(0), stopped(3)),
            ],
        ),
        row(
            "new_registers_give_up_the_old_computation",
            &["regs"],
            [
                (fork(0, [set(heap(0), 1), Op::Ret(1), Op::Ret(2)]), OK),
                (status(0), stopped(1)),
                (put(0, Put::new().regs([Op::RetByte(heap(0)), Op::Ret(7)])), OK),
                (status(0), CREATED),
                (merge(0), CREATED),
                (look(heap(0)), all(1)),
                (start(0), OK),
                (status(0), stopped(1)),
                (start(0), OK),
                (status(0), stopped(7)),
            ],
        ),
        row(
            "new_registers_after_the_return",
            &["regs", "start-needs-regs"],
            [
                (fork(0, [set(heap(0), 5)]), OK),
                (status(0), RETURNED),
                (put(0, Put::new().regs([add(heap(0), 1)]).start()), OK),
                (merge(0), RETURNED),
                (look(heap(0)), all(6)),
            ],
        ),
        row(
            "thread_locals_begin_anew",
            &["regs-local"],
            [
                (Op::SetLocal(3), OK),
                (fork(0, [Op::Local, Op::SetLocal(4), Op::Report, Op::Local, Op::Report]), OK),
                (status(0), stopped(report(&[Seen::Local(0), OK]))),
                (start(0), OK),
                (merge(0), stopped(report(&[Seen::Local(0), OK, Seen::Local(4)]))),
                (Op::Local, Seen::Local(3)),
                (put(0, Put::new().regs([Op::Local, Op::Report]).start()), OK),
                (status(0), stopped(report(&[Seen::Local(0)]))),
            ],
        ),
        row(
            "perm_none_and_read",
            &["perm"],
            [
                (fill(heap(0), 3 * 4096, 1), OK),
                (
                    put(
                        0,
                        Put::fork([look(heap(4095)), look(heap(4096))])
                            .perm(heap(4096).span(4096), Perm::None),
                    ),
                    OK,
                ),
                (status(0), failed(Failure::Fault)),
                (
                    put(
                        1,
                        Put::fork([
                            Op::RetByte(heap(4096)),
                            set(heap(8192), 2),
                            set(heap(8191), 2),
                        ])
                        .perm(heap(4096).span(4096), Perm::Read),
                    ),
                    OK,
                ),
                (merge(1), stopped(1)),
                (start(1), OK),
                (status(1), failed(Failure::Fault)),
                (look(heap(8192)), all(1)),
            ],
        ),
        row(
            "perm_of_a_static",
            &["perm"],
            [
                (
                    put(
                        0,
                        Put::fork([set(stat(0), 1), Op::Ret(0), set(stat(4096), 1)])
                            .perm(stat(4096).span(4096), Perm::Read),
                    ),
                    OK,
                ),
                (merge(0), stopped(0)),
                (look(stat(0)), all(1)),
                (start(0), OK),
                (status(0), failed(Failure::Fault)),
            ],
        ),
        row(
            "perm_can_be_given_back",
            &["perm", "perm-inherited"],
            [
                (
                    put(
                        0,
                        Put::fork([Op::Ret(0), set(heap(0), 1)])
                            .perm(heap(0).span(8192), Perm::None),
                    ),
                    OK,
                ),
                (put(0, Put::new().perm(heap(0).span(4096), Perm::ReadWrite).start()), OK),
                (merge(0), RETURNED),
                (look(heap(0)), all(1)),
                (put(0, Put::new().snap().regs([set(heap(4096), 2)]).start()), OK),
                (merge(0), RETURNED),
                (look(heap(4096)), all(2)),
            ],
        ),
        row(
            "permissions_of_the_child_do_not_bind_the_parent",
            &["own-permissions", "perm"],
            [
                (set(heap(0), 3), OK),
                (put(0, Put::new().snap().perm(heap(4096).span(4096), Perm::None)), OK),
                (put(0, Put::new().copy(heap(0).span(1), heap(4100))), OK),
                (put(0, Put::new().zero(heap(4101).span(1))), OK),
                (get(0, Get::new().copy(heap(4100).span(1), heap(1))), CREATED),
                (merge(0), CREATED),
                (look(heap(1)), all(3)),
                (look(heap(4100)), all(3)),
            ],
        ),
    ]
}
