//! Conway's game of life: rows are shared out to children that meet after each generation.
//!
//! `cargo run --release --example life -- [GENERATIONS]` prints the last field and its digest,
//! which is the same in every run, at any `DETPAR_WORKERS`.
use detpar::{Merge, digest, par_for_with_barrier};

const ROWS: usize = 24;
const COLUMNS: usize = 64;

/// The field of this generation, and room for the next one.
#[derive(Merge)]
struct Fields {
    now: Vec<bool>,
    next: Vec<bool>,
}

#[detpar::main]
fn main() {
    let generations = std::env::args().nth(1).map_or(100, |n| n.parse().expect("a number"));
    let field = play(gliders(), generations);
    for row in field.chunks(COLUMNS) {
        println!("{}", row.iter().map(|&cell| if cell { '#' } else { '.' }).collect::<String>());
    }
    println!("{:032x}", digest::of(&field));
}

/// A glider in every part of the field.
fn gliders() -> Vec<bool> {
    let glider = [(0, 1), (1, 2), (2, 0), (2, 1), (2, 2)];
    let is_alive = |i: usize| glider.contains(&(i / COLUMNS % 8, i % COLUMNS % 16));
    (0..ROWS * COLUMNS).map(is_alive).collect()
}

fn play(field: Vec<bool>, generations: usize) -> Vec<bool> {
    let mut fields = Fields { next: vec![false; field.len()], now: field };
    par_for_with_barrier(&mut fields, 0..ROWS, |rows, fields, barrier| {
        for _ in 0..generations {
            for i in rows.start * COLUMNS..rows.end * COLUMNS {
                fields.next[i] = lives(&fields.now, i);
            }
            barrier.wait(fields);
            // What was next is now: each child copies its own rows.
            let own = rows.start * COLUMNS..rows.end * COLUMNS;
            fields.now[own.clone()].copy_from_slice(&fields.next[own]);
            barrier.wait(fields);
        }
    });
    fields.now
}

/// Whether cell `i` lives in the next generation; the field is a torus.
fn lives(field: &[bool], i: usize) -> bool {
    let (row, column) = (i / COLUMNS, i % COLUMNS);
    let mut around = 0;
    for r in [ROWS - 1, 0, 1].map(|d| (row + d) % ROWS) {
        for c in [COLUMNS - 1, 0, 1].map(|d| (column + d) % COLUMNS) {
            around += u8::from(field[r * COLUMNS + c]);
        }
    }
    // The cell itself was counted.
    around == 3 || around == 4 && field[i]
}
