//! Arguments: patterns, generics, `impl Trait`, ownership.
use crate::Case;
use detpar::deterministic;
use std::cell::RefCell;
use std::fmt::Display;

pub(crate) const CASES: &[Case] = &[
    ("arguments::patterns", patterns),
    ("arguments::generics", generics),
    ("arguments::writes", writes),
    ("arguments::owned", owned),
    ("arguments::from_a_macro", from_a_macro),
    ("arguments::attributes", attributes),
];

struct Pair {
    left: u32,
    right: u32,
}

#[deterministic]
fn destructured(
    (a, mut b): (u32, u32),
    Pair { left, right: r }: Pair,
    [x, .., y]: [u32; 3],
) -> u32 {
    b += 1;
    a + b + left + r + x + y
}

#[deterministic]
fn ignored(_: u32, _named: u32, mut sum: u32) -> u32 {
    sum += 1;
    sum
}

fn patterns() {
    assert_eq!(destructured((1, 2), Pair { left: 4, right: 8 }, [16, 0, 32]), 64);
    assert_eq!(ignored(1, 2, 3), 4);
}

#[deterministic]
fn largest<'a, T, const N: usize>(values: &'a [T; N]) -> Option<&'a T>
where
    T: PartialOrd,
{
    let mut best = values.first()?;
    for value in values {
        if value > best {
            best = value;
        }
    }
    Some(best)
}

#[deterministic]
fn joined(parts: impl Iterator<Item = impl Display>, mut f: impl FnMut(String)) {
    for part in parts {
        f(part.to_string());
    }
}

fn generics() {
    assert_eq!(largest(&[3, 7, 5]), Some(&7));
    assert_eq!(largest::<u8, 0>(&[]), None);
    let mut all = String::new();
    joined([1, 2].iter(), |s| all += &s);
    assert_eq!(all, "12");
}

#[deterministic]
fn fill(values: &mut [u32], seed: &mut u32) {
    for value in values.iter_mut() {
        *seed += 1;
        *value = *seed;
    }
}

fn writes() {
    let mut values = [0; 4];
    let mut seed = 1;
    fill(&mut values, &mut seed);
    fill(&mut values[..2], &mut seed);
    assert_eq!((values, seed), ([6, 7, 4, 5], 7));
}

struct Noisy<'l>(&'static str, &'l RefCell<Vec<&'static str>>);

impl Drop for Noisy<'_> {
    fn drop(&mut self) {
        self.1.borrow_mut().push(self.0);
    }
}

struct Two<'l> {
    used: Noisy<'l>,
    _unused: Noisy<'l>,
}

/// Takes whole arguments, of which it uses a part.
#[deterministic]
fn drops(two: Two, mut third: Noisy<'_>, _fourth: Noisy<'_>) -> usize {
    third.0 = "third";
    two.used.0.len() + third.0.len()
}

#[deterministic]
fn consumes(boxed: Box<u32>, text: String) -> (Box<u32>, usize) {
    (boxed, text.len())
}

/// The order of drops is that of a plain function.
fn owned() {
    let log = RefCell::new(Vec::new());
    let two = Two { used: Noisy("used", &log), _unused: Noisy("unused", &log) };
    assert_eq!(drops(two, Noisy("?", &log), Noisy("fourth", &log)), 9);
    assert_eq!(log.take(), ["fourth", "third", "used", "unused"]);
    assert_eq!(consumes(Box::new(3), "abc".into()), (Box::new(3), 3));
}

macro_rules! function {
    ($(#[$attribute:meta])* $visibility:vis $name:ident, $argument:ident: $ty:ty, $body:block) => {
        $(#[$attribute])*
        #[deterministic]
        $visibility fn $name($argument: $ty) -> $ty $body
    };
}

function!(#[inline] pub(super) doubled, value: u32, { value * 2 });

fn from_a_macro() {
    assert_eq!(doubled(21), 42);
}

/// Documented.
#[deterministic]
#[must_use]
#[inline(never)]
#[allow(clippy::too_many_arguments, clippy::mixed_attributes_style)]
fn decorated(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, #[cfg(any())] no: u8, h: u8) -> u8 {
    #![allow(unused_variables)]
    let unused = 1;
    a + b + c + d + e + f + g + h
}

fn attributes() {
    assert_eq!(decorated(1, 2, 3, 4, 5, 6, 7, 8), 36);
}
