//! Tests of the whole merge: known cases, the oracle, arguments that break the rules.

use super::cases::{ADD, Case, FIRST, LEAF, Memory, OwnedChild, START, Scratch};
use super::*;
use crate::abi::Freed;
use proptest::prelude::*;

const SIZE: usize = 4 * PAGE;

fn memory() -> Memory {
    Memory(vec![Page([7; PAGE]); SIZE / PAGE])
}

/// Children with the given indices, set up by `f`.
fn case<const N: usize>(
    indices: [u32; N],
    regions: &[Region],
    f: impl Fn(&Memory, &mut [OwnedChild; N]),
) -> Case {
    let target = memory();
    let mut children = indices.map(OwnedChild::new);
    f(&target, &mut children);
    Case { target, children: children.into(), regions: regions.to_vec(), ..Case::default() }
}

#[track_caller]
fn merged(case: &Case) -> Memory {
    let children: Vec<_> = case.children.iter().map(OwnedChild::claim).collect();
    let mut target = case.target.clone();
    let mut scratch = vec![Cursor::NEW; children.len()];
    let plan = plan(&target, &children, &case.regions, &mut scratch).expect("no conflict");
    apply(plan, &mut target);
    assert_eq!(case.check(&mut Scratch::default()), Ok(None));
    target
}

#[track_caller]
fn conflict(case: &Case) -> Conflict {
    case.check(&mut Scratch::default()).expect("as the oracle").expect("a conflict")
}

fn region(from: usize, to: usize, policy: Policy) -> Region {
    Region { start: START + from as u64, end: START + to as u64, policy }
}

#[test]
fn neighbouring_bytes_merge() {
    let case = case([0, 1, 5], &[], |m, [a, b, c]| {
        a.write(m, 8, 1);
        b.write(m, 9, 2);
        c.write(m, 10, 3);
        c.write(m, 5000, 4);
    });
    let target = merged(&case);
    assert_eq!(target.0[0].0[7..12], [7, 1, 2, 3, 7]);
    assert_eq!(target.0[1].0[5000 - PAGE], 4);
}

#[test]
fn same_value_is_a_conflict() {
    let case = case([2, 9], &[], |m, [a, b]| {
        a.write(m, 4095, 1);
        b.write(m, 4095, 1);
    });
    assert_eq!(
        conflict(&case),
        Conflict {
            address: START + 4095,
            lower: 2,
            higher: 9,
            reference: [7; 8],
            lower_value: [7, 7, 7, 7, 7, 7, 7, 1],
            higher_value: [7, 7, 7, 7, 7, 7, 7, 1],
            freed: Freed::Neither,
        }
    );
}

#[test]
fn restored_value_is_invisible() {
    let case = case([0, 1], &[], |m, [a, b]| {
        a.write(m, 3, 1);
        b.write(m, 3, 7);
    });
    assert_eq!(merged(&case).0[0].0[3], 1);
}

#[test]
fn lowest_higher_index_is_reported() {
    let case = case([0, 1, 2, 3], &[], |m, [a, b, c, d]| {
        // Lowest address: 0 and 3. Lowest higher index: 2, at two addresses, one of them with
        // both lower children.
        a.write(m, 0, 1);
        d.write(m, 0, 1);
        b.write(m, 5001, 1);
        c.write(m, 5001, 1);
        b.write(m, 5000, 1);
        c.write(m, 5000, 1);
        d.write(m, 5000, 1);
    });
    let found = conflict(&case);
    assert_eq!((found.lower, found.higher, found.address), (1, 2, START + 5000));
}

#[test]
fn free_is_a_write_of_the_block() {
    for (last, conflicts) in [(99, false), (100, true), (9999, true), (10_000, false)] {
        for freeing in [0, 1] {
            let case = case([0, 1], &[], |m, children| {
                children[freeing].free(100, 9900);
                children[1 - freeing].write(m, last, 1);
            });
            if conflicts {
                let found = conflict(&case);
                assert_eq!(found.address, START + last as u64);
                assert_eq!(found.freed, [Freed::Lower, Freed::Higher][freeing]);
            } else {
                merged(&case);
            }
        }
    }
}

#[test]
fn blocks_freed_twice() {
    let case = case([0, 1, 2], &[], |_, [a, b, c]| {
        a.free(0, 64);
        b.free(64, 5000);
        c.free(5063, 1);
        c.free(5064, 100);
    });
    let found = conflict(&case);
    assert_eq!((found.lower, found.higher, found.address), (1, 2, START + 5063));
    assert_eq!(found.freed, Freed::Both);
    assert_eq!(found.lower_value, [7; 8]);
}

#[test]
fn no_merge_bytes_stay() {
    let regions = [region(10, 20, Policy::NoMerge)];
    let case = case([0, 1], &regions, |m, [a, b]| {
        for at in 8..22 {
            a.write(m, at, 1);
        }
        b.write(m, 12, 1);
        b.free(15, 5);
    });
    let target = merged(&case);
    assert_eq!(target.0[0].0[9], 1);
    assert_eq!(target.0[0].0[10..20], [7; 10]);
    assert_eq!(target.0[0].0[20], 1);
}

#[test]
fn blocks_may_overlap_where_nothing_merges() {
    // Both blocks go on over a page boundary that does not merge; one of them meets a write
    // behind it, the other ends before.
    let regions = [region(4000, 9000, Policy::NoMerge)];
    for (at, conflicts) in [(8999, false), (9000, true), (9009, true), (9010, false)] {
        let case = case([0, 1, 2], &regions, |m, [a, b, c]| {
            a.free(4000, 100);
            b.free(4050, 9010 - 4050);
            c.free(4010, 4900);
            a.write(m, at, 1);
        });
        assert_eq!(case.check(&mut Scratch::default()).expect("same").is_some(), conflicts);
    }
}

#[test]
fn blocks_that_meet_on_a_page_where_none_begins() {
    // They overlap from page 0 on, but it is page 3 whose bytes merge, and in page 2 one ends.
    let regions = [region(4000, 3 * PAGE, Policy::NoMerge)];
    let case = case([0, 1, 2], &regions, |_, [a, b, c]| {
        a.free(4000, 3 * PAGE);
        b.free(4050, 2 * PAGE);
        c.free(4010, 3 * PAGE);
    });
    let found = conflict(&case);
    assert_eq!((found.lower, found.higher, found.address), (0, 2, START + 3 * PAGE as u64));
    assert_eq!(found.freed, Freed::Both);
}

#[test]
fn hooks() {
    let regions = [
        region(0, 8, Policy::Hook(ADD)),
        region(8, 16, Policy::Hook(FIRST)),
        region(16, 24, Policy::Hook(LEAF)),
    ];
    let mut case = case([0, 1, 2], &regions, |m, [a, b, c]| {
        for (i, child) in [a, b, c].into_iter().enumerate() {
            child.write(m, 1, 8);
            child.write(m, 8 + i, 3);
        }
        // Nothing here.
    });
    let target = case.target.clone();
    case.children[1].write(&target, 17, 9);
    case.children[2].write(&target, 20, 9);
    assert_eq!(
        merged(&case).0[0].0[..24],
        [7, 10, 7, 7, 7, 7, 7, 7, 3, 7, 7, 7, 7, 7, 7, 7, 7, 9, 7, 7, 9, 7, 7, 7]
    );
    // The same leaf, another byte.
    case.children[2].write(&target, 19, 9);
    let found = conflict(&case);
    assert_eq!((found.lower, found.higher, found.address), (1, 2, START + 16));
    // A free is a write whatever the hook.
    case.children[2].write(&target, 19, 7);
    case.children[0].free(0, 2);
    let found = conflict(&case);
    assert_eq!((found.lower, found.higher, found.address), (0, 1, START + 1));
    assert_eq!(found.freed, Freed::Lower);
}

#[test]
fn what_is_written_once_is_its_first_writers() {
    // One in the middle of a page; one over three pages, of which the first writer changes the
    // last only; one more that begins where that ends.
    let once = |from: usize, to: usize| {
        region(from, to, cases::once(7, to - from, Accept::Any).expect("filled with 7"))
    };
    let regions = [once(8, 16), once(4000, 2 * PAGE + 8), once(2 * PAGE + 8, 3 * PAGE + 8)];
    let mut case = case([0, 1, 2], &regions, |m, [a, b, c]| {
        b.write(m, 9, 1);
        c.write(m, 9, 2);
        c.write(m, 10, 2);
        a.write(m, 2 * PAGE, 3);
        b.write(m, 4000, 4);
        b.write(m, 2 * PAGE, 4);
        b.write(m, 3 * PAGE, 5);
        c.write(m, 2 * PAGE + 8, 6);
        c.write(m, 3 * PAGE, 6);
        c.write(m, 3 * PAGE + 8, 6);
    });
    let target = merged(&case);
    assert_eq!(target.0[0].0[8..12], [7, 1, 7, 7]);
    assert_eq!((target.0[0].0[4000], target.0[2].0[0], target.0[2].0[8]), (7, 3, 7));
    assert_eq!(target.0[3].0[..9], [5, 7, 7, 7, 7, 7, 7, 7, 6]);
    // A free is a write of the whole block.
    case.children[0].free(0, 64);
    let found = conflict(&case);
    assert_eq!((found.lower, found.higher, found.address), (0, 1, START + 9));
}

#[test]
fn settings_that_differ_merge_as_bytes() {
    // One in a page, one over two.
    for at in [8, PAGE - 4] {
        let setting = cases::once(7, 8, Accept::Same).expect("filled with 7");
        let regions = [region(at, at + 8, setting)];
        let with = |last: u8| {
            case([0, 1, 2], &regions, |m, [a, b, c]| {
                for (child, value) in [(a, 1), (b, 1), (c, last)] {
                    child.write(m, at, value);
                    child.write(m, at + 7, value);
                }
            })
        };
        assert_eq!(merged(&with(1)).0[at / PAGE].0[at % PAGE], 1);
        // Somebody wrote before.
        let mut later = with(1);
        later.target.0[at / PAGE].0[at % PAGE] = 3;
        assert_eq!(merged(&later).0[at / PAGE].0[at % PAGE], 1);
        // Where two differ all writes count: those that are the same as well.
        let found = conflict(&with(2));
        assert_eq!((found.lower, found.higher, found.address), (0, 1, START + at as u64));
        // Nor is there anything to merge where all wrote what was there.
        let again = case([0, 1], &regions, |m, [a, b]| {
            a.written(m, at);
            b.written(m, at);
        });
        assert_eq!(merged(&again).0[at / PAGE].0[at % PAGE], 7);
        // What nobody else wrote is no matter.
        let mut alone = with(7);
        alone.children.remove(1);
        assert_eq!(merged(&alone).0[at / PAGE].0[at % PAGE], 1);
    }
}

#[test]
fn hook_that_names_nonsense_still_stops_the_merge() {
    fn nonsense(_: &Changes<'_>) -> Result<(), HookConflict> {
        Err(HookConflict { at: usize::MAX, lower: 99, higher: 3 })
    }
    let hook = Hook { check: nonsense, merge: |_, _| () };
    let regions = [region(0, 8, Policy::Hook(hook))];
    let case = case([0, 1, 2], &regions, |m, [_, b, c]| {
        b.write(m, 1, 1);
        c.write(m, 1, 1);
    });
    let children: Vec<_> = case.children.iter().map(OwnedChild::claim).collect();
    match plan(&case.target, &children, &regions, &mut [Cursor::NEW; 3]) {
        Err(PlanError::Conflict(found)) => {
            assert_eq!((found.lower, found.higher, found.address), (1, 2, START + 7));
        }
        _ => panic!("no conflict"),
    }
}

#[test]
fn thousand_children() {
    let target = Memory(vec![Page([0; PAGE]); 64]);
    let mut children: Vec<OwnedChild> = (0..1024).map(OwnedChild::new).collect();
    for (i, child) in children.iter_mut().enumerate() {
        for page in 0..16 {
            // Each page has 256 children.
            child.write(&target, (i % 4 * 16 + page) * PAGE + i, 1 + page as u8);
        }
    }
    let mut case = Case { target, children, ..Case::default() };
    assert_eq!(case.check(&mut Scratch::default()), Ok(None));
    let target = case.target.clone();
    case.children[1000].write(&target, 40 * PAGE + 40, 1);
    case.children[700].write(&target, 40 * PAGE + 40, 1);
    let found = conflict(&case);
    assert_eq!((found.lower, found.higher), (700, 1000));
}

#[test]
fn empty_merges() {
    let target = memory();
    let stats = plan(&target, &[], &[], &mut []).expect("nothing to do").stats();
    assert_eq!(stats, Stats::default());
    merged(&case([3], &[], |_, _| ()));
    merged(&case([3, 4], &[], |_, [a, b]| {
        a.free(100, 0);
        b.free(100, 8);
    }));
}

#[test]
fn statistics() {
    let case = case([0, 1], &[], |m, [a, b]| {
        a.write(m, 0, 1);
        a.write(m, 1, 1);
        b.write(m, 2, 1);
        b.write(m, 5000, 1);
    });
    let children: Vec<_> = case.children.iter().map(OwnedChild::claim).collect();
    let mut scratch = [Cursor::NEW; 3];
    let plan = plan(&case.target, &children, &[], &mut scratch).expect("no conflict");
    assert_eq!(plan.stats(), Stats { pages: 2, shared: 1, changed: 3 });
}

#[test]
fn what_was_written_counts_whatever_the_value() {
    let places = [0, 7, 8, 129, PAGE - 1, PAGE, 3 * PAGE + 100];
    for at in places {
        // Both put back what was there.
        let both = conflict(&case([1, 4], &[], |m, [a, b]| {
            a.written(m, at);
            b.written(m, at);
        }));
        assert_eq!((both.address, both.lower, both.higher), (START + at as u64, 1, 4));
        assert_eq!((both.reference, both.freed), ([7; 8], Freed::Neither));
        // One of them did.
        conflict(&case([0, 1], &[], |m, [a, b]| {
            a.written(m, at);
            b.write(m, at, 9);
        }));
        // One freed the block.
        let freed = conflict(&case([0, 1], &[], |m, [a, b]| {
            a.written(m, at);
            b.free(at, 1);
        }));
        assert_eq!(freed.freed, Freed::Higher);
        // Neighbours.
        merged(&case([0, 1], &[], |m, [a, b]| {
            a.written(m, at);
            b.write(m, at + 1, 9);
            b.free(at + 2, 8);
        }));
    }
}

#[test]
fn what_was_written_counts_where_bytes_merge() {
    for policy in [Policy::NoMerge, Policy::Hook(LEAF), Policy::Hook(ADD)] {
        let at = |at: usize| {
            case([0, 1], &[region(100, 108, policy)], |m, [a, b]| {
                a.written(m, at);
                b.written(m, at);
                b.write(m, 500, 1);
            })
        };
        (100..108).for_each(|i| drop(merged(&at(i))));
        for i in [99, 108] {
            assert_eq!(conflict(&at(i)).address, START + i as u64);
        }
    }
}

#[test]
fn shared_pages_are_those_that_several_touched() {
    let case = case([0, 3, 9], &[], |m, [a, b, c]| {
        a.dirty(m, START);
        b.dirty(m, START);
        b.dirty(m, START + PAGE as u64);
        c.free(PAGE, 1);
        c.dirty(m, START + 2 * PAGE as u64);
        // Freed by two: no write, whose bytes could be asked for.
        a.free(3 * PAGE, 8);
        b.free(3 * PAGE + 8, 8);
    });
    let children: Vec<_> = case.children.iter().map(OwnedChild::claim).collect();
    let mut seen = Vec::new();
    let each = |page, who: &mut dyn Iterator<Item = usize>| seen.push((page, who.collect()));
    shared(&children, &mut [Cursor::NEW; 3], each).expect("well-formed");
    assert_eq!(seen, [(START, vec![0, 1]), (START + PAGE as u64, vec![1])]);
}

#[test]
fn claims_are_checked() {
    let target = memory();
    let pages = vec![Page([0; PAGE]); 2];
    let good = Child {
        index: 0,
        addrs: &[START, START + 4096],
        pages: &pages,
        frees: &[],
        writes: Writes::NONE,
    };
    let try_it = |child: Child<'_>| {
        plan(&target, &[child], &[], &mut [Cursor::NEW]).map(|plan| plan.stats().pages)
    };
    assert_eq!(try_it(good), Ok(2));
    let malformed = Err(PlanError::Malformed { child: 0 });
    let page = PAGE as u64;
    for addrs in
        [[START, START], [START + page, START], [START, START + 1], [START, page.wrapping_neg()]]
    {
        assert_eq!(try_it(Child { addrs: &addrs, ..good }), malformed, "{addrs:x?}");
    }
    assert_eq!(try_it(Child { addrs: &[START], ..good }), malformed);
    let block = |addr, len| Block { addr, len };
    for frees in [
        [block(START, 2), block(START + 1, 2)],
        [block(START + 1, 2), block(START, 1)],
        [block(START, 1), block(START + 1, u64::MAX)],
        [block(START, 1), block(u64::MAX - 7, 7)],
    ] {
        assert_eq!(try_it(Child { frees: &frees, ..good }), malformed, "{frees:x?}");
    }

    let masks = [Mask([0; PAGE / 8]); 2];
    for (addrs, masks) in [(&[START][..], &masks[..]), (&[START, START], &masks)] {
        assert_eq!(try_it(Child { writes: Writes { addrs, masks }, ..good }), malformed);
    }

    let regions =
        |regions: &[Region]| plan(&target, &[], regions, &mut []).map(|plan| plan.stats().pages);
    assert_eq!(regions(&[region(0, 8, Policy::Bytes), region(8, 9, Policy::NoMerge)]), Ok(0));
    for bad in [
        [region(0, 9, Policy::Bytes), region(8, 9, Policy::NoMerge)],
        [region(8, 9, Policy::Bytes), region(0, 8, Policy::NoMerge)],
        [region(0, 8, Policy::Bytes), region(9, 8, Policy::NoMerge)],
    ] {
        assert_eq!(regions(&bad), Err(PlanError::Regions));
    }

    let twice = [good, good];
    let planned = plan(&target, &twice, &[], &mut [Cursor::NEW; 2]).map(|plan| plan.stats());
    assert_eq!(planned, malformed.map(|_: u64| Stats::default()));
    let planned = plan(&target, &twice, &[], &mut [Cursor::NEW]).map(|plan| plan.stats());
    assert_eq!(planned, Err(PlanError::Scratch { needed: 2 }));
}

#[test]
fn random_cases() {
    let (mut case, mut scratch) = (Case::default(), Scratch::default());
    let mut conflicts = 0;
    for seed in 0..3000 {
        case.randomize(seed, &mut scratch);
        match case.check(&mut scratch) {
            Ok(found) => conflicts += u32::from(found.is_some()),
            Err(what) => panic!("case {seed}: {what}"),
        }
    }
    // Both outcomes are common, or the cases show nothing.
    assert!((600..2400).contains(&conflicts), "{conflicts}");
}

/// What a child does, in a form that shrinks.
#[derive(Clone, Debug)]
enum Deed {
    Write { at: usize, len: usize, value: u8 },
    Free { at: usize, len: usize },
}

/// An offset near a word, line or page boundary.
fn place() -> impl Strategy<Value = usize> {
    (0..SIZE / PAGE, prop_oneof![Just(0), Just(64), Just(PAGE - 16)], 0..24_usize)
        .prop_map(|(page, line, byte)| (page * PAGE + line + byte).min(SIZE - 1))
}

fn deed() -> impl Strategy<Value = Deed> {
    let value = prop_oneof![Just(0), Just(7), Just(1), Just(0x87_u8)];
    let len = prop_oneof![8 => 0..20_usize, 1 => Just(PAGE), 1 => Just(2 * PAGE + 5)];
    prop_oneof![
        3 => (place(), 1..10_usize, value).prop_map(|(at, len, value)| Deed::Write { at, len, value }),
        1 => (place(), len).prop_map(|(at, len)| Deed::Free { at, len }),
    ]
}

fn regions() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((place(), 0..11_usize), 0..8)
}

fn check_deeds(deeds: &[Vec<Deed>], regions: &[(usize, usize)]) -> Result<(), TestCaseError> {
    let target = memory();
    let mut children = Vec::new();
    for (index, deeds) in deeds.iter().enumerate() {
        let mut child = OwnedChild::new(2 * index as u32 + 1);
        for deed in deeds {
            match *deed {
                Deed::Write { at, len, value } => {
                    (at..(at + len).min(SIZE)).for_each(|at| child.write(&target, at, value));
                }
                Deed::Free { at, len } => child.free(at, len.min(SIZE - at)),
            }
        }
        children.push(child);
    }
    let mut edges = regions.to_vec();
    edges.sort_unstable();
    let regions = edges
        .windows(2)
        .filter_map(|edge| {
            let policy = cases::random_policy(edge[0].1, 7, edge[1].0 - edge[0].0)?;
            Some(region(edge[0].0, edge[1].0, policy))
        })
        .collect();
    let case = Case { target, children, regions, ..Case::default() };
    case.check(&mut Scratch::default()).map_err(TestCaseError::fail)?;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn few_children(
        deeds in prop::collection::vec(prop::collection::vec(deed(), 0..5), 1..8),
        regions in regions(),
    ) {
        check_deeds(&deeds, &regions)?;
    }

    #[test]
    fn many_children(
        deeds in prop::collection::vec(prop::collection::vec(deed(), 0..2), 60..80),
        regions in regions(),
    ) {
        check_deeds(&deeds, &regions)?;
    }
}
