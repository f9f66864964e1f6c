//! Signatures that must compile as they would without the attribute; a few are called.
#![allow(dead_code, reason = "most of them only have to compile")]
use crate::Case;
use detpar::deterministic;
use std::error::Error;
use std::fmt;

pub(crate) const CASES: &[Case] = &[("signatures::called", called)];

#[deterministic]
fn boxed_iterator(values: &[u32]) -> Box<dyn Iterator<Item = &u32> + '_> {
    Box::new(values.iter())
}

#[deterministic]
fn optional_box(n: &mut u32) -> Option<Box<dyn FnMut() + '_>> {
    Some(Box::new(move || *n += 1))
}

struct Values<T>(Vec<T>);

impl<T> Values<T> {
    #[deterministic]
    fn captured<'a>(&'a mut self) -> impl Iterator<Item = &'a mut T> + use<'a, T> {
        self.0.iter_mut()
    }

    #[deterministic]
    fn elided(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut()
    }

    #[deterministic]
    fn borrowed(&self, text: &str) -> Result<Vec<&T>, Box<dyn Error + Send + Sync>> {
        let n: usize = text.parse()?;
        Ok(self.0.iter().take(n).collect())
    }
}

#[deterministic]
fn adder(n: u32) -> impl Fn(u32) -> u32 {
    move |m| m + n
}

#[deterministic]
fn boxed_function() -> Box<dyn Fn(&str) -> &str> {
    Box::new(|text| text)
}

#[deterministic]
fn pointer() -> fn(&str) -> &str {
    |text| text
}

#[deterministic]
fn pair() -> (impl Copy + Into<u64>, impl Clone) {
    (1u32, "two")
}

#[deterministic]
fn applied(f: &dyn Fn(&str) -> &str, text: &'static str) -> String {
    f(text).to_string()
}

#[deterministic]
fn twice(mut f: impl FnMut() -> u32) -> u32 {
    f();
    f()
}

#[deterministic]
fn parsed() -> impl Iterator<Item = u64> {
    "1 2".split(' ').map(|s| s.parse().unwrap())
}

#[deterministic]
fn array<T: Default, const N: usize>() -> [T; N] {
    std::array::from_fn(|_| T::default())
}

#[deterministic]
fn first<I: IntoIterator<Item: Into<u64>>>(items: I) -> <I::IntoIter as Iterator>::Item {
    items.into_iter().next().unwrap()
}

#[deterministic]
fn question_mark_on_err(text: &str) -> Result<(), Box<dyn Error>> {
    if text.is_empty() {
        Err("empty")?
    }
    Ok(())
}

#[deterministic(panic)]
fn result_of_impl(text: &str) -> Result<impl Iterator<Item = char>, fmt::Error> {
    if text.is_empty() {
        return Err(fmt::Error);
    }
    Ok(text.chars())
}

#[deterministic]
fn early_error(bytes: Vec<u8>) -> Result<impl IntoIterator<Item = u8>, Box<dyn Error + 'static>> {
    if bytes.is_empty() {
        return Err("no bytes".into());
    }
    Ok(bytes)
}

#[deterministic]
fn part_of_argument(bytes: &'static mut [u8]) -> &'static mut u8 {
    let (first, _) = bytes.split_first_mut().unwrap();
    first
}

#[deterministic]
fn outlives<'a, 'b: 'a>(a: &'a str, b: &'b str) -> &'a str {
    if a.len() > 1 {
        return a;
    }
    b
}

#[deterministic]
fn unfinished(n: u32) -> u32 {
    unreachable!("{n}")
}

#[deterministic]
#[rustfmt::skip]
extern "Rust" fn rust_abi() {}

trait Source {
    #[deterministic]
    fn items(&self) -> impl Iterator<Item = u32>
    where
        Self: Sized,
    {
        std::iter::once(1)
    }

    #[deterministic]
    fn count() -> u32
    where
        Self: Sized,
    {
        1
    }
}

#[deterministic]
#[track_caller]
fn unwrapped(value: Option<u32>) -> u32 {
    value.unwrap()
}

fn called() {
    let mut values = Values(vec![1, 2, 3]);
    values.elided().chain([&mut 0]).for_each(|v| *v += 1);
    values.captured().for_each(|v| *v += 1);
    assert_eq!(values.borrowed("2").unwrap(), [&3, &4]);
    assert_eq!(boxed_iterator(&[1, 2]).count(), 2);
    assert_eq!(adder(1)(2), 3);
    assert_eq!(pair().0.into(), 1);
    assert_eq!(parsed().sum::<u64>(), 3);
    assert_eq!(array::<u8, 3>(), [0; 3]);
    let mut n = 0;
    optional_box(&mut n).unwrap()();
    assert_eq!(n, 1);
    let counted = twice(|| {
        n += 1;
        n
    });
    assert_eq!((counted, n), (3, 3));
}
