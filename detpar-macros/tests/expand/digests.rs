//! `#[derive(Digest)]`: parts in order, variants by number, generic parameters.
use super::Case;
use detpar::Digest;
use detpar::digest::of;

pub(super) const CASES: &[Case] = &[
    ("structures are their parts in order", structures),
    ("variants are told apart", enumerations),
    ("parameters need a digest", generics),
    ("names of the user's do not matter", hygiene),
];

#[derive(Digest)]
struct Unit;

#[derive(Digest)]
struct Pair(u8, String);

#[derive(Digest)]
struct Named {
    to: u8,
    part_0: String,
}

#[derive(Digest)]
enum Shape {
    Nothing,
    Round(u32),
    Square { width: u32, r#type: u8 },
}

#[derive(Digest)]
enum Never {}

#[derive(Digest)]
struct Held<'a, T, const N: usize>
where
    T: Clone,
{
    many: [T; N],
    one: &'a T,
}

fn structures() {
    let text = || String::from("x");
    assert_eq!(of(&Unit), of(&()));
    assert_eq!(of(&Pair(1, text())), of(&(1u8, "x")));
    assert_eq!(of(&Named { to: 1, part_0: text() }), of(&(1u8, "x")));
    assert_ne!(of(&Pair(1, text())), of(&Pair(2, text())));
}

fn enumerations() {
    assert_eq!(of(&Shape::Nothing), of(&0u32));
    assert_eq!(of(&Shape::Round(5)), of(&(1u32, 5u32)));
    assert_eq!(of(&Shape::Square { width: 5, r#type: 6 }), of(&(2u32, 5u32, 6u8)));
    assert_eq!(of(&None::<Never>), of(&0u32));
}

fn generics() {
    let one = 1.5f64;
    assert_eq!(of(&Held { many: [2.5, 3.5], one: &one }), of(&(2.5, 3.5, 1.5)));
}

mod shadowed {
    #![allow(dead_code, unused_macros, non_camel_case_types)]
    mod detpar {}
    struct u32;
    struct Option;
    trait Digest {}
    macro_rules! matches {
        () => {};
    }

    #[derive(::detpar::Digest)]
    pub enum Own {
        One(u8),
        Two,
    }
}

fn hygiene() {
    assert_ne!(of(&shadowed::Own::One(1)), of(&shadowed::Own::Two));
}
