//! rayon's functions around pools.
use detpar::prelude::*;
use std::cell::Cell;
use std::panic::catch_unwind;
use std::sync::mpsc::channel;

pub fn pools() {
    for n in [0, 1, 4, 1000] {
        let builder = detpar::ThreadPoolBuilder::new().num_threads(n).stack_size(n);
        let pool = builder.thread_name(|i| i.to_string()).use_current_thread().build().unwrap();
        assert_eq!(pool.current_num_threads(), detpar::current_num_threads());
        assert_eq!(pool.current_thread_index(), None);
        // A sum whose bits depend on the cut.
        let sum = || (1..=1000).into_par_iter().map(|i| 1.0 / f64::from(i)).sum::<f64>();
        assert_eq!(pool.install(sum).to_bits(), sum().to_bits());
        assert_eq!(pool.join(|| 1, || 2), (1, 2));
        let mut a = 0;
        pool.scope(|s| s.spawn(|_| a = 1));
        pool.scope_fifo(|s| s.spawn_fifo(|_| a += 1));
        assert_eq!(a, 2);
        assert_eq!(detpar::join_context(|c| c.migrated(), |c| c.migrated()), (false, false));
    }
    for _ in 0..2 {
        detpar::ThreadPoolBuilder::new().num_threads(2).build_global().unwrap();
    }
    // Not Send, as it runs in place.
    let here = Cell::new(1);
    let mut there = 1;
    detpar::in_place_scope(|s| {
        s.spawn(|_| there = 2);
        here.set(2);
    });
    assert_eq!((here.get(), there), (2, 2));
}

pub fn spawned() {
    let (to, from) = channel();
    for i in 0..5 {
        let to = to.clone();
        detpar::spawn(move || {
            assert_eq!(detpar::current_thread_index(), Some(0));
            to.send(i).unwrap();
        });
    }
    drop(to);
    assert_eq!(from.iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    let failed = catch_unwind(|| detpar::spawn(|| panic!("expected: of a spawned closure")));
    let payload = failed.expect_err("the panic is continued");
    assert_eq!(*payload.downcast_ref::<String>().unwrap(), "expected: of a spawned closure");
}

pub fn broadcasts() {
    let workers = detpar::current_num_threads();
    let all: Vec<usize> = (0..workers).collect();
    assert_eq!(detpar::broadcast(|worker| worker.index()), all);
    let asked = detpar::broadcast(|_| detpar::current_thread_index().unwrap());
    assert_eq!(asked, all);
    let mut bytes = vec![0u8; workers];
    let places: Vec<&mut u8> = bytes.iter_mut().collect();
    let places: Vec<std::sync::Mutex<&mut u8>> =
        places.into_iter().map(std::sync::Mutex::new).collect();
    detpar::scope(|s| {
        s.spawn_broadcast(|_, worker| {
            assert_eq!(worker.num_threads(), workers);
            **places[worker.index()].lock().unwrap() = 1;
        });
    });
    drop(places);
    assert_eq!(bytes, vec![1; workers]);
    // More leaves than workers: the index starts again.
    let indices = (0..100).into_par_iter().with_max_len(1).map(|_| detpar::current_thread_index());
    assert!(indices.enumerate().all(|(i, index)| index == Some(i % workers)));
}
