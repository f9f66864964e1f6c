//! Chapter 9: the game of life, a child for each row, which meet after each generation.
use detpar::{digest, par_for_with_barrier};

const ROWS: usize = 8;
const COLUMNS: usize = 16;

// ANCHOR: play
fn play(mut field: Vec<bool>, generations: usize) -> Vec<bool> {
    par_for_with_barrier(&mut field, 0..ROWS, |rows, field, barrier| {
        for _ in 0..generations {
            let old = field.clone();
            for row in rows.clone() {
                for i in (0..COLUMNS).map(|column| row * COLUMNS + column) {
                    field[i] = lives(&old, i);
                }
            }
            barrier.wait(field);
        }
    });
    field
}
// ANCHOR_END: play

/// Whether cell `i` lives in the next generation; beyond each edge is the opposite one.
fn lives(field: &[bool], i: usize) -> bool {
    let (row, column) = (i / COLUMNS, i % COLUMNS);
    let mut alive = 0;
    for r in [row + ROWS - 1, row, row + 1] {
        for c in [column + COLUMNS - 1, column, column + 1] {
            alive += u8::from(field[r % ROWS * COLUMNS + c % COLUMNS]);
        }
    }
    // The cell itself was counted.
    alive == 3 || alive == 4 && field[i]
}

fn show(field: &[bool]) {
    for row in field.chunks(COLUMNS) {
        println!("{}", row.iter().map(|&cell| if cell { '#' } else { '.' }).collect::<String>());
    }
}

#[detpar::main]
fn main() {
    let glider = [(0, 1), (1, 2), (2, 0), (2, 1), (2, 2)];
    let is_alive = |i: usize| glider.contains(&(i / COLUMNS, i % COLUMNS));
    let field: Vec<bool> = (0..ROWS * COLUMNS).map(is_alive).collect();
    show(&field);
    let last = play(field, 12);
    println!("after 12 generations:");
    show(&last);
    println!("{:032x}", digest::of(&last));
}
