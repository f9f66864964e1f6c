//! Makes a program that fails smaller, by trying what it does without.
use super::program::{Get, Op, Program, Put, Span};

/// A program with as few steps and options as still `fails`; `tries` bounds the attempts.
pub fn shrink(
    program: &Program,
    mut tries: usize,
    fails: &mut dyn FnMut(&Program) -> bool,
) -> Program {
    let mut best = program.clone();
    let mut at = 0;
    let mut since = 0;
    // Ends when no simplification of any step helps any more.
    while since < best.len() && tries > 0 {
        let step = at % best.len();
        let mut smaller = false;
        for candidate in simpler(&best, step) {
            tries = tries.saturating_sub(1);
            if tries > 0 && fails(&candidate) {
                best = candidate;
                smaller = true;
                break;
            }
        }
        if smaller {
            since = 0;
        } else {
            since += 1;
            at = step + 1;
        }
        if best.is_empty() {
            break;
        }
    }
    best
}

/// The `choice`-th of all simplifications of one step: for programs that hang or crash, which
/// are tried in processes of their own.
pub fn simplified(program: &Program, choice: usize) -> Option<Program> {
    (0..program.len()).flat_map(|step| simpler(program, step)).nth(choice)
}

/// Programs that differ in one step, counted with the children's in the order of printing.
fn simpler(program: &Program, step: usize) -> Vec<Program> {
    let choices = choices(at(program, step).expect("a step of the program"));
    let replaced = |new: Option<Op>| {
        let mut copy = program.clone();
        replace(&mut copy, step, new);
        copy
    };
    choices.into_iter().map(replaced).collect()
}

fn at(program: &Program, mut step: usize) -> Option<&Op> {
    for op in &program.0 {
        if step == 0 {
            return Some(op);
        }
        step -= 1;
        for below in op.below() {
            if step < below.len() {
                return at(below, step);
            }
            step -= below.len();
        }
    }
    None
}

fn replace(program: &mut Program, mut step: usize, new: Option<Op>) {
    for i in 0..program.0.len() {
        if step == 0 {
            match new {
                Some(op) => program.0[i] = op,
                None => drop(program.0.remove(i)),
            }
            return;
        }
        step -= 1;
        for below in program.0[i].below_mut() {
            if step < below.len() {
                return replace(below, step, new);
            }
            step -= below.len();
        }
    }
}

/// What a step could be instead: nothing, or itself with less.
fn choices(op: &Op) -> Vec<Option<Op>> {
    let mut all = vec![None];
    match op {
        Op::Write { span, value, step } => {
            all.extend(
                shorter(*span).map(|span| Some(Op::Write { span, value: *value, step: *step })),
            );
        }
        Op::Add { span, by } => {
            all.extend(shorter(*span).map(|span| Some(Op::Add { span, by: *by })));
        }
        Op::Read(span) => all.extend(shorter(*span).map(|span| Some(Op::Read(span)))),
        Op::Put(id, put) => {
            let with = |put| Some(Op::Put(*id, put));
            all.extend(put.copy.map(|_| with(Put { copy: None, ..put.clone() })));
            all.extend(put.zero.map(|_| with(Put { zero: None, ..put.clone() })));
            all.extend(put.perm.map(|_| with(Put { perm: None, ..put.clone() })));
            all.extend(put.snap.then(|| with(Put { snap: false, ..put.clone() })));
        }
        Op::Get(id, get) => all.extend(less(get).map(|get| Some(Op::Get(*id, get)))),
        Op::Poll(id, get) => {
            all.push(Some(Op::Get(*id, Get { dont_wait: false, ..get.clone() })));
            all.extend(less(get).map(|get| Some(Op::Poll(*id, get))));
        }
        Op::Join(programs) => all.extend((0..programs.len()).map(|i| {
            let mut fewer = programs.clone();
            fewer.remove(i);
            Some(Op::Join(fewer))
        })),
        Op::Take(ids) => all.extend((0..ids.len()).map(|i| {
            let mut fewer = ids.clone();
            fewer.remove(i);
            Some(Op::Take(fewer))
        })),
        _ => {}
    }
    all
}

fn shorter(span: Span) -> impl Iterator<Item = Span> {
    let halves = [span.len / 2, span.len.saturating_sub(1)];
    halves
        .into_iter()
        .filter(move |len| *len > 0 && *len < span.len)
        .map(move |len| Span { len, ..span })
}

fn less(get: &Get) -> impl Iterator<Item = Get> {
    let all = [
        get.copy.map(|_| Get { copy: None, ..get.clone() }),
        get.zero.map(|_| Get { zero: None, ..get.clone() }),
        get.perm.map(|_| Get { perm: None, ..get.clone() }),
        get.merge.then(|| Get { merge: false, ..get.clone() }),
        get.regs.then(|| Get { regs: false, ..get.clone() }),
    ];
    all.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::program::heap;
    use crate::conformance::random::{Level, SIZE, program};

    #[test]
    fn steps_are_counted_as_they_are_printed() {
        for seed in 0..50 {
            let p = program(seed, Level::Calls, SIZE);
            let and = p.to_string().lines().filter(|l| l.trim() == "and").count();
            assert_eq!(p.to_string().lines().count(), p.len() + and, "{p}");
            assert!((0..p.len()).all(|i| at(&p, i).is_some()) && at(&p, p.len()).is_none());
            assert!((0..p.len()).all(|i| simpler(&p, i)[0].len() < p.len()));
        }
    }

    #[test]
    fn one_step_deep_below_is_found() {
        fn has(p: &Program) -> bool {
            let wanted = |op: &Op| matches!(op, Op::Add { .. });
            p.0.iter().any(|op| wanted(op) || op.below().iter().any(has))
        }
        let deep = Program(vec![Op::Add { span: heap(3).span(40), by: 1 }, Op::Local]);
        let inner = Program(vec![Op::Local, Op::Put(0, Put::fork(deep.0)), Op::Ret(1)]);
        let outer = Program(vec![Op::Local, Op::Join(vec![Program::default(), inner]), Op::Local]);
        let small = shrink(&outer, 1000, &mut has);
        assert_eq!(small.len(), 3, "{small}");
        assert!(small.to_string().contains("Heap+3..4,"), "{small}");
    }
}
