//! Many calls: loops, many children, every child of a wide tree.
use super::super::program::{Op, Program, Put, heap, stat};
use super::*;

pub(super) fn rows() -> Vec<Row> {
    vec![fan(), stop_and_go(), relay(), tree()]
}

/// More children than there are workers, all stopped at once, taken over in reverse.
fn fan() -> Row {
    let mut steps = Vec::new();
    for id in 0..100 {
        let byte = heap(u64::from(id) * 163);
        steps.push((fork(id, [set(byte, 1), Op::Ret(id), add(byte, 1)]), OK));
    }
    steps.extend((0..100).map(|id| (status(id), stopped(id))));
    steps.extend((0..100).map(|id| (start(id), OK)));
    for id in (0..100).rev() {
        steps.push((merge(id), RETURNED));
        steps.push((look(heap(u64::from(id) * 163)), all(2)));
    }
    Row { name: "fan", rules: &["ret", "restart-after-ret", "merge"], steps }
}

/// One child that stops and goes on, with a new snapshot each time.
fn stop_and_go() -> Row {
    let mut child = Vec::new();
    let mut steps = Vec::new();
    for round in 0..50u8 {
        child.extend([add(stat(0), 1), add(heap(u64::from(round) * 300), 1), Op::RetByte(stat(0))]);
    }
    steps.push((put(0, Put::new().regs(child)), OK));
    for round in 0..50u8 {
        steps.push((put(0, Put::new().snap().start()), OK));
        steps.push((merge(0), stopped((2 * round + 1).into())));
        steps.push((add(stat(0), 1), OK));
    }
    steps.push((look(stat(0)), all(100)));
    Row { name: "stop_and_go", rules: &["snap-keeps", "restart-after-ret"], steps }
}

/// A byte handed from child to child by the parent.
fn relay() -> Row {
    let mut steps = vec![(set(heap(0), 1), OK)];
    for id in 0..20 {
        let regs = Put::new().regs([add(heap(0), 1)]);
        steps.push((put(id, regs.copy(heap(0).span(1), heap(0)).start()), OK));
        let copy = Get::new().copy(heap(0).span(1), heap(0));
        steps.push((get(id, copy), RETURNED));
    }
    steps.push((look(heap(0)), all(21)));
    Row { name: "relay", rules: &["put-copy", "get-copy"], steps }
}

/// Each inner space forks three, four levels deep; every leaf has a byte of its own.
fn tree() -> Row {
    fn grow(depth: u32, number: u64) -> Program {
        if depth == 0 {
            return Program(vec![set(heap(number * 199), number as u8 + 1)]);
        }
        let children = (0..3).map(|i| {
            put(
                i,
                Put {
                    regs: Some(grow(depth - 1, 3 * number + u64::from(i))),
                    ..Put::new().snap().start()
                },
            )
        });
        Program(children.chain((0..3).map(merge)).collect())
    }
    let mut steps: Vec<(Op, Seen)> = vec![];
    for (i, op) in grow(4, 0).0.into_iter().enumerate() {
        steps.push((op, if i < 3 { OK } else { RETURNED }));
    }
    steps.extend((0..81).map(|n| (look(heap(n * 199)), all(n as u8 + 1))));
    Row { name: "tree", rules: &["merge-counts", "merge"], steps }
}
