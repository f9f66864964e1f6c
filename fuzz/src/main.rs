//! Coverage-guided fuzzing of `detpar-fs`; `cargo xtask fuzz` builds and runs it.
//!
//! The first byte of an input chooses what the rest is: damage to a disk image that is then loaded
//! and repaired, or a stream of operations. The crate is compiled with `detpar_fuzz`, which makes
//! all checksums equal: else no input would get past them.
#![no_main]

mod image;
mod input;
mod stream;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut input = input::Input::new(bytes);
    match input.byte() % 3 {
        0 => image::load(&mut input),
        1 => image::repair(&mut input),
        _ => stream::run(&mut input),
    }
});
