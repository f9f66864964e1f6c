//! What goes where: buffers at the start and at the end of a child, streams that are inherited.
use detpar::fs as tree;
use libc::{FILE, c_char, c_int};
use std::ffi::CStr;

unsafe extern "C" {
    static stdout: *mut FILE;
}

fn open(name: &CStr, mode: &CStr) -> *mut FILE {
    // SAFETY: two C strings.
    let stream = unsafe { libc::fopen(name.as_ptr(), mode.as_ptr()) };
    assert!(!stream.is_null(), "{name:?}: {}", std::io::Error::last_os_error());
    stream
}

fn print(to: *mut FILE, text: &CStr) {
    // SAFETY: an open stream and a C string.
    assert!(unsafe { libc::fputs(text.as_ptr(), to) } >= 0);
}

/// Before Rust prints: its buffer is another.
fn flush() {
    // SAFETY: null flushes all streams.
    assert_eq!(unsafe { libc::fflush(std::ptr::null_mut()) }, 0);
}

fn out() -> *mut FILE {
    // SAFETY: libc's own, which nobody changes here.
    unsafe { stdout }
}

/// A stream that a child does not close holds what was written to it, and is no one else's.
pub fn left_open() {
    tree::create_dir_all("/d").expect("tree");
    for round in 0..3 {
        detpar::join(
            || print(open(c"/d/a", c"a"), c"a"),
            || {
                print(open(c"/d/b", c"a"), c"b");
                let nested = || print(open(c"/d/c", c"a"), c"c");
                detpar::join(nested, || print(open(c"/d/e", c"a"), c"e"));
            },
        );
        let all = ["a", "b", "c", "e"].map(|n| tree::read_to_string(format!("/d/{n}")));
        let all = all.map(|text| text.expect("a file"));
        assert_eq!(all, ["a", "b", "c", "e"].map(|n| n.repeat(round + 1)));
    }
}

/// What a parent holds is written before its children start, in all its streams.
pub fn nothing_twice() {
    // SAFETY: two C strings.
    let host = unsafe { libc::tmpfile() };
    assert!(!host.is_null());
    print(host, c"once");
    print(out(), c"[");
    let talk = || print(out(), c"x");
    detpar::join(talk, || {
        print(out(), c"(");
        detpar::join(talk, talk);
        print(out(), c")");
    });
    print(out(), c"]\n");
    flush();
    // SAFETY: the stream is open; the buffer is larger than what is read.
    let len = unsafe {
        let mut text = [0u8; 64];
        libc::rewind(host);
        let n = libc::fread(text.as_mut_ptr().cast(), 1, 64, host);
        libc::fclose(host);
        n
    };
    assert_eq!(len, 4);
}

/// A child that closes what it inherited closes it for itself: the parent's list of streams and
/// its standard output are as they were.
pub fn closed_in_children() {
    // SAFETY: streams that are open, in the space that uses them.
    unsafe {
        let (host, read) = (libc::tmpfile(), libc::tmpfile());
        assert!(!host.is_null() && !read.is_null());
        // One that was read has more in its buffer: to close it moves the file back to there.
        print(read, c"abc");
        libc::rewind(read);
        assert_eq!(libc::fgetc(read), i32::from(b'a'));
        let at = [host, read].map(|f| f as usize);
        let close = || {
            print(out(), c"child\n");
            for file in at {
                assert_eq!(libc::fclose(file as *mut FILE), 0);
            }
            assert_eq!(libc::fclose(out()), 0);
        };
        detpar::join(close, close);
        // Would take the place of what was freed.
        let blocks: Vec<Vec<u8>> = (0..64).map(|i| vec![i; 552]).collect();
        print(host, c"still");
        assert_eq!(libc::fflush(std::ptr::null_mut()), 0);
        assert_eq!(libc::ftell(host), 5);
        assert_eq!(libc::fclose(host), 0);
        assert_eq!(libc::fgetc(read), i32::from(b'b'));
        assert_eq!(libc::fclose(read), 0);
        assert_eq!(blocks.len(), 64);
        print(out(), c"parent\n");
        flush();
    }
}

/// `freopen` and `dup2` of a child move its own streams only, not those of its children.
pub fn redirected() {
    tree::create_dir_all("/d").expect("tree");
    let child = || {
        print(out(), c"seen\n");
        // SAFETY: C strings and an open stream; a number that the file has.
        unsafe {
            let moved = libc::freopen(c"/d/out".as_ptr(), c"w".as_ptr(), out());
            assert_eq!(moved, out());
            print(out(), c"to the file\n");
            detpar::join(|| print(out(), c"nested\n"), || ());
            assert_eq!(libc::dup2(1, 2), 2);
            eprintln!("error");
        }
    };
    detpar::join(child, || print(out(), c"sibling\n"));
    let file = tree::read_to_string("/d/out").expect("a file");
    assert_eq!(file, "to the file\nerror\n");
}

/// A child that faults has printed all before that.
pub fn faulting() {
    let failed = detpar::try_join(
        || {
            print(out(), c"up to ");
            print(out(), c"the fault");
            // SAFETY: a fault, on purpose.
            unsafe { std::ptr::null_mut::<u8>().write_volatile(1) };
            print(out(), c"never");
        },
        || print(out(), c"never"),
    );
    assert!(matches!(failed, Err(detpar::JoinError::Fault(_))));
    println!();
    // What it meant for a file is lost, as the file is.
    tree::create_dir_all("/d").expect("tree");
    let redirected = || {
        // SAFETY: C strings and an open stream; then a fault, on purpose.
        unsafe {
            assert_eq!(libc::freopen(c"/d/out".as_ptr(), c"w".as_ptr(), out()), out());
            print(out(), c"to the file");
            std::ptr::null_mut::<u8>().write_volatile(1);
        }
    };
    let failed = detpar::try_join(redirected, || ());
    assert!(matches!(failed, Err(detpar::JoinError::Fault(_))));
}

/// A buffer that the program gives to stdout is memory of the program.
pub fn own_buffer() {
    static mut BUFFER: [c_char; 512] = [0; 512];
    // SAFETY: the buffer lives for ever; nobody else uses it.
    let r: c_int = unsafe { libc::setvbuf(out(), (&raw mut BUFFER).cast(), libc::_IOFBF, 512) };
    assert_eq!(r, 0);
    detpar::join(|| print(out(), c"one "), || print(out(), c"two\n"));
}
