//! What needs indices on iterators that have none.
use detpar::prelude::*;
use std::collections::HashMap;

fn main() {
    let v = [1, 2, 3];
    let odd = || v.par_iter().filter(|n| **n % 2 == 1);
    odd().zip(v).count();
    odd().enumerate().count();
    odd().rev().count();
    "text".par_chars().zip(v).count();
    HashMap::from([(1, 2)]).par_iter().take(1).count();
    (0..10u64).into_par_iter().skip(1).count();
}
