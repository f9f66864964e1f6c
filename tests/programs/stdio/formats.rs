//! Random formats and arguments: formatting and scanning in a child are the platform's own.
use detpar_tests::harness::Numbers;
use detpar_tests::program::digest;
use libc::{c_int, c_long, snprintf, sscanf};
use std::ffi::CString;

pub fn formats() {
    compare(20_000);
}

pub fn formats_long() {
    compare(1_000_000);
}

fn compare(cases: u64) {
    let all = |from: u64| (from..from + cases / 2).map(one).collect::<Vec<u64>>();
    let theirs = all(0).into_iter().chain(all(cases / 2));
    let (low, high) = detpar::join(|| all(0), || all(cases / 2));
    for (i, (a, b)) in low.into_iter().chain(high).zip(theirs).enumerate() {
        assert_eq!(a, b, "case {i}");
    }
}

/// The digest of what one case gives.
fn one(case: u64) -> u64 {
    let mut n = Numbers(case);
    let text = if n.below(2) == 0 { printed(&mut n) } else { scanned(&mut n) };
    digest(text.as_bytes())
}

fn pick<'a>(n: &mut Numbers, from: &[&'a str]) -> &'a str {
    from[n.below(from.len() as u64) as usize]
}

/// A value with few or many digits.
fn number(n: &mut Numbers) -> u64 {
    let bits = n.below(64);
    n.below(u64::MAX) >> bits
}

fn printed(n: &mut Numbers) -> String {
    let flags: String = (0..n.below(3)).map(|_| pick(n, &["-", "+", " ", "#", "0", "'"])).collect();
    let width = if n.below(2) == 0 { String::new() } else { n.below(30).to_string() };
    let precision = if n.below(2) == 0 { String::new() } else { format!(".{}", n.below(20)) };
    let head = format!("<{flags}{width}{precision}").replace('<', "<%");
    let kind = n.below(5);
    let tail = match kind {
        0 => pick(n, &["d", "i", "u", "x", "X", "o", "hd", "hhu", "c"]),
        1 => pick(n, &["ld", "lu", "lx", "lo", "jd", "zu", "td"]),
        2 => pick(n, &["e", "f", "g", "a", "E", "F", "G", "A"]),
        3 => "s",
        _ => "p",
    };
    let format = CString::new(format!("{head}{tail}>%%")).expect("no zero");
    let mut room = [0u8; 700];
    let size = if n.below(8) == 0 { n.below(10) as usize } else { room.len() };
    let (to, f) = (room.as_mut_ptr().cast(), format.as_ptr());
    // SAFETY: the room has that size, and the argument is of the type that the format names.
    let len = unsafe {
        match kind {
            0 => snprintf(to, size, f, number(n) as c_int),
            1 => snprintf(to, size, f, number(n) as c_long),
            2 => snprintf(to, size, f, double(n)),
            3 => snprintf(to, size, f, c"some words".as_ptr()),
            _ => snprintf(to, size, f, number(n) as *const u8),
        }
    };
    format!("{len} {room:?}")
}

fn double(n: &mut Numbers) -> f64 {
    match n.below(3) {
        0 => f64::from_bits(n.below(u64::MAX)),
        1 => number(n) as f64 / 1000.0,
        _ => n.below(100) as f64,
    }
}

fn scanned(n: &mut Numbers) -> String {
    let parts =
        ["1", "23", "-4", "+", "0x1f", "e3", ".", "5.5", " ", "\n", "inf", "nan", "ab", "%"];
    let text: String = (0..n.below(6)).map(|_| pick(n, &parts)).collect();
    let width = if n.below(2) == 0 { 1 + n.below(15) } else { 15 };
    let kind = n.below(4);
    let tail = match kind {
        0 => pick(n, &["d", "i", "u", "x", "o"]),
        1 => pick(n, &["ld", "li", "lx"]),
        2 => pick(n, &["lf", "le", "lg", "la"]),
        _ => pick(n, &["s", "[0-9]", "[^ ]", "[a-f%]"]),
    };
    let before = pick(n, &["", " ", "%*d", "1", "%*[+-]"]);
    let format = CString::new(format!("{before}%{width}{tail}%n")).expect("no zero");
    let text = CString::new(text).expect("no zero");
    let (t, f) = (text.as_ptr(), format.as_ptr());
    let (mut int, mut long, mut float, mut word, mut len) = (7, 7, 7.0f64, [0u8; 16], -1);
    let at = &raw mut len;
    // SAFETY: two C strings, and room for what the format names: a word of up to 15 bytes.
    let got: c_int = unsafe {
        match kind {
            0 => sscanf(t, f, (&raw mut int).cast::<c_int>(), at),
            1 => sscanf(t, f, (&raw mut long).cast::<c_long>(), at),
            2 => sscanf(t, f, &raw mut float, at),
            _ => sscanf(t, f, word.as_mut_ptr(), at),
        }
    };
    format!("{got} {int} {long} {:x} {word:?} {len}", float.to_bits())
}
