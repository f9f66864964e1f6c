//! Children that change private copies of one value: what merges, and what conflicts.
use detpar::merge::State;
use detpar::{JoinError, Merge, Reducer, par_for, try_par_for, try_workspace, workspace};
use detpar_tests::program;
use std::borrow::Borrow;
use std::fmt::Debug;
use std::process::ExitCode;

#[path = "workspaces/phases.rs"]
mod phases;
#[path = "workspaces/sums.rs"]
mod sums;

#[detpar::main]
fn main() -> ExitCode {
    program::run(&[
        ("each_what_the_other_was", each_what_the_other_was),
        ("no_forged_scalars", no_forged_scalars),
        ("neighbours", neighbours),
        ("padding", padding),
        ("whole_values", whole_values),
        ("across_pages", across_pages),
        ("texts", texts),
        ("two_pushes", two_pushes),
        ("own_vectors", own_vectors),
        ("slices", slices),
        ("nothing_has_two_owners", nothing_has_two_owners),
        ("owners_of_owners", owners_of_owners),
        ("lists", lists),
        ("actors", actors),
        ("below", below),
        ("rollback", rollback),
        ("none_and_too_many", none_and_too_many),
        ("shares", shares),
        ("barriers", phases::barriers),
        ("some_end_early", phases::some_end_early),
        ("grown_at_a_barrier", phases::grown_at_a_barrier),
        ("conflicts_between_barriers", phases::conflicts_between_barriers),
        ("other_state", phases::other_state),
        ("life", phases::life),
        ("reducers", sums::reducers),
        ("reducers_below", sums::reducers_below),
        ("reducers_elsewhere", sums::reducers_elsewhere),
        ("counters", sums::counters),
        ("counters_beside_the_parent", sums::counters_beside_the_parent),
        ("many_counters", sums::many_counters),
        ("alive", program::assert_alive),
    ])
}

/// Two children are in conflict, and nothing changes.
#[track_caller]
fn conflict<T>(state: &mut T, body: impl Fn(usize, &mut T) + Sync)
where
    T: State + ToOwned + PartialEq + Debug + ?Sized,
{
    let before = state.to_owned();
    let before: &T = before.borrow();
    match try_workspace(state, 2, body) {
        Err(JoinError::Conflict(c)) => assert_eq!(c.children(), (0, 1)),
        Err(e) => panic!("no conflict: {e}"),
        Ok(()) => panic!("no conflict: {before:?} is {state:?}"),
    }
    assert_eq!(state, before);
}

fn each_what_the_other_was() {
    let mut pair = (String::from("x"), String::from("y"));
    workspace(&mut pair, 2, |i, (x, y)| match i {
        0 => *x = y.clone(),
        _ => *y = x.clone(),
    });
    assert_eq!(pair, ("y".into(), "x".into()));
    // One alone may change both, and look at what it did.
    workspace(&mut pair, 3, |i, pair| {
        if i == 1 {
            pair.0.push('!');
            pair.1 = pair.0.clone();
        }
    });
    assert_eq!(pair, ("y!".into(), "y!".into()));
}

#[derive(Clone, Copy, Debug, Default, Merge, PartialEq)]
struct Mixed {
    small: u16,
    wide: u64,
    flag: bool,
    real: f32,
    huge: u128,
}

fn no_forged_scalars() {
    conflict(&mut 0u64, |i, n| *n = [256, 1][i]);
    conflict(&mut 0i16, |i, n| *n = [256, 1][i]);
    conflict(&mut 0u128, |i, n| *n = [1 << 100, 1][i]);
    conflict(&mut 1.0f64, |i, x| *x = [2.0, 1.0 + f64::EPSILON][i]);
    // Of valid characters the bytes of two make one that is none: 0xd800 is no character.
    conflict(&mut '\u{e000}', |i, c| *c = ['\u{0}', '\u{e001}'][i]);
    conflict(&mut [[0u32; 3]; 5], |i, n| n[4][1] = [256, 1][i]);
    conflict(&mut vec![Mixed::default(); 100], |i, all| all[77].huge = [1 << 70, 1][i]);
    conflict(&mut Box::new(Mixed::default()), |i, m| m.wide = [1 << 63, 1][i]);
    // The same value, too.
    conflict(&mut 7u32, |_, n| *n += 1);
}

fn neighbours() {
    let mut all = vec![Mixed::default(); 300];
    workspace(&mut all, 5, |i, all| {
        for m in all.iter_mut() {
            match i {
                0 => m.small = 300,
                1 => m.wide = 1 << 40,
                2 => m.flag = true,
                3 => m.real = 0.5,
                _ => m.huge = 1 << 100,
            }
        }
    });
    let one = Mixed { small: 300, wide: 1 << 40, flag: true, real: 0.5, huge: 1 << 100 };
    assert_eq!(all, vec![one; 300]);
    // In turns over many pages.
    let mut numbers = vec![0u32; 10_000];
    workspace(&mut numbers, 7, |i, numbers| {
        (i..10_000).step_by(7).for_each(|at| numbers[at] = at as u32);
    });
    assert!(numbers.iter().enumerate().all(|(at, n)| at as u32 == *n));
}

#[derive(Clone, Copy, Debug, Merge, PartialEq)]
#[repr(C)]
struct Padded {
    small: u8,
    wide: u64,
}

/// What lies between the parts of a value has no meaning.
fn padding() {
    let mut all = [Padded { small: 0, wide: 0 }; 40];
    workspace(&mut all, 2, |i, all| {
        for padded in all {
            // As where all of the value is written with bytes from elsewhere.
            // SAFETY: the bytes between the two parts.
            unsafe { (&raw mut *padded).cast::<u8>().add(1).write_bytes(i as u8 + 1, 7) };
            match i {
                0 => padded.small = 7,
                _ => padded.wide = 9,
            }
        }
    });
    assert_eq!(all, [Padded { small: 7, wide: 9 }; 40]);
}

#[derive(Clone, Debug, Merge, PartialEq)]
enum Shape {
    Dot,
    Circle { x: u8, r: u8 },
    Named(String),
}

#[derive(Clone, Debug, Merge, PartialEq)]
#[merge(whole)]
struct Span<T> {
    from: T,
    to: T,
}

fn whole_values() {
    let circle = Shape::Circle { x: 1, r: 1 };
    conflict(&mut circle.clone(), |i, shape| match (i, shape) {
        (0, Shape::Circle { x, .. }) => *x = 2,
        (_, Shape::Circle { r, .. }) => *r = 2,
        _ => unreachable!(),
    });
    conflict(&mut vec![circle.clone(); 9], |i, all| match (i, &mut all[8]) {
        (0, shape) => *shape = Shape::Dot,
        (_, Shape::Circle { r, .. }) => *r = 2,
        _ => unreachable!(),
    });
    let mut all = vec![circle.clone(); 3];
    workspace(&mut all, 3, |i, all| match i {
        0 => all[0] = Shape::Named("a name that is long enough for the heap".into()),
        1 => all[1] = Shape::Dot,
        _ => {}
    });
    assert!(matches!(&all[..], [Shape::Named(n), Shape::Dot, c] if n.len() > 30 && *c == circle));
    conflict(&mut all, |i, all| match (i, &mut all[0]) {
        (0, Shape::Named(name)) => name.push('!'),
        (_, shape) => *shape = Shape::Dot,
    });
    conflict(&mut Span { from: 1u8, to: 2 }, |i, s| if i == 0 { s.from = 0 } else { s.to = 9 });
    conflict(&mut Some((1u8, 2u8)), |i, s| match (i, s) {
        (0, Some((a, _))) => *a = 5,
        (_, Some((_, b))) => *b = 5,
        _ => unreachable!(),
    });
    conflict(&mut Ok::<u8, String>(1), |i, r| *r = [Err("one".into()), Ok(2)][i].clone());
}

/// Units that lie on two pages.
fn across_pages() {
    let make = || vec![Span { from: [0u64; 3], to: [0u64; 3] }; 1000];
    // More elements than a page has.
    for at in 0..100 {
        let mut all = make();
        workspace(&mut all, 2, |i, all| all[at + i].to[0] = 5);
        assert_eq!((all[at].to[0], all[at + 1].to[0]), (5, 5));
        conflict(&mut all, |i, all| match i {
            0 => all[at].from[0] = 1,
            _ => all[at].to[2] = 1,
        });
    }
}

fn texts() {
    // Each changes one byte of the three of one character, in place.
    let mut text = String::from("\u{1820}\u{1820}");
    assert_eq!(text.as_bytes()[..3], [0xe1, 0xa0, 0xa0]);
    conflict(&mut text, |i, text| {
        text.replace_range(0..3, ["\u{0820}", "\u{1020}"][i]);
    });
    conflict(&mut text, |i, text| {
        let at = 3 * i;
        text.replace_range(at..at + 3, "abc");
    });
    let mut texts = vec![text.clone(); 4];
    workspace(&mut texts, 4, |i, texts| texts[i].replace_range(0..3, "abc"));
    assert!(texts.iter().all(|text| text == "abc\u{1820}"));
    conflict(&mut Box::<str>::from("ab"), |i, text| text[i..i + 1].make_ascii_uppercase());
}

fn two_pushes() {
    conflict(&mut Vec::new(), |i, v: &mut Vec<usize>| v.push(i));
    // With room for both there would be no byte in common but the length.
    let mut roomy = Vec::with_capacity(10);
    roomy.push(1u8);
    conflict(&mut roomy, |i, v| v.push(i as u8));
    conflict(&mut roomy, |i, v| if i == 0 { v.clear() } else { v.push(0) });
    // One pushes, one changes what is there.
    conflict(&mut roomy, |i, v| if i == 0 { v.push(5) } else { v[0] = 5 });
    workspace(&mut roomy, 2, |i, v| if i == 0 { v.push(5) } else { assert_eq!(v[0], 1) });
    assert_eq!(roomy, [1, 5]);
}

fn own_vectors() {
    let mut queues: Vec<Vec<String>> = vec![Vec::new(); 50];
    for round in 0..5 {
        workspace(&mut queues, 50, |i, queues| {
            let seen = queues.iter().map(Vec::len).sum::<usize>();
            queues[i].push(format!("round {round}, {i} has seen {seen} of them in queues"));
            if i % 3 == 0 {
                queues[i].swap(0, round);
            }
        });
    }
    for (i, queue) in queues.iter().enumerate() {
        assert_eq!(queue.len(), 5);
        let last = if i % 3 == 0 { 0 } else { 4 };
        assert_eq!(queue[last], format!("round 4, {i} has seen 200 of them in queues"));
    }
    // Boxes, too, and what is let go.
    let mut boxes: Vec<Option<Box<[u64]>>> = vec![Some([1, 2, 3].into()); 20];
    workspace(&mut boxes, 20, |i, boxes| match i % 3 {
        0 => boxes[i] = None,
        1 => boxes[i] = Some(vec![i as u64; 100].into()),
        _ => boxes[i].as_mut().unwrap()[1] = 9,
    });
    assert_eq!((&boxes[18], boxes[19].as_ref().map(|b| b.len())), (&None, Some(100)));
    assert_eq!(boxes[17], Some([1, 9, 3].into()));
}

/// What moved leaves no trace where it was; without owners, a merge would be clean here.
/// Both halves of a vector, of which the children of each see no more.
fn slices() {
    let halves = |all: &mut [u64]| {
        let (left, right) = all.split_at_mut(all.len() / 2);
        detpar::join(|| turned(left), || turned(right));
    };
    let mut all: Vec<u64> = (0..3000).collect();
    halves(&mut all);
    assert!(all[..1500].iter().eq((0..1500).rev().collect::<Vec<_>>().iter()));
    assert!(all[1500..].iter().eq((1500..3000).rev().collect::<Vec<_>>().iter()));
    // By bytes that would be a merge, and beside it lies what is no part of the state.
    let failed = try_workspace(&mut all[1..4], 2, |i, all| all[2] ^= [256 << 16, 1][i]);
    assert!(matches!(failed, Err(JoinError::Conflict(c)) if c.children() == (0, 1)));
    workspace(&mut all[..0], 3, |_, none| assert!(none.is_empty()));
    let long = |i| format!("text {i} that is long enough for the heap");
    let mut texts: Vec<String> = (0..20).map(long).collect();
    workspace(&mut texts[5..15], 10, |i, texts| texts[i] = texts[(i + 1) % 10].clone() + "!");
    assert_eq!((&texts[4], &texts[14], &texts[15]), (&long(4), &(long(5) + "!"), &long(15)));
    conflict(&mut *texts.into_boxed_slice(), |i, texts| match i {
        0 => texts[7].make_ascii_uppercase(),
        _ => texts[7].clear(),
    });
}

fn turned(all: &mut [u64]) {
    let last = all.len() - 1;
    par_for(all, 0..last.div_ceil(2), |i, all| all.swap(i, last - i));
}

fn nothing_has_two_owners() {
    type Two = (Vec<String>, Vec<String>);
    let mut two: Two =
        (vec!["a string on the heap, to be freed".into(); 3], vec![String::new(); 3]);
    // The first takes the last string away; the second makes it another.
    conflict(&mut two, |i, (from, to)| match i {
        0 => to[0] = from.pop().unwrap(),
        _ => from[2] = "another one".into(),
    });
    conflict(&mut two, |i, (from, to)| match i {
        0 => drop(from.pop()),
        _ => std::mem::swap(&mut from[2], &mut to[2]),
    });
    // The element itself is changed in place.
    conflict(&mut two, |i, (from, to)| match i {
        0 => std::mem::swap(from, to),
        _ => from[1].replace_range(0..1, "A"),
    });
    workspace(&mut two, 2, |i, (from, to)| match i {
        0 => from[0].push('!'),
        _ => std::mem::swap(&mut from[2], &mut to[2]),
    });
    assert_eq!((two.0[0].len(), two.0[2].len(), two.1[2].len()), (34, 0, 33));
    drop(two);
}

fn owners_of_owners() {
    let mut deep = vec![vec![vec![1u8; 10]; 10]; 10];
    // Who takes the outermost one away must be alone in the innermost.
    conflict(&mut deep, |i, deep| match i {
        0 => deep.truncate(9),
        _ => deep[9][9][9] = 2,
    });
    conflict(&mut deep, |i, deep| match i {
        0 => deep[3][3][3] = 2,
        _ => deep[3].swap(3, 1),
    });
    let mut boxed = (Box::new(Some(vec![1u8; 10])), 0u8);
    conflict(&mut boxed, |i, (boxed, _)| match i {
        0 => boxed.as_mut().as_mut().unwrap()[3] = 2,
        _ => **boxed = None,
    });
    workspace(&mut deep, 10, |i, deep| {
        for (at, inner) in deep[i].iter_mut().enumerate() {
            inner.resize(at * i, i as u8);
        }
    });
    assert_eq!(deep.iter().flatten().map(Vec::len).sum::<usize>(), 45 * 45);
}

#[derive(Clone, Debug, Merge, PartialEq)]
enum List {
    End,
    Node(u32, Box<List>),
}

fn lists() {
    let mut list = List::End;
    (0..100).for_each(|i| list = List::Node(i, Box::new(list.clone())));
    fn at(mut list: &mut List, place: usize) -> &mut List {
        for _ in 0..place {
            let List::Node(_, next) = list else { unreachable!() };
            list = next;
        }
        list
    }
    let set = |list: &mut List, place, to| match at(list, place) {
        List::Node(n, _) => *n = to,
        List::End => unreachable!(),
    };
    // A node and its box are one unit: two nodes are two, where neither cuts the other off.
    conflict(&mut list, |i, list| set(list, 10 + i, 7));
    let before = list.clone();
    workspace(&mut list, 3, |i, list| {
        if i == 1 {
            *at(list, 50) = List::End;
            set(list, 10, 7);
        }
    });
    assert_ne!(list, before);
    assert_eq!(*at(&mut list, 50), List::End);
}

#[derive(Clone, Merge)]
struct Actor {
    place: [f64; 2],
    speed: [f64; 2],
    heard: Vec<(usize, f64)>,
}

/// Everyone reads all and writes itself; the result is printed, to be the same in every run.
fn actors() {
    let actor = |i: usize| Actor {
        place: [i as f64, (i * i % 17) as f64],
        speed: [0.0; 2],
        heard: Vec::new(),
    };
    let mut all: Vec<Actor> = (0..40).map(actor).collect();
    for _ in 0..20 {
        let count = all.len();
        workspace(&mut all, count, |i, all| {
            for other in (0..all.len()).filter(|&other| other != i) {
                let by: [f64; 2] = [0, 1].map(|d| all[other].place[d] - all[i].place[d]);
                let distance = (by[0] * by[0] + by[1] * by[1]).sqrt().max(0.1);
                (0..2).for_each(|d| all[i].speed[d] += by[d] / distance.powi(3) / 100.0);
                if distance < 2.0 {
                    all[i].heard.push((other, distance));
                }
            }
            (0..2).for_each(|d| all[i].place[d] += all[i].speed[d]);
        });
    }
    let bits = all.iter().flat_map(|a| a.place.map(f64::to_bits)).flat_map(u64::to_le_bytes);
    let heard: usize = all.iter().map(|a| a.heard.len()).sum();
    println!("actors: {:016x}, {heard} heard", program::digest(&bits.collect::<Vec<u8>>()));
}

/// Children have workspaces of their own, on their part and on all of it.
fn below() {
    let mut table = vec![vec![0u32; 30]; 6];
    workspace(&mut table, 6, |i, table| {
        workspace(&mut table[i], 5, |j, row| {
            par_for(row, 6 * j..6 * j + 6, |at, row| row[at] = (100 * i + at) as u32);
        });
        let mut own = 0u64;
        assert!(matches!(
            try_workspace(&mut own, 2, |i, own| *own = [256, 1][i]),
            Err(JoinError::Conflict(_))
        ));
        workspace(table, 2, |j, table| {
            if j == 1 {
                table[i].push(own as u32)
            }
        });
    });
    for (i, row) in table.iter().enumerate() {
        let expected: Vec<u32> = (0..30).map(|at| (100 * i + at) as u32).chain([0]).collect();
        assert_eq!(*row, expected);
    }
}

fn rollback() {
    let mut state = (vec![String::from("as it was")], [0u8; 100]);
    let before = state.clone();
    let panics = try_workspace(&mut state, 9, |i, (texts, bytes)| {
        bytes[i] = 1;
        if i > 4 {
            texts.clear();
            panic!("number {i}");
        }
    });
    let e = panics.unwrap_err();
    assert!(matches!(&e, JoinError::Panic(p) if p.child() == 5), "{e}");
    assert!(e.to_string().contains("number 5"), "{e}");
    assert_eq!(state, before);
    // A conflict of lower children comes first, one of higher ones does not count.
    let e = try_workspace(&mut state, 4, |i, (_, bytes)| {
        bytes[i / 2] = 1 + i as u8;
        assert!(i != 2, "the third");
    });
    assert!(matches!(e, Err(JoinError::Conflict(c)) if c.children() == (0, 1)));
    assert_eq!(state, before);
    workspace(&mut state, 2, |i, (_, bytes)| bytes[i] = 1);
    assert_eq!(state.1[..3], [1, 1, 0]);
}

fn none_and_too_many() {
    let mut n = 5;
    workspace(&mut n, 0, |_, n| *n = 6);
    assert_eq!(n, 5);
    par_for(&mut n, 7..7, |_, n| *n = 6);
    let e = try_workspace(&mut n, 1 << 20, |_, _| ()).unwrap_err();
    assert!(matches!(e, JoinError::Limit(_)), "{e}");
    workspace(&mut n, 1, |i, n| *n += i as i32 + 1);
    assert_eq!(n, 6);
}

/// Ranges in parts and in blocks.
fn shares() {
    for len in [1usize, 2, 15, 16, 17, 255, 256, 1000, 5000] {
        let mut seen = vec![0u8; len];
        par_for(&mut seen, 0..len, |i, seen| seen[i] += 1);
        assert_eq!(seen, vec![1; len]);
        for block in [1, 3, 700] {
            let mut seen = vec![(0u8, 0usize); len];
            detpar::par_for_blocks(&mut seen, 10..10 + len, block, |indices, seen| {
                assert!(indices.start % block == 10 % block && !indices.is_empty());
                indices.clone().for_each(|i| seen[i - 10].0 += 1);
                seen[indices.start - 10].1 = indices.len();
            });
            assert!(seen.iter().all(|seen| seen.0 == 1));
            let blocks = seen.iter().filter(|seen| seen.1 > 0).count();
            assert_eq!(blocks, len.div_ceil(block));
        }
    }
    // An index sees those of its own part, of which the cut is known.
    let mut sums = vec![1u64; 100];
    par_for(&mut sums, 1..100, |i, sums| sums[i] += sums[i - 1]);
    let cut = detpar::iter::width::Width::of(99);
    for leaf in 0..cut.leaves() {
        assert_eq!(sums[1 + cut.start(leaf)], 2);
        assert_eq!(sums[cut.start(leaf + 1)], 1 + (cut.start(leaf + 1) - cut.start(leaf)) as u64);
    }
    let e = try_par_for(&mut sums, 0..100, |i, sums| sums[i / 50] = 0).unwrap_err();
    assert!(matches!(e, JoinError::Conflict(_)), "{e}");
    let total = Reducer::new(0, |a, b| a + b);
    par_for(&mut (), 0..1000, |i, ()| total.add(i));
    assert_eq!(total.into_value(), 499_500);
}
