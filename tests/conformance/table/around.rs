//! What programs have around them: signals, output, polls, the way to become a master.
use super::super::program::{Bell, Failure, Get, Op, Program, Put, heap, stat};
use super::*;

pub(super) fn rows() -> Vec<Row> {
    let print = |text: &str| text.bytes().map(Op::Print).collect::<Vec<_>>();
    let prints = |text: &str, then: Op| {
        let mut steps = print(text);
        steps.push(then);
        steps
    };
    vec![
        row(
            "named_signal_interrupts_a_wait",
            &["signals", "refused-changes-nothing"],
            [
                (fill(heap(0), 8, 5), OK),
                (fork(0, [fill(heap(0), 8, 6), Op::Spin]), OK),
                (Op::Ring(Bell::Named), OK),
                (
                    get(
                        0,
                        Get::new()
                            .merge()
                            .copy(heap(0).span(4), heap(9))
                            .zero(stat(0).span(4))
                            .signals(),
                    ),
                    INTERRUPTED,
                ),
                (Op::Rang(Bell::Named), Seen::Rang(true)),
                (read(heap(0), 8), all(5)),
                (look(heap(9)), all(0)),
                (get(0, Get::new().dont_wait()), AGAIN),
                (Op::Kill(0), OK),
            ],
        ),
        row(
            "other_signals_wait_until_the_get_is_over",
            &["signals"],
            [
                (fork(0, [Op::Spin]), OK),
                (Op::Ring(Bell::Other), OK),
                (Op::Ring(Bell::Named), OK),
                // The other one comes first and ends nothing, but is not lost.
                (get(0, Get::new().signals()), INTERRUPTED),
                (Op::Rang(Bell::Named), Seen::Rang(true)),
                (Op::Rang(Bell::Other), Seen::Rang(true)),
                (Op::Kill(0), OK),
            ],
        ),
        row(
            "other_signals_beside_a_child_that_stops",
            &["signals", "get-waits", "put-waits"],
            [
                (Op::Ring(Bell::Other), OK),
                (fork(0, long(Op::Ret(1))), OK),
                (get(0, Get::new().merge().signals()), stopped(1)),
                (fork(1, long(Op::Ret(2))), OK),
                (status(1), stopped(2)),
                (put(1, Put::new().start()), OK),
                (put(1, Put::new()), OK),
                (Op::Await(Bell::Other), Seen::Rang(true)),
                (status(1), RETURNED),
            ],
        ),
        row(
            "signals_do_not_interrupt_other_waits",
            &["signals", "get-waits", "put-waits"],
            [
                (Op::Ring(Bell::Named), OK),
                (fork(0, long(set(stat(0), 1))), OK),
                (put(0, Put::new()), OK),
                (merge(0), RETURNED),
                (fork(1, long(set(stat(1), 1))), OK),
                (merge(1), RETURNED),
                (Op::Await(Bell::Named), Seen::Rang(true)),
                (read(stat(0), 2), all(1)),
            ],
        ),
        row(
            "a_child_that_has_stopped_is_no_wait",
            &["signals", "status"],
            [
                (fork(0, [Op::Ret(4)]), OK),
                (status(0), stopped(4)),
                (Op::Ring(Bell::Named), OK),
                (Op::Await(Bell::Named), Seen::Rang(true)),
                (Op::Ring(Bell::Named), OK),
                (get(0, Get::new().signals()), stopped(4)),
                (Op::Await(Bell::Named), Seen::Rang(true)),
                (get(1, Get::new().signals()), NO_CHILD),
            ],
        ),
        row(
            "a_blocked_signal_interrupts_nothing",
            &["signals"],
            [
                (Op::Ring(Bell::Named), OK),
                (Op::Hold(Bell::Named, true), OK),
                (fork(0, long(Op::Ret(4))), OK),
                (get(0, Get::new().signals()), stopped(4)),
                (Op::Hold(Bell::Named, false), OK),
                (Op::Rang(Bell::Named), Seen::Rang(true)),
            ],
        ),
        row(
            "output_comes_with_the_merge",
            &["output"],
            [
                (fork(0, prints("b", Op::Ret(0))), OK),
                (fork(1, prints("c", Op::Ret(0))), OK),
                (Op::Print(b'a'), OK),
                (status(1), stopped(0)),
                (get(0, Get::new().copy(heap(0).span(1), heap(1))), stopped(0)),
                (put(0, Put::new()), OK),
                (Op::Delivered, text("a")),
                (merge(1), stopped(0)),
                (Op::Print(b'd'), OK),
                (merge(0), stopped(0)),
                (Op::Delivered, text("cdb")),
                (merge(0), stopped(0)),
                (put(0, Put::new()), OK),
                (merge(0), stopped(0)),
                (put(0, Put::new().regs([])), OK),
                (merge(0), CREATED),
                (put(0, Put::new().zero(heap(0).span(1))), OK),
                (merge(0), CREATED),
                (Op::Delivered, text("")),
            ],
        ),
        row(
            "output_of_each_stretch_comes_once",
            &["output", "restart-after-ret"],
            [
                (
                    fork(
                        0,
                        [
                            Op::Print(b'a'),
                            Op::Ret(1),
                            Op::Print(b'b'),
                            Op::Ret(2),
                            Op::Print(b'c'),
                            Op::Ret(3),
                            Op::Print(b'd'),
                        ],
                    ),
                    OK,
                ),
                (merge(0), stopped(1)),
                (Op::Delivered, text("a")),
                (start(0), OK),
                (status(0), stopped(2)),
                (Op::Delivered, text("")),
                (start(0), OK),
                (merge(0), stopped(3)),
                (Op::Delivered, text("bc")),
                (put(0, Put::new().snap().start()), OK),
                (merge(0), RETURNED),
                (Op::Delivered, text("d")),
            ],
        ),
        row(
            "output_and_snapshots",
            &["output"],
            [
                (fork(0, prints("ab", Op::Ret(0))), OK),
                (put(0, Put::new().snap()), OK),
                (merge(0), stopped(0)),
                (Op::Delivered, text("ab")),
                (fork(1, prints("cd", Op::Ret(0))), OK),
                (status(1), stopped(0)),
                // A new computation of the same child.
                (put(1, Put::fork(prints("e", Op::Ret(1)))), OK),
                (merge(1), stopped(1)),
                (Op::Delivered, text("cde")),
            ],
        ),
        row(
            "output_of_those_that_fail",
            &["output", "get-failed", "put-failed"],
            [
                (fork(0, prints("ab", Op::Fail(Failure::Panic))), OK),
                (fork(1, prints("cd", Op::Fail(Failure::Fault))), OK),
                (fork(2, prints("ef", Op::Fail(Failure::Refused))), OK),
                (status(2), failed(Failure::Refused)),
                (Op::Delivered, text("ef")),
                (merge(2), failed(Failure::Refused)),
                (status(0), failed(Failure::Panic)),
                (Op::Delivered, text("ab")),
                // Begun anew before anybody asked.
                (fork(1, prints("g", Op::Ret(0))), OK),
                (merge(1), stopped(0)),
                (Op::Delivered, text("g")),
            ],
        ),
        row(
            "output_that_nobody_takes",
            &["output", "kill", "end-takes-subtree", "conflict", "merge-needs-snap"],
            [
                (fork(0, prints("a", Op::Ret(0))), OK),
                (status(0), stopped(0)),
                (Op::Kill(0), OK),
                (put(0, Put::new().regs(prints("b", Op::Ret(0))).start()), OK),
                (merge(0), INVALID),
                (fork(1, prints("c", set(heap(0), 1))), OK),
                (set(heap(0), 2), OK),
                (merge(1), conflict(heap(0))),
                (fork(2, [fork(0, prints("d", Op::Ret(0))), status(0)]), OK),
                (merge(2), RETURNED),
                (Op::Delivered, text("")),
            ],
        ),
        row(
            "output_of_grandchildren",
            &["output"],
            [
                (
                    fork(
                        0,
                        [
                            Op::Print(b'a'),
                            fork(0, prints("c", Op::Ret(0))),
                            fork(1, prints("d", Op::Fail(Failure::Panic))),
                            Op::Print(b'b'),
                            merge(0),
                            Op::Ret(0),
                            status(1),
                            Op::Print(b'e'),
                        ],
                    ),
                    OK,
                ),
                (merge(0), stopped(0)),
                (Op::Delivered, text("abc")),
                (put(0, Put::new().snap().start()), OK),
                (merge(0), RETURNED),
                (Op::Delivered, text("de")),
            ],
        ),
        row(
            "output_of_joins",
            &["output", "unnamed-children"],
            [
                (fork(0, prints("z", Op::Ret(0))), OK),
                (Op::Print(b'a'), OK),
                (Op::Join(["b", "c", "d"].map(|t| Program(print(t))).into()), OK),
                (merge(0), stopped(0)),
                (Op::Delivered, text("abcdz")),
                (
                    Op::Join(vec![
                        Program(print("e")),
                        Program(prints("f", Op::Fail(Failure::Panic))),
                        Program(print("g")),
                    ]),
                    Seen::Refused(Refused::Child(1, Failure::Panic)),
                ),
                (Op::Delivered, text("ef")),
            ],
        ),
        row(
            "polls",
            &["dont-wait", "refused-changes-nothing", "output"],
            [
                (put(0, Put::new()), OK),
                (get(0, Get::new().dont_wait()), CREATED),
                (fork(1, [Op::Print(b'x'), set(heap(0), 1), Op::Spin]), OK),
                (
                    get(
                        1,
                        Get::new()
                            .merge()
                            .copy(heap(0).span(1), heap(9))
                            .zero(stat(0).span(1))
                            .dont_wait(),
                    ),
                    AGAIN,
                ),
                (read(heap(0), 10), all(0)),
                (Op::Delivered, text("")),
                (Op::Kill(1), OK),
                (get(1, Get::new().dont_wait()), NO_CHILD),
                (fork(2, [Op::Print(b'y'), Op::Fail(Failure::Fault)]), OK),
                (Op::Poll(2, Get::new().merge().dont_wait()), failed(Failure::Fault)),
                (Op::Delivered, text("y")),
                (get(2, Get::new().dont_wait()), failed(Failure::Fault)),
                (fork(3, late([set(heap(0), 1)])), OK),
                (set(heap(0), 2), OK),
                (Op::Poll(3, Get::new().merge().dont_wait()), conflict(heap(0))),
                (put(4, Put::new().regs([set(heap(0), 3)]).start()), OK),
                (Op::Poll(4, Get::new().merge().dont_wait()), INVALID),
                (get(4, Get::new().copy(heap(0).span(1), heap(1)).dont_wait()), RETURNED),
                (look(heap(1)), all(3)),
            ],
        ),
        row(
            "polls_of_a_restarted_child",
            &["dont-wait", "restart-after-ret"],
            [
                (fork(0, [add(heap(0), 1), Op::Ret(1), add(heap(0), 1), Op::Spin]), OK),
                (Op::Poll(0, Get::new().merge().dont_wait()), stopped(1)),
                (get(0, Get::new().dont_wait()), stopped(1)),
                (start(0), OK),
                (get(0, Get::new().merge().dont_wait()), AGAIN),
                (look(heap(0)), all(1)),
                (Op::Kill(0), OK),
            ],
        ),
        row(
            "becoming_master",
            &["become-master"],
            [
                (Op::BecomeMaster, EXISTS),
                (fork(0, [Op::BecomeMaster, Op::Report, set(heap(0), 1)]), OK),
                (Op::BecomeMaster, EXISTS),
                (status(0), stopped(report(&[PERMISSION]))),
                (start(0), OK),
                (merge(0), RETURNED),
                (look(heap(0)), all(1)),
                (Op::Join(vec![Program(vec![Op::BecomeMaster, set(heap(1), 2)])]), OK),
                (look(heap(1)), all(2)),
            ],
        ),
    ]
}

/// Something that takes longer than a signal is away, and then a step.
fn long(step: Op) -> Vec<Op> {
    let mut steps: Vec<Op> = (0..20).flat_map(|_| work()).collect();
    steps.push(step);
    steps
}
