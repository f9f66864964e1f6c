//! Every adaptor, and every method that ends an iterator, really runs its closures in several
//! spaces.
//!
//! A child begins with thread-locals of its own and allocates where no sibling does. So the
//! first call in a space is known to be the first, and marks the space by the address of a
//! fresh box. (Changing one counter would do as well: but a conflict takes a second to print.)
use crate::rolls_back;
use detpar::iter::Either;
use detpar::prelude::*;
use std::cell::Cell;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static SPACES: [AtomicBool; 1 << 14] = [const { AtomicBool::new(false) }; 1 << 14];

thread_local! {
    static MARKED: Cell<bool> = const { Cell::new(false) };
}

fn touch<T>(item: T) -> T {
    if !MARKED.replace(true) {
        let address = std::ptr::from_ref(&*black_box(Box::new([0u64; 8]))).addr() as u64;
        let mixed = address.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        SPACES[(mixed >> 50) as usize].store(true, Relaxed);
    }
    item
}

fn touched(n: i32) {
    touch(n);
}

fn some(n: i32) -> Option<()> {
    touch(n);
    Some(())
}

/// Runs what touches, in two spaces or more.
#[track_caller]
fn forks<R>(what: &str, run: impl FnOnce() -> R) {
    SPACES.iter().for_each(|space| space.store(false, Relaxed));
    MARKED.set(false);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        // Two addresses may mark the same place: two children did so then.
        let message = panic.downcast_ref::<String>().expect("a panic with a message");
        assert!(message.contains("both wrote"), "{what}: {message}");
        return;
    }
    let spaces = SPACES.iter().filter(|space| space.load(Relaxed)).count();
    assert!(spaces > 1, "{what}: ran in {spaces} space");
}

/// Twenty numbers: every leaf has one or two.
fn range() -> detpar::range::Iter<i32> {
    (0..20).into_par_iter()
}

macro_rules! fork {
    ($(|$iter:ident| $run:expr;)*) => {$(
        forks(stringify!($run), || {
            let $iter = range();
            $run
        });
    )*};
}

/// Behind and before the adaptor.
macro_rules! adaptors_fork {
    ($(|$iter:ident| $run:expr;)*) => {$(
        forks(concat!("before ", stringify!($run)), || {
            let $iter = range().map(touch);
            $run.for_each(|_| ())
        });
        forks(concat!("behind ", stringify!($run)), || {
            let $iter = range();
            $run.map(touch).for_each(|_| ())
        });
    )*};
}

pub fn every_adaptor() {
    if !rolls_back() {
        println!("  (skipped: one address space)");
        return;
    }
    let list = [0; 20];
    adaptors_fork! {
        |iter| iter.map(|n| n + 1);
        |iter| iter.map_with(1, |m, n| *m + n);
        |iter| iter.map_init(|| 1, |m, n| *m + n);
        |iter| iter.map(|n| &list[n as usize]).cloned();
        |iter| iter.map(|n| &list[n as usize]).copied();
        |iter| iter.inspect(|_| ());
        |iter| iter.update(|n| *n += 1);
        |iter| iter.filter(|_| true);
        |iter| iter.filter_map(Some);
        |iter| iter.flat_map(Some);
        |iter| iter.flat_map_iter(Some);
        |iter| iter.map(Some).flatten();
        |iter| iter.map(Some).flatten_iter();
        |iter| iter.fold(|| 0, |a, n| a + n);
        |iter| iter.fold_with(0, |a, n| a + n);
        |iter| iter.try_fold(|| 0, |a: i32, n| a.checked_add(n));
        |iter| iter.try_fold_with(0, |a: i32, n| a.checked_add(n));
        |iter| iter.chain(Some(1));
        |iter| Some(1).into_par_iter().chain(iter);
        |iter| iter.map(Some).while_some();
        |iter| iter.panic_fuse();
        |iter| iter.intersperse(1);
        |iter| iter.filter(|_| true).intersperse(1);
        |iter| iter.take_any(10);
        |iter| iter.skip_any(10);
        |iter| iter.take_any_while(|_| true);
        |iter| iter.skip_any_while(|_| false);
        |iter| iter.by_exponential_blocks();
        |iter| iter.by_uniform_blocks(10);
        |iter| iter.enumerate();
        |iter| iter.zip(&list);
        |iter| list.par_iter().zip(iter);
        |iter| iter.zip_eq(&list);
        |iter| (&list, iter, 0..20).into_par_iter();
        |iter| iter.interleave(vec![1; 20]);
        |iter| vec![1; 20].into_par_iter().interleave_shortest(iter);
        |iter| iter.chunks(2);
        |iter| iter.fold_chunks(2, || 0, |a, n| a + n);
        |iter| iter.fold_chunks_with(2, 0, |a, n| a + n);
        |iter| iter.step_by(2);
        |iter| iter.skip(10);
        |iter| iter.take(10);
        |iter| iter.rev();
        |iter| iter.with_min_len(2);
        |iter| iter.with_max_len(1);
        |iter| iter.positions(|_| true);
    }
    let either = |left| if left { Either::Left(range()) } else { Either::Right(range().rev()) };
    forks("left", || either(true).for_each(touched));
    forks("right", || either(false).for_each(touched));
    // The parallel calls of items that `flat_map` makes, too.
    forks("inner", || Some(1).into_par_iter().flat_map(|_| range().map(touch)).count());
}

pub fn every_method() {
    if !rolls_back() {
        println!("  (skipped: one address space)");
        return;
    }
    let mut list = vec![0; 20];
    let mut other = Vec::new();
    fork! {
        |iter| iter.for_each(touched);
        |iter| iter.for_each_with((), |(), n| touched(n));
        |iter| iter.for_each_init(|| (), |(), n| touched(n));
        |iter| iter.try_for_each(some);
        |iter| iter.try_for_each_with((), |(), n| some(n));
        |iter| iter.try_for_each_init(|| (), |(), n| some(n));
        |iter| iter.map(touch).count();
        |iter| iter.map(touch).sum::<i32>();
        |iter| iter.map(touch).map(|n| n & 1).product::<i32>();
        |iter| iter.map(touch).min();
        |iter| iter.map(touch).max();
        |iter| iter.min_by_key(|n| touch(*n));
        |iter| iter.max_by_key(|n| touch(*n));
        |iter| iter.map(touch).min_by(|a, b| a.cmp(b));
        |iter| iter.map(touch).max_by(|a, b| a.cmp(b));
        |iter| iter.map(touch).reduce(|| 0, |a, b| a + b);
        |iter| iter.map(touch).reduce_with(|a, b| a + b);
        |iter| iter.map(touch).map(Some).try_reduce(|| 0, i32::checked_add);
        |iter| iter.map(touch).map(Some).try_reduce_with(i32::checked_add);
        |iter| iter.find_any(|n| touch(*n) < 0);
        |iter| iter.find_first(|n| touch(*n) < 0);
        |iter| iter.find_last(|n| touch(*n) < 0);
        |iter| iter.find(|n| touch(*n) < 0);
        |iter| iter.find_map_any(|n| (touch(n) < 0).then_some(n));
        |iter| iter.find_map_first(|n| (touch(n) < 0).then_some(n));
        |iter| iter.find_map_last(|n| (touch(n) < 0).then_some(n));
        |iter| iter.any(|n| touch(n) < 0);
        |iter| iter.all(|n| touch(n) >= 0);
        |iter| iter.position_any(|n| touch(n) < 0);
        |iter| iter.position_first(|n| touch(n) < 0);
        |iter| iter.position_last(|n| touch(n) < 0);
        |iter| iter.position(|n| touch(n) < 0);
        |iter| iter.map(touch).collect::<Vec<_>>();
        |iter| iter.map(touch).map(Some).collect::<Option<Vec<_>>>();
        |iter| iter.map(touch).collect_vec_list();
        |iter| iter.map(touch).collect_into_vec(&mut list);
        |iter| iter.map(touch).map(|n| (n, n)).unzip::<_, _, Vec<_>, Vec<_>>();
        |iter| iter.map(touch).map(|n| (n, n)).unzip_into_vecs(&mut list, &mut other);
        |iter| iter.partition::<Vec<_>, Vec<_>, _>(|n| touch(*n) < 3);
        |iter| iter.partition_map::<Vec<i32>, Vec<i32>, _, _, i32>(|n| Either::Left(touch(n)));
        |iter| iter.map(touch).cmp(0..20);
        |iter| iter.map(touch).partial_cmp(0..20);
        |iter| iter.map(touch).eq(0..20);
        |iter| iter.map(touch).ne(0..20);
        |iter| iter.map(touch).lt(0..20);
        |iter| iter.map(touch).le(0..20);
        |iter| iter.map(touch).gt(0..20);
        |iter| iter.map(touch).ge(0..20);
    }
}
