//! Mutable references of one call are the only ones.
use detpar::prelude::*;

fn main() {
    let mut v = vec![1, 2, 3];
    v.par_iter_mut().for_each(|n| *n += v[0]);
    v.par_iter_mut().zip(v.par_iter()).for_each(|(a, b)| *a += b);
    let mut sum = 0;
    v.par_iter().for_each(|n| sum += n);
    let drain = v.par_drain(..);
    v.push(1);
    drain.count();
}
