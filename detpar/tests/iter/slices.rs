//! Pieces and parts of slices.
use crate::cuts::split_everywhere;
use crate::{LENS, numbers, same};
use detpar::prelude::*;
use std::panic::catch_unwind;

pub fn pieces_of_slices() {
    for len in LENS {
        let v = numbers(len);
        for size in [1, 2, 7, 64, 5000] {
            same(v.par_chunks_exact(size), v.chunks_exact(size));
            same(v.par_rchunks(size), v.rchunks(size));
            same(v.par_rchunks_exact(size), v.rchunks_exact(size));
            same(v.par_windows(size), v.windows(size));
            assert_eq!(v.par_chunks_exact(size).remainder(), v.chunks_exact(size).remainder());
            assert_eq!(v.par_rchunks_exact(size).remainder(), v.rchunks_exact(size).remainder());

            // The place of each piece, and which items are in none.
            macro_rules! same_mut {
                ($($par:ident as $std:ident),*) => {$(
                    let (mut a, mut b) = (v.clone(), v.clone());
                    let number = |(i, piece): (usize, &mut [i64])| piece.fill(i as i64);
                    a.$par(size).enumerate().for_each(number);
                    b.$std(size).enumerate().for_each(number);
                    assert_eq!(a, b);
                )*};
            }
            same_mut!(
                par_chunks_mut as chunks_mut,
                par_chunks_exact_mut as chunks_exact_mut,
                par_rchunks_mut as rchunks_mut,
                par_rchunks_exact_mut as rchunks_exact_mut
            );
        }
        same(v.par_array_windows::<3>(), v.windows(3).map(|w| w.try_into().unwrap()));
    }
    let mut v = [1, 2, 3, 4, 5];
    assert_eq!(v.par_chunks_exact_mut(2).into_remainder(), [5]);
    let mut pieces = v.par_rchunks_exact_mut(2);
    assert_eq!(pieces.remainder(), [1]);
    assert_eq!(pieces.take_remainder(), [1]);
    assert!(pieces.take_remainder().is_empty());
    assert_eq!(pieces.len(), 2);
    macro_rules! refused {
        ($($method:ident)*) => {$(
            assert!(catch_unwind(|| [1].$method(0).count()).is_err());
        )*};
    }
    refused!(par_chunks_exact par_rchunks par_rchunks_exact par_windows);
    refused!(par_chunks_mut par_chunks_exact_mut par_rchunks_mut par_rchunks_exact_mut);
    assert!(catch_unwind(|| [1].par_array_windows::<0>().count()).is_err());
}

pub fn splits_of_pieces() {
    let v = numbers(11);
    for size in [1, 2, 3, 11, 12] {
        split_everywhere(v.par_chunks_exact(size));
        split_everywhere(v.par_rchunks(size));
        split_everywhere(v.par_rchunks_exact(size));
        split_everywhere(v.par_windows(size));
    }
    split_everywhere(v.par_array_windows::<1>());
    split_everywhere(v.par_array_windows::<4>());
    split_everywhere(v.par_array_windows::<12>());
}

#[track_caller]
fn parts(v: &[i64], is: impl Fn(&i64) -> bool + Sync + Send + Copy) {
    same(v.par_split(is), v.split(is));
    same(v.par_split_inclusive(is), v.split_inclusive(is));
    let pair = |a: &i64, b: &i64| is(a) == is(b);
    same(v.par_chunk_by(pair), v.chunk_by(pair));
    let flip = |part: &mut [i64]| {
        part.reverse();
        part.iter_mut().for_each(|n| *n += 5000);
    };
    macro_rules! same_mut {
        ($($par:ident as $std:ident($op:expr)),*) => {$(
            let (mut a, mut b) = (v.to_vec(), v.to_vec());
            a.$par($op).for_each(flip);
            b.$std($op).for_each(flip);
            assert_eq!(a, b);
        )*};
    }
    same_mut!(
        par_split_mut as split_mut(is),
        par_split_inclusive_mut as split_inclusive_mut(is),
        par_chunk_by_mut as chunk_by_mut(pair)
    );
}

pub fn parts_of_slices() {
    // All patterns of separators in short slices.
    for len in 0..=8 {
        for pattern in 0..1u32 << len {
            let v: Vec<i64> = (0..len).map(|i| i64::from(pattern >> i & 1)).collect();
            parts(&v, |n| *n == 1);
        }
    }
    for len in LENS {
        let v = numbers(len);
        for rest in [2, 10, 100, 1001] {
            parts(&v, |n| *n % rest == 0);
        }
    }
}
