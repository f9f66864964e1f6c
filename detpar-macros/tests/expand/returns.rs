//! Return types: elided lifetimes, `impl Trait`, early returns, coercions, nothing at all.
use crate::Case;
use detpar::deterministic;
use std::borrow::Cow;
use std::fmt::{Debug, Display};

pub(crate) const CASES: &[Case] = &[
    ("returns::lifetimes", lifetimes),
    ("returns::impl_trait", impl_trait),
    ("returns::early", early),
    ("returns::coercions", coercions),
    ("returns::unit", unit),
    ("returns::nested", nested),
    ("returns::panic_message", panic_message),
];

#[deterministic]
fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or("")
}

#[deterministic]
fn trimmed(text: &str) -> Cow<'_, str> {
    if text.starts_with(' ') {
        return Cow::Owned(text.trim().to_owned());
    }
    Cow::Borrowed(text)
}

#[deterministic]
fn slot<'v>(values: &'v mut Vec<u32>, at: &usize) -> &'v mut u32 {
    &mut values[*at]
}

#[deterministic]
fn cells(values: &mut [u32]) -> std::slice::IterMut<'_, u32> {
    values.iter_mut()
}

fn lifetimes() {
    assert_eq!(first_word("one two"), "one");
    assert_eq!(trimmed(" a "), "a");
    let mut values = vec![1, 2];
    *slot(&mut values, &1) = 5;
    cells(&mut values).for_each(|v| *v += 1);
    assert_eq!(values, [2, 6]);
}

#[deterministic]
fn evens(values: &[u32]) -> impl Iterator<Item = &u32> + '_ {
    values.iter().filter(|v| *v % 2 == 0)
}

#[deterministic]
fn maybe(value: u32) -> Option<impl Display + Debug> {
    if value == 0 {
        return None;
    }
    let half = 1.0 / f64::from(value);
    Some(half)
}

#[deterministic]
fn fallible(value: u32) -> Result<impl Fn(u32) -> u32, detpar::JoinError> {
    if value == 0 {
        return Ok(adder(1));
    }
    Ok(adder(value))
}

fn adder(n: u32) -> impl Fn(u32) -> u32 {
    move |m| m + n
}

fn impl_trait() {
    assert_eq!(evens(&[1, 2, 4]).sum::<u32>(), 6);
    assert_eq!(maybe(2).unwrap().to_string(), "0.5");
    assert!(maybe(0).is_none());
    assert_eq!(fallible(0).unwrap()(1), 2);
}

#[deterministic]
fn sign(value: i32) -> i32 {
    if value < 0 {
        return -1;
    }
    for n in 0.. {
        if n == value {
            return n.min(1);
        }
    }
    unreachable!()
}

#[deterministic]
fn second_char(text: &str) -> Option<char> {
    let c = text.chars().nth(1)?;
    Some(c.to_ascii_uppercase())
}

fn early() {
    assert_eq!((sign(-4), sign(0), sign(9)), (-1, 0, 1));
    assert_eq!((second_char("ab"), second_char("a")), (Some('B'), None));
}

#[deterministic]
fn boxed(negate: bool) -> Box<dyn Fn(i32) -> i32> {
    if negate {
        return Box::new(|n| -n);
    }
    Box::new(|n| n)
}

#[deterministic]
fn pointers(values: &[u32; 3]) -> (&[u32], fn(i32) -> i32) {
    (values, i32::abs)
}

fn coercions() {
    assert_eq!((boxed(true)(1), boxed(false)(1)), (-1, 1));
    let (values, f) = pointers(&[1, 2, 3]);
    assert_eq!((values.len(), f(-2)), (3, 2));
}

#[deterministic]
fn nothing(flag: &mut bool) {
    if *flag {
        return;
    }
    *flag = true;
}

#[deterministic]
fn said(flag: &mut bool) -> () {
    *flag = false;
}

#[deterministic]
fn empty() {}

fn unit() {
    let mut flag = false;
    nothing(&mut flag);
    assert!(flag);
    nothing(&mut flag);
    said(&mut flag);
    assert!(!flag);
    empty();
}

#[deterministic]
fn power(base: u64, exponent: u32) -> u64 {
    if exponent == 0 { 1 } else { base * power(base, exponent - 1) }
}

fn nested() {
    assert_eq!(power(3, 5), 243);
}

/// Panics in the child; the caller's panic carries the child's message.
#[deterministic]
fn overflows(values: &[u32]) -> u32 {
    values[values.len()]
}

fn panic_message() {
    let payload = std::panic::catch_unwind(|| overflows(&[1])).unwrap_err();
    let message = payload.downcast_ref::<String>().expect("the child's message");
    assert!(message.contains("index out of bounds"), "{message}");
}
