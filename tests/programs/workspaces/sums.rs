//! What children contribute: reducers and counters.
use detpar::{Counter, JoinError, Reducer, par_for, try_join, try_workspace, workspace};

/// In the order of indices, whoever ends first.
pub fn reducers() {
    let text = Reducer::new(String::from("<"), |all, one: String| all + &one);
    let largest = Reducer::new((0, 0), Ord::max);
    workspace(&mut (), 12, |i, ()| {
        // The first ones take longest.
        let work: usize = (0..(12 - i) * 20_000).fold(i, |n, k| n.wrapping_mul(31) ^ k);
        text.add(format!("{i}"));
        largest.add((i * 7 % 12, i));
        text.add(if work == 1 { "?".into() } else { ",".into() });
    });
    text.add(">".into());
    par_for(&mut (), 12..15, |i, ()| text.add(format!("{i}")));
    assert_eq!(text.into_value(), "<0,1,2,3,4,5,6,7,8,9,10,11,>121314");
    assert_eq!(largest.into_value(), (11, 5));
    // The rounding of a sum follows from the cut.
    let sum = Reducer::new(0.0, |a, b| a + b);
    par_for(&mut (), 1..10_001, |i, ()| sum.add(1.0 / i as f64));
    println!("sum: {:016x}", sum.into_value().to_bits());
    // Failed ones contribute nothing.
    let count = Reducer::new(0, |a, b| a + b);
    let e = try_workspace(&mut (), 4, |i, ()| {
        count.add(1);
        assert!(i < 3);
    });
    assert!(e.is_err());
    workspace(&mut (), 4, |_, ()| count.add(10));
    assert_eq!(count.into_value(), 40);
}

/// What children of children contribute goes up; a reducer of a child is the child's.
pub fn reducers_below() {
    let all = Reducer::new(Vec::new(), |mut all: Vec<usize>, more| {
        all.extend(more);
        all
    });
    let mut sums = [0; 5];
    workspace(&mut sums, 5, |i, sums| {
        let own = Reducer::new(0, |a, b| a + b);
        all.add(vec![100 * i]);
        workspace(&mut (), 4, |j, ()| {
            all.add(vec![100 * i + j + 1]);
            own.add(j);
        });
        all.add(vec![100 * i + 9]);
        sums[i] = own.into_value() + i;
        // Dropped with what it was given.
        let unused = Reducer::new(0, |a: i32, b| a + b);
        workspace(&mut (), 2, |_, ()| unused.add(1));
    });
    assert_eq!(sums, [6, 7, 8, 9, 10]);
    let own = |i: usize| [0, 1, 2, 3, 4, 9].map(|n| 100 * i + n);
    assert_eq!(all.into_value(), (0..5).flat_map(own).collect::<Vec<_>>());
}

/// Other children cannot contribute, and are told.
pub fn reducers_elsewhere() {
    let count = Reducer::new(0, |a, b| a + b);
    let e = try_join(|| count.add(1), || ()).unwrap_err();
    assert!(e.to_string().contains("return what they have"), "{e}");
    let e = try_workspace(&mut (), 2, |_, ()| {
        detpar::join(|| count.add(1), || ());
    });
    assert!(e.unwrap_err().to_string().contains("return what they have"));
    assert_eq!(count.into_value(), 0);
    // A panic of the operation is the child's, or the parent's own.
    let odd = Reducer::new(0, |a, b| {
        assert!((a + b) % 2 == 1, "an even sum");
        a + b
    });
    let e = try_workspace(&mut (), 2, |i, ()| (0..=i).for_each(|_| odd.add(1)));
    assert!(matches!(&e, Err(JoinError::Panic(p)) if p.child() == 1), "{e:?}");
    odd.add(1);
    assert_eq!(odd.into_value(), 1);
}

pub fn counters() {
    let (count, other) = (Counter::new(1), Counter::default());
    workspace(&mut (), 30, |i, ()| {
        count.add(i as u64);
        assert_eq!(count.get(), 1 + i as u64);
        detpar::join(|| count.add(1000), || other.add(1));
        assert_eq!(count.get(), 1001 + i as u64);
    });
    assert_eq!((count.get(), other.get()), (1 + 435 + 30_000, 30));
    // Of failed children nothing counts.
    assert!(try_join(|| count.add(1), || panic!("no")).is_err());
    assert_eq!(count.get(), 30_436);
    // One alone, and around the end.
    let mut count = count;
    count.set(u64::MAX);
    detpar::join(|| count.add(3), || ());
    assert_eq!(count.get(), 2);
    // A child has counters of its own.
    let sums = detpar::join(
        || {
            let own = Counter::new(5);
            par_for(&mut (), 0..100, |i, ()| own.add(i as u64));
            own.get()
        },
        || other.get(),
    );
    assert_eq!(sums, (4955, 30));
}

pub fn counters_beside_the_parent() {
    let count = Counter::new(0);
    detpar::scope(|s| {
        for i in 0..5 {
            s.spawn({
                let count = &count;
                move |_| count.add(10 + i)
            });
            count.add(1);
        }
        assert_eq!(count.get(), 5);
    });
    assert_eq!(count.get(), 65);
}

/// Beyond the table's end a count is memory like any other: nothing is lost in silence.
pub fn many_counters() {
    let many: Vec<Counter> = (0..1200).map(Counter::new).collect();
    let add = |i: usize| try_workspace(&mut (), 2, |_, ()| many[i].add(1));
    assert!(add(0).is_ok() && add(900).is_ok());
    assert!(matches!(add(1199), Err(JoinError::Conflict(_))));
    assert_eq!([0, 900, 1199].map(|i| many[i].get()), [2, 902, 1199]);
    drop(many);
    let again = Counter::new(0);
    workspace(&mut (), 5, |_, ()| again.add(1));
    assert_eq!(again.get(), 5);
}
