//! Every adaptor and method that has a closure: every item is dropped once. Where the closure
//! panics, the panic of the lowest index is continued.
use crate::drops::{Counted, assert_drops, counted, rolls_back};
use detpar::iter::Either;
use detpar::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The panic that is to be reported, and one behind it; or none.
fn pass(len: usize, panics: bool) -> impl Fn(Counted) -> Counted + Clone + Sync + Send {
    move |item| {
        if panics && (item.0 == len / 3 || item.0 == len - 1) {
            panic!("expected: item {}", item.0);
        }
        item
    }
}

pub fn all_dropped_once() {
    for len in [0, 1, 5, 40] {
        every_method(len, false);
    }
}

pub fn first_reported_and_all_dropped_once() {
    if !rolls_back() {
        println!("  (skipped: this kernel does not roll back failed children)");
        return;
    }
    for len in [1, 5, 40] {
        every_method(len, true);
    }
}

fn every_method(len: usize, fails: bool) {
    let pass = pass(len, fails);
    let see = |item: &Counted| {
        let seen = Counted(item.0, None);
        std::mem::forget(pass(seen));
    };
    let seen = |item: &Counted| {
        see(item);
        true
    };
    type Kept = Vec<Counted>;
    macro_rules! panics {
            ($(|$iter:ident| $run:expr;)*) => {$((|| {
                let $iter = counted(len, true).into_par_iter();
                let result = catch_unwind(AssertUnwindSafe(|| $run));
                let failed = result.err();
                assert_drops(len, 1);
                assert_eq!(failed.is_some(), fails, "{}", stringify!($run));
                let Some(payload) = failed else { return };
                let message = payload.downcast_ref::<String>().expect("a message");
                let expected = format!("expected: item {}", len / 3);
                assert_eq!(*message, expected, "{}", stringify!($run));
            })();)*};
        }
    panics! {
        |iter| iter.for_each(|n| drop(pass(n)));
        |iter| iter.for_each_with((), |(), n| drop(pass(n)));
        |iter| iter.for_each_init(|| (), |(), n| drop(pass(n)));
        |iter| iter.try_for_each(|n| { drop(pass(n)); Some(()) });
        |iter| iter.map(&pass).collect::<Kept>();
        |iter| iter.map_with((), |(), n| pass(n)).collect::<Kept>();
        |iter| iter.map_init(|| (), |(), n| pass(n)).rev().rev().collect::<Kept>();
        |iter| iter.inspect(see).collect::<Kept>();
        |iter| iter.update(|n| see(n)).collect::<Kept>();
        |iter| iter.update(|n| see(n)).chunks(2).collect::<Vec<_>>();
        |iter| iter.map(&pass).chunks(2).enumerate().collect::<Vec<_>>();
        |iter| iter.filter(seen).collect::<Kept>();
        |iter| iter.filter_map(|n| Some(pass(n))).collect::<Kept>();
        |iter| iter.flat_map(|n| Some(pass(n))).collect::<Kept>();
        |iter| iter.flat_map(|n| Some(n).into_par_iter().map(&pass)).collect::<Kept>();
        |iter| iter.flat_map_iter(|n| Some(pass(n))).collect::<Kept>();
        |iter| iter.fold(Vec::new, |mut v, n| { v.push(pass(n)); v }).collect::<Vec<_>>();
        |iter| iter.try_fold(Vec::new, |mut v, n| { v.push(pass(n)); Some(v) }).collect::<Vec<_>>();
        |iter| iter.fold_chunks(3, Vec::new, |mut v, n| { v.push(pass(n)); v }).collect::<Vec<_>>();
        |iter| iter.map(|n| Some(pass(n))).while_some().collect::<Kept>();
        |iter| iter.map(Some).while_some().map(&pass).collect::<Kept>();
        |iter| iter.take_any_while(seen).collect::<Kept>();
        |iter| iter.skip_any_while(seen).collect::<Kept>();
        |iter| iter.skip_any(0).map(&pass).collect::<Kept>();
        |iter| iter.take_any(len).map(&pass).collect::<Kept>();
        |iter| iter.panic_fuse().map(&pass).collect::<Kept>();
        |iter| iter.positions(|n| { pass(n); true }).count();
        |iter| iter.zip(0..len).map(|(n, _)| pass(n)).collect::<Kept>();
        |iter| (iter, 0..len, 0..len).into_par_iter().for_each(|(n, _, _)| drop(pass(n)));
        |iter| iter.map(Some).interleave((0..3).into_par_iter().map(|_| None)).for_each(|n| drop(n.map(&pass)));
        |iter| iter.step_by(1).map(&pass).collect::<Kept>();
        |iter| iter.chain(None).map(&pass).collect::<Kept>();
        |iter| iter.by_exponential_blocks().map(&pass).collect::<Kept>();
        |iter| iter.by_uniform_blocks(7).map(&pass).collect::<Kept>();
        |iter| iter.map(&pass).reduce_with(|a, _| a);
        |iter| iter.map(|n| Ok::<_, ()>(pass(n))).try_reduce_with(|a, _| Ok(a));
        |iter| iter.map(|n| Ok::<_, Counted>(pass(n))).collect::<Result<Kept, _>>();
        |iter| iter.map(|n| (pass(n), 1)).unzip::<_, _, Kept, Vec<_>>();
        |iter| iter.map(|n| (1, pass(n))).unzip_into_vecs(&mut Vec::new(), &mut Vec::new());
        |iter| iter.partition::<Kept, Kept, _>(seen);
        |iter| iter.partition_map::<Kept, Kept, _, _, _>(|n| Either::Right(pass(n)));
        |iter| iter.map(&pass).collect_vec_list();
        |iter| iter.find_map_last(|n| Some(pass(n)));
        |iter| iter.find_first(|n| { see(n); false });
        |iter| iter.position_last(|n| { drop(pass(n)); true });
        |iter| iter.any(|n| { drop(pass(n)); false });
        |iter| iter.min_by_key(|n| { see(n); n.0 });
        |iter| Either::<_, detpar::vec::IntoIter<_>>::Left(iter).inspect(see).collect::<Kept>();
    }
}
