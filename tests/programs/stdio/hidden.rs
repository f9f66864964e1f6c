//! What libc remembers between calls: a child has it as its parent left it, and keeps it to itself.
use libc::{c_char, c_int, c_long};
use std::ffi::CStr;
use std::ptr::{null, null_mut};

unsafe extern "C" {
    safe fn rand() -> c_int;
    safe fn srand(seed: u32);
    safe fn random() -> c_long;
    safe fn drand48() -> f64;
    safe fn clock() -> c_long;
    fn strtok(text: *mut c_char, between: *const c_char) -> *mut c_char;
    fn setlocale(category: c_int, name: *const c_char) -> *mut c_char;
    fn localtime(time: *const libc::time_t) -> *const libc::tm;
    fn perror(text: *const c_char);
}

/// What a space is told; it changes all of it.
fn told() -> String {
    let numbers = format!("{} {} {}", rand(), random(), drand48());
    srand(99);
    // SAFETY: C strings, records of the right type, and a name that is not changed.
    unsafe {
        let rest = strtok(null_mut(), c" ".as_ptr());
        let word = if rest.is_null() { c"" } else { CStr::from_ptr(rest) };
        let time = libc::time(null_mut());
        let date = *localtime(&time);
        let none = setlocale(libc::LC_ALL, c"xx_XX".as_ptr()).is_null();
        let locale = CStr::from_ptr(setlocale(libc::LC_ALL, null()));
        let mut name = *b"/tmp/detXXXXXX\0";
        let made = libc::mkstemp(name.as_mut_ptr().cast());
        *libc::__errno_location() = libc::ENOENT;
        perror(c"told".as_ptr());
        let error = CStr::from_ptr(libc::strerror(libc::ENOENT));
        format!(
            "{numbers} {word:?} {time} {} {} {none} {locale:?} {made} {name:?} {error:?} {} {}",
            date.tm_hour,
            date.tm_year,
            libc::getpid(),
            clock(),
        )
    }
}

pub fn hidden_state() {
    // Time zone and locales of the machine are not there, with a tree and without.
    detpar::join(
        // SAFETY: a time; the record is not used.
        || unsafe { assert!(!localtime(&0).is_null()) },
        // SAFETY: a C string.
        || unsafe { assert!(setlocale(libc::LC_ALL, c"xx_XX".as_ptr()).is_null()) },
    );
    detpar::fs::create_dir_all("/tmp").expect("tree");
    srand(3);
    let next = {
        let first = rand();
        srand(3);
        first
    };
    let mut text = *b"one two three\0";
    // SAFETY: C strings; the text lives until the last call.
    unsafe { strtok(text.as_mut_ptr().cast(), c" ".as_ptr()) };
    let mut before = String::new();
    for _ in 0..3 {
        // The same each time: whatever worker it has, nothing is left of the child before.
        let (mine, ()) = detpar::join(told, || ());
        let ((), nested) = detpar::join(|| (), || detpar::join(|| (), told).1);
        assert!(mine.starts_with(&format!("{next} ")), "{mine}");
        assert!(mine.contains("\"two\""), "{mine}");
        println!("{mine}\n{nested}");
        let state = |all: &str| all.split(" 946684800 ").next().unwrap_or_default().to_owned();
        assert_eq!(state(&mine), state(&nested));
        assert!(before.is_empty() || before == state(&mine));
        before = state(&mine);
        detpar::fs::remove("/tmp").expect("clean");
        detpar::fs::create_dir_all("/tmp").expect("tree");
    }
    assert_eq!(rand(), next);
    // SAFETY: as above.
    assert_eq!(unsafe { CStr::from_ptr(strtok(null_mut(), c" ".as_ptr())) }, c"two");
}
