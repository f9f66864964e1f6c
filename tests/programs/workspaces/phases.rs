//! Children that meet at barriers.
use super::conflict;
use detpar::{JoinError, try_workspace_with_barrier, workspace_with_barrier};
use detpar_tests::program;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// More children than workers, which each look at all in each step.
pub fn barriers() {
    let mut state = vec![1u64; 20];
    workspace_with_barrier(&mut state, 20, |i, state, barrier| {
        let mut own = Vec::new();
        for _ in 0..10 {
            let sum = state.iter().fold(0u64, |sum, n| sum.wrapping_mul(3).wrapping_add(*n));
            own.push(sum);
            state[i] = sum.wrapping_add(i as u64);
            barrier.wait(state);
        }
        // What it has elsewhere stays.
        assert_eq!(own.len(), 10);
        assert!(own.windows(2).all(|w| w[0] != w[1]));
    });
    let mut expected = vec![1u64; 20];
    for _ in 0..10 {
        let sum = expected.iter().fold(0u64, |sum, n| sum.wrapping_mul(3).wrapping_add(*n));
        expected.iter_mut().enumerate().for_each(|(i, n)| *n = sum.wrapping_add(i as u64));
    }
    assert_eq!(state, expected);
}

pub fn some_end_early() {
    let mut seen = [[0u8; 10]; 10];
    workspace_with_barrier(&mut seen, 10, |i, seen, barrier| {
        for step in 0..i {
            seen[i][step] =
                1 + seen.iter().filter(|row| row[step.saturating_sub(1)] > 0).count() as u8;
            barrier.wait(seen);
        }
    });
    for (i, row) in seen.iter().enumerate() {
        let expected = |step: usize| match step {
            0 => 1,
            1 => 10,
            _ => 11 - step as u8,
        };
        assert!(
            row.iter().enumerate().all(|(step, &n)| n == if step < i { expected(step) } else { 0 })
        );
    }
}

/// What owns memory may change in the last step only.
pub fn grown_at_a_barrier() {
    let grow = |i: usize, steps: usize, at: usize| {
        let mut state = vec![vec![0u32; 4]; 4];
        let r = try_workspace_with_barrier(&mut state, 4, |own, state, barrier| {
            for step in 0..steps {
                if (own, step) == (i, at) {
                    state[own].extend([1, 2, 3]);
                }
                if step + 1 < steps {
                    barrier.wait(state);
                }
            }
        });
        r.map(|()| state)
    };
    assert_eq!(grow(2, 3, 2).unwrap()[2], [0, 0, 0, 0, 1, 2, 3]);
    let e = grow(2, 3, 1).unwrap_err();
    assert!(matches!(&e, JoinError::Panic(p) if p.child() == 0), "{e}");
    assert!(e.to_string().contains("owns other memory"), "{e}");
    // One that ends before the others meet has changed it, too.
    let mut state = vec![vec![0u32; 4]; 4];
    let e = try_workspace_with_barrier(&mut state, 4, |i, state, barrier| match i {
        0 => state[0] = vec![7; 40],
        _ => barrier.wait(state),
    });
    assert!(matches!(&e, Err(JoinError::Panic(p)) if p.child() == 1), "{e:?}");
    assert_eq!(state, vec![vec![0u32; 4]; 4]);
    // Who catches the panic cannot go on with memory of which the merge does not know the units:
    // a low and a high half would come together to a surrogate.
    let mut state = vec!['\u{10700}'; 2];
    let e = try_workspace_with_barrier(&mut state, 3, |i, state, barrier| {
        if i == 0 {
            *state = vec!['\u{10700}'; 100];
            return;
        }
        let wait = AssertUnwindSafe(|| barrier.wait(state));
        assert!(catch_unwind(wait).is_err());
        state[50] = if i == 1 { '\u{700}' } else { '\u{1d800}' };
    });
    assert!(matches!(&e, Err(JoinError::Panic(p)) if p.child() == 1), "{e:?}: {:x?}", state[50]);
    assert_eq!(state, ['\u{10700}'; 2]);
}

pub fn conflicts_between_barriers() {
    let mut state = [0u64; 4];
    // The units are those of the state in every step.
    for step in 0..3 {
        let e = try_workspace_with_barrier(&mut state, 3, |i, state, barrier| {
            state[i] = 1;
            for now in 0..3 {
                if now == step && i > 0 {
                    state[3] = [1, 256][i - 1];
                }
                barrier.wait(state);
            }
        });
        assert!(matches!(&e, Err(JoinError::Conflict(c)) if c.children() == (1, 2)), "{e:?}");
        assert_eq!(state, [0; 4]);
    }
    // In two steps it is none.
    workspace_with_barrier(&mut state, 2, |i, state, barrier| {
        if i == 0 {
            state[0] = 256;
        }
        barrier.wait(state);
        if i == 1 {
            state[0] += 1;
        }
    });
    assert_eq!(state[0], 257);
    conflict(&mut state, |i, state| state[1] = [256, 1][i]);
}

/// A barrier takes the state of its workspace, and no other.
pub fn other_state() {
    let e = try_workspace_with_barrier(&mut 0u8, 2, |_, _, barrier| {
        let mut own = 1;
        barrier.wait(&mut own);
    });
    assert!(e.unwrap_err().to_string().contains("the workspace's own state"));
    // Nor a part of it that begins where it begins.
    let e = try_workspace_with_barrier(&mut [0u8; 4][..], 2, |_, state, barrier| {
        barrier.wait(&mut state[..3]);
    });
    assert!(e.unwrap_err().to_string().contains("the workspace's own state"));
}

/// Conway's game on a torus, in parts that meet, beside the same game by one.
pub fn life() {
    const SIDE: usize = 64;
    type Field = [Vec<u8>; 2];
    fn step(field: &mut Field, now: usize, row: usize) {
        for column in 0..SIDE {
            let around = |d: usize| [SIDE - 1, 0, 1].map(|e| (d + e) % SIDE);
            let cells = around(row).map(|r| around(column).map(|c| field[now][r * SIDE + c]));
            let own = cells[1][1];
            let alive = cells.iter().flatten().sum::<u8>() - own;
            field[1 - now][row * SIDE + column] = u8::from(alive == 3 || own + alive == 3);
        }
    }
    let bytes = program::pattern(SIDE * SIDE);
    let start = || -> Field { [bytes.iter().map(|b| b & 1).collect(), vec![0; SIDE * SIDE]] };
    let (mut field, mut expected) = (start(), start());
    detpar::par_for_with_barrier(&mut field, 0..SIDE, |rows, field, barrier| {
        for generation in 0..12 {
            rows.clone().for_each(|row| step(field, generation % 2, row));
            barrier.wait(field);
        }
    });
    for generation in 0..12 {
        (0..SIDE).for_each(|row| step(&mut expected, generation % 2, row));
    }
    assert!(field == expected);
    println!("life: {:016x}", program::digest(&field[0]));
}
