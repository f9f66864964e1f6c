//! The expansion works where the user's own names shadow those it could have used, and
//! keeps out of the way of the user's names.
use crate::Case;

pub(crate) const CASES: &[Case] =
    &[("hygiene::shadowed", shadowed::call), ("hygiene::locals", locals)];

mod shadowed {
    #![allow(dead_code, non_camel_case_types, non_upper_case_globals)]

    mod detpar {}
    mod core {}
    mod std {}
    mod alloc {}
    struct Result;
    struct Option;
    struct Box;
    trait FnOnce {}
    trait From {}
    const Ok: u8 = 0;
    const Err: u8 = 1;
    const Some: u8 = 2;
    fn drop() {}
    fn enter() {}
    fn enter_result() {}
    fn __detpar_user_main() {}
    struct String;
    type u32 = u8;
    type usize = u16;
    mod __private {}
    macro_rules! panic {
        () => {};
    }

    #[::detpar::deterministic]
    fn plain(value: u32) -> u32 {
        panic!();
        value + Some
    }

    #[::detpar::deterministic]
    fn checked(value: u32) -> ::core::result::Result<u32, ::detpar::JoinError> {
        ::core::result::Result::Ok(value)
    }

    #[::detpar::deterministic]
    fn unit() {}

    #[::detpar::main]
    fn main() -> u32 {
        plain(40)
    }

    /// Any name will do, and visibility stays.
    #[::detpar::main]
    pub(super) fn start() {
        unit();
    }

    pub(super) fn call() {
        unit();
        let checked = ::core::matches!(checked(3), ::core::result::Result::Ok(3));
        ::core::assert!(checked && plain(1) == 3);
        // Compiled only: a program has one master space, and that is this one's caller.
        let _: (fn() -> u32, fn()) = (main, start);
    }
}

/// Locals and arguments with the names of the expansion's own.
#[detpar::deterministic]
fn takes(body: u32, enter: u32, __detpar_user_main: u32) -> u32 {
    let user = body + enter;
    user + __detpar_user_main
}

fn locals() {
    assert_eq!(takes(1, 2, 3), 6);
}
