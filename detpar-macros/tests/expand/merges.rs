//! `#[derive(Merge)]`: parts, variants, parameters, and names of the user's.
use super::Case;
use detpar::{Merge, try_workspace, workspace};

pub(super) const CASES: &[Case] =
    &[("merges::kinds", kinds), ("merges::parameters", parameters), ("merges::names", names)];

#[derive(Merge)]
struct Unit;

#[derive(Merge)]
enum Never {}

#[derive(Debug, Merge, PartialEq)]
enum Kind {
    Nothing,
    Text(String, u8),
    Numbers { many: Vec<u32>, r#type: u8 },
}

#[derive(Debug, Merge, PartialEq)]
struct Kinds(Kind, Kind, Kind);

fn kinds() {
    let text = || Kind::Text("a text that is on the heap".into(), 1);
    let numbers = || Kind::Numbers { many: vec![1, 2, 3], r#type: 1 };
    let mut state = (Kinds(Kind::Nothing, text(), numbers()), Unit, None::<Never>);
    workspace(&mut state, 3, |i, (kinds, ..)| match (i, kinds) {
        (0, Kinds(nothing, ..)) => *nothing = numbers(),
        (1, Kinds(_, Kind::Text(text, _), _)) => text.push('!'),
        (_, Kinds(.., Kind::Numbers { many, .. })) => many[1] = 9,
        _ => unreachable!(),
    });
    let Kinds(a, b, c) = &state.0;
    assert_eq!(*a, numbers());
    assert_eq!(*b, Kind::Text("a text that is on the heap!".into(), 1));
    assert_eq!(*c, Kind::Numbers { many: vec![1, 9, 3], r#type: 1 });
    // A variant is one unit, what it owns another.
    let both = try_workspace(&mut state, 2, |i, (kinds, ..)| match &mut kinds.2 {
        Kind::Numbers { many, r#type } if i == 0 => (*r#type, _) = (2, many),
        Kind::Numbers { many, .. } => many[0] = 2,
        _ => unreachable!(),
    });
    assert!(both.is_err());
}

#[derive(Debug, Merge, PartialEq)]
struct Held<T, const N: usize>
where
    T: Clone,
{
    many: [T; N],
    marker: std::marker::PhantomData<T>,
}

fn parameters() {
    let mut held = Held { many: [const { Vec::new() }; 5], marker: std::marker::PhantomData };
    workspace(&mut held, 5, |i, held| held.many[i].push(i));
    assert_eq!(held.many, [0, 1, 2, 3, 4].map(|i| vec![i]));
}

mod shadowed {
    #![allow(dead_code, non_camel_case_types)]
    mod detpar {}
    mod core {}
    struct Units;
    struct Owned;
    trait Merge {}
    type usize = u8;
    type bool = u8;

    #[derive(::detpar::Merge)]
    pub(super) struct Named {
        pub(super) at: u8,
        pub(super) to: u64,
    }

    #[derive(::detpar::Merge)]
    #[merge(whole)]
    pub(super) struct Whole {
        pub(super) to: u64,
    }
}

fn names() {
    let mut state = (shadowed::Named { at: 0, to: 0 }, shadowed::Whole { to: 0 });
    workspace(&mut state, 3, |i, (named, whole)| match i {
        0 => named.at = 1,
        1 => named.to = 1,
        _ => whole.to = 1,
    });
    assert_eq!((state.0.at, state.0.to, state.1.to), (1, 1, 1));
}
