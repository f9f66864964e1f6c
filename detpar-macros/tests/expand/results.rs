//! Functions that return a `Result`, with a child that succeeds, fails and panics.
use crate::Case;
use detpar::{JoinError, deterministic};
use std::num::ParseIntError;

pub(crate) const CASES: &[Case] = &[
    ("results::converted", converted),
    ("results::boxed", boxed),
    ("results::alias", alias),
    ("results::panic", panic),
    ("results::foreign_name", foreign_name),
];

#[derive(Debug)]
enum Failure {
    Join(JoinError),
    Parse(ParseIntError),
}

impl From<JoinError> for Failure {
    fn from(e: JoinError) -> Failure {
        Failure::Join(e)
    }
}

impl From<ParseIntError> for Failure {
    fn from(e: ParseIntError) -> Failure {
        Failure::Parse(e)
    }
}

#[deterministic]
fn sum(texts: &[&str]) -> Result<u32, Failure> {
    let mut sum = 0;
    for text in texts {
        assert!(*text != "x", "no letters");
        sum += text.parse::<u32>()?;
    }
    Ok(sum)
}

fn converted() {
    assert_eq!(sum(&["1", "2"]).unwrap(), 3);
    assert!(matches!(sum(&["?"]), Err(Failure::Parse(e)) if e.to_string().contains("digit")));
    assert!(matches!(sum(&["1", "x"]), Err(Failure::Join(JoinError::Panic(_)))));
}

type Plain<T> = Result<T, Box<dyn std::error::Error>>;

#[deterministic]
fn any_error(text: &str) -> std::result::Result<i64, Box<dyn std::error::Error + '_>> {
    assert!(!text.is_empty(), "nothing to parse");
    Ok(text.parse()?)
}

fn boxed() {
    let plain: Plain<i64> = any_error("12").map_err(|e| e.to_string().into());
    assert_eq!(plain.unwrap(), 12);
    assert!(any_error("").unwrap_err().is::<JoinError>());
    assert!(any_error("a").unwrap_err().is::<ParseIntError>());
}

mod ours {
    pub(super) type Result<T> = std::result::Result<T, detpar::JoinError>;
}

#[deterministic]
fn aliased(value: u32) -> ours::Result<u32> {
    Ok(100 / value)
}

fn alias() {
    assert_eq!(aliased(5).unwrap(), 20);
    assert!(aliased(0).is_err());
}

#[deterministic(panic)]
fn parse(text: &str) -> Result<u32, ParseIntError> {
    assert!(!text.is_empty(), "nothing to parse");
    text.parse()
}

fn panic() {
    assert_eq!(parse("4"), Ok(4));
    assert!(parse("four").is_err());
    assert!(std::panic::catch_unwind(|| parse("")).is_err());
}

/// The kind of name only counts as the last segment.
#[deterministic]
fn foreign_name() {
    #[derive(PartialEq, Debug)]
    struct Result(u32);
    #[deterministic(panic)]
    fn inner() -> Result {
        Result(1)
    }
    assert_eq!(inner(), Result(1));
}
