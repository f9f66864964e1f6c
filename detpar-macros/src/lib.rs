//! Macros of detpar: `#[detpar::main]`, `#[detpar::test]`, `#[deterministic]`, and the derive
//! macros `Digest` and `Merge`.
//!
//! Use them through the `detpar` crate, which re-exports them and holds what they expand to
//! (`detpar::__private`). Expansions name nothing by a path that a user's module could
//! shadow.
//!
//! - `parse.rs` reads arguments and function, without looking into the body.
//! - `check.rs` refuses what cannot run in a space, with a reason and an alternative.
//! - `refuse/` finds what a body names that is nondeterministic.
//! - `expand.rs` writes the result.
//! - `test.rs` does all three for tests, `digest.rs` and `merge.rs` for what is derived.
mod check;
mod digest;
mod expand;
mod merge;
mod parse;
mod refuse;
mod test;

use proc_macro::TokenStream;

/// Makes a function without arguments the program's master space.
///
/// The function becomes the body of the master: it may read clocks, files and sockets, and
/// the deterministic children forked below it run on its memory image. It returns what the
/// original returned; visibility, documentation and lint attributes stay.
///
/// ```no_run
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let text = std::fs::read_to_string("input.txt")?;
///     println!("{}", count(&text));
///     Ok(())
/// }
///
/// #[deterministic]
/// fn count(text: &str) -> usize {
///     text.split_whitespace().count()
/// }
/// ```
///
/// # Errors
/// Does not compile on a function with arguments or generic parameters, nor on an `async`,
/// `const`, `unsafe` or `extern` one.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    run(|| {
        parse::no_arguments(arguments.into())?;
        let function = parse::function(item.into())?;
        check::main(&function)?;
        Ok(expand::main(function))
    })
}

/// Runs the body of a function in a space of its own: snapshot, start, merge.
///
/// Works on free functions, methods and associated functions, in traits (with a body) and
/// trait implementations too. Arguments move into the child; what it writes through `&mut`
/// arguments is merged back before the function returns.
///
/// - A function that returns a `Result<_, E>` (told by the type's last name, so an alias
///   must be called `Result`, too) returns a failure of the child as an `Err`, which needs
///   `E: From<JoinError>`.
/// - Any other function, and with `#[deterministic(panic)]` that one as well, continues the
///   child's panic or panics with the `JoinError`, located at the function.
///
/// ```no_run
/// use detpar::prelude::*;
/// use detpar::JoinError;
///
/// #[deterministic]
/// fn mean(values: &[f64]) -> f64 {
///     values.iter().sum::<f64>() / values.len() as f64
/// }
///
/// #[deterministic]
/// fn checked(values: &[f64]) -> Result<f64, JoinError> {
///     Ok(mean(values))
/// }
///
/// #[deterministic(panic)]
/// fn parse(text: &str) -> Result<f64, std::num::ParseFloatError> {
///     text.parse()
/// }
///
/// #[detpar::main]
/// fn main() -> Result<(), JoinError> {
///     let mut values = [1.0, parse("3.5").unwrap_or(0.0)];
///     double(&mut values);
///     assert_eq!(checked(&values)?, 4.5);
///     Ok(())
/// }
///
/// #[deterministic]
/// fn double(values: &mut [f64]) {
///     values.iter_mut().for_each(|v| *v *= 2.0);
/// }
/// ```
///
/// Inside, an `impl Trait` of the return type is inferred from the body alone. A closure that
/// is returned as `impl Fn(&T) -> &U` must therefore be returned as `Box<dyn Fn(&T) -> &U>`
/// or come from a function that says so.
///
/// # Errors
/// Does not compile on `async`, `const`, `extern` and variadic functions, on functions that
/// return `!` and on trait methods without a body.
///
/// Nor does it compile where the function names what is nondeterministic or meant for threads:
///
/// ```compile_fail
/// # use detpar::prelude::*;
/// #[deterministic]
/// fn stamp() -> std::time::SystemTime {
///     std::time::SystemTime::now() // reads a clock: pass the time as an argument
/// }
/// ```
///
/// `#[deterministic(allow(clock))]` opts out; what a child does is confined all the same. The
/// names are `clock`, `threads`, `random`, `atomics`, `locks`, `env`, `process`, `files`,
/// `network`, `addresses`, `static_mut`, `hardware` and `async`; an `allow` that is not needed
/// does not compile either. Names are all that a macro sees: `Instant::now`, `Command::new`,
/// `Mutex` and a call of `sleep` are refused whatever they are, unless the path or a `use` in the
/// body says that they are one's own (`self::Mutex`), or `sleep` is a variable. A name that says
/// little by itself, as the `var` of `use std::env::var` or the `spawn` of `use std::thread::spawn`,
/// is not known in the body by that; it is `detpar lint` that reads the whole file, and callees.
///
/// # Panics
/// The function panics when it is called outside of `#[detpar::main]`, and, except for the
/// `Result` form, when its child fails.
#[proc_macro_attribute]
pub fn deterministic(arguments: TokenStream, item: TokenStream) -> TokenStream {
    run(|| {
        let arguments = parse::deterministic_arguments(arguments.into())?;
        let function = parse::function(item.into())?;
        check::deterministic(&arguments, &function)?;
        Ok(expand::deterministic(&arguments, function))
    })
}

/// Makes a function without arguments a test that is the master space of a process of its own.
///
/// It is an ordinary test to the harness, under `cargo test` as under nextest: listed,
/// filtered, run beside others, with `#[ignore]` and `#[should_panic(expected = "...")]`, and it
/// may return what a main may. What it prints is shown as the harness shows output, and a panic
/// of it fails the test with its message and location. A process that dies, or that takes
/// longer than `DETPAR_TEST_LIMIT` seconds (default: no limit), fails the test with how it ended.
/// Variables of the environment reach it; `DETPAR_CHECK` is set to 1 unless it is set.
///
/// With `#[detpar::test(deterministic)]` the test is run several times, with other numbers of
/// workers and other schedules, and what it prints and how it ends must be the same each time:
/// see `detpar::assert_deterministic!`.
///
/// ```
/// # // Only compiled: a harness runs what it is.
/// #[detpar::test]
/// fn both_halves_count() {
///     let (a, b) = detpar::join(|| 1, || 2);
///     assert_eq!(a + b, 3);
/// }
///
/// #[detpar::test(deterministic)]
/// fn prints_in_order() -> Result<(), detpar::JoinError> {
///     detpar::try_join(|| println!("first"), || println!("second"))?;
///     Ok(())
/// }
///
/// #[detpar::test]
/// #[should_panic(expected = "children 0 and 1 both wrote")]
/// fn races_are_found() {
///     use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
///     let n = AtomicU32::new(0);
///     detpar::join(|| n.store(1, Relaxed), || n.store(2, Relaxed));
/// }
/// ```
///
/// # Errors
/// Does not compile on a function with arguments or generic parameters, nor on an `async`,
/// `const`, `unsafe` or `extern` one, nor beside another `#[test]`.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    run(|| {
        let arguments = test::arguments(arguments.into())?;
        let function = parse::function(item.into())?;
        test::check(&function)?;
        Ok(test::expand(&arguments, function))
    })
}

/// Implements `detpar::Digest` for a structure or an enumeration: its parts in order, before
/// them the number of the variant, counted from 0.
///
/// Type parameters get the bound `Digest`.
///
/// ```
/// use detpar::{Digest, digest};
///
/// #[derive(Digest)]
/// struct Point<T> {
///     x: T,
///     y: T,
/// }
///
/// #[derive(Digest)]
/// enum Mark {
///     None,
///     At(Point<f64>),
/// }
///
/// assert_eq!(digest::of(&Point { x: 1, y: 2 }), digest::of(&(1, 2)));
/// let at = |x| digest::of(&Mark::At(Point { x, y: 0.0 }));
/// assert_eq!(at(1.0), at(1.0));
/// assert_ne!(at(1.0), digest::of(&Mark::None));
/// ```
///
/// # Errors
/// Does not compile on unions.
#[proc_macro_derive(Digest)]
pub fn derive_digest(item: TokenStream) -> TokenStream {
    run(|| digest::derive(item.into()))
}

/// Implements `detpar::Merge` for a structure, by its parts, or for an enumeration, as one unit.
///
/// With `#[merge(whole)]` a structure is one unit, too. Type parameters get the bound `Merge`.
///
/// ```
/// use detpar::Merge;
///
/// #[derive(Merge)]
/// struct Car {
///     place: f64,
///     speed: f64,
/// }
///
/// #[detpar::main]
/// fn main() {
///     let mut car = Car { place: 0.0, speed: 2.0 };
///     // Two parts of one structure: each child has one to itself, and reads the other.
///     detpar::workspace(&mut car, 2, |i, car| match i {
///         0 => car.place += car.speed,
///         _ => car.speed /= 2.0,
///     });
///     assert_eq!((car.place, car.speed), (2.0, 1.0));
/// }
/// ```
///
/// # Errors
/// Does not compile on unions, nor where a part is not `Merge`.
#[proc_macro_derive(Merge, attributes(merge))]
pub fn derive_merge(item: TokenStream) -> TokenStream {
    run(|| merge::derive(item.into()))
}

fn run(expand: impl FnOnce() -> syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expand().unwrap_or_else(|e| e.into_compile_error()).into()
}
