//! Tests as a process finds them that is to run one.
//!
//! The harness's main is left out of such a process: it would parse arguments and make threads,
//! and a master space has to be the main thread of a process without others. A constructor
//! sees the mark and puts a main of ours in place. Where the test lies is told as a place
//! relative to the program, which is the same file, and looked at before it is believed.
use super::{inner, mark::Mark};
use core::ffi::{c_char, c_int, c_void};

/// A test, as a static of the program that has it.
#[derive(Debug)]
#[repr(C)]
pub struct Entry {
    /// Invariant `test-entry`: [`MAGIC`], written by `new` alone.
    magic: [u64; 2],
    /// Module path and name, with the crate.
    name: &'static str,
    /// Runs the test; whether it returned a success.
    pub(super) run: fn() -> bool,
    /// Whether it must panic.
    pub(super) should_panic: bool,
}

/// No other bytes of a program look like this by accident.
const MAGIC: [u64; 2] = [0x6465_7470_6172_2074, 0x9f1c_44e0_b7d2_835a];

impl Entry {
    /// A test by its path and name; `run` runs it and tells whether it returned a success.
    pub const fn new(name: &'static str, run: fn() -> bool, should_panic: bool) -> Entry {
        Entry { magic: MAGIC, name, run, should_panic }
    }

    /// The name as the harness says it: without the crate.
    pub(super) fn name(&self) -> &'static str {
        self.name.split_once("::").map_or(self.name, |(_, name)| name)
    }

    /// Its place relative to the program; `None` where it lies in a library.
    pub(super) fn place(&'static self) -> Option<usize> {
        let place = (&raw const *self as usize).wrapping_sub(program().base);
        program().holds(place).then_some(place)
    }

    /// The entry at a place, if one of this name lies there.
    pub(super) fn at(place: usize, name: &str) -> Option<&'static Entry> {
        if !place.is_multiple_of(align_of::<Entry>()) || !program().holds(place) {
            return None;
        }
        let at = program().base.wrapping_add(place);
        // SAFETY: invariant `test-entry`: readable memory of the program, aligned.
        if unsafe { *(at as *const [u64; 2]) } != MAGIC {
            return None;
        }
        // SAFETY: invariant `test-entry`: only a whole record begins with these bytes.
        let entry = unsafe { &*(at as *const Entry) };
        (entry.name() == name).then_some(entry)
    }
}

/// The program's own segments, without libraries.
struct Program {
    base: usize,
    /// Start and end of each relative to the base.
    segments: [(usize, usize); 16],
}

impl Program {
    fn holds(&self, place: usize) -> bool {
        self.segments
            .iter()
            .any(|&(start, end)| start <= place && place < end.saturating_sub(size_of::<Entry>()))
    }
}

/// # Safety
/// Called by `dl_iterate_phdr` with a valid record and a [`Program`].
unsafe extern "C" fn first_object(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    data: *mut c_void,
) -> c_int {
    // SAFETY: the loader passes a valid record; `data` is the one of `program`.
    let (info, out) = unsafe { (&*info, &mut *data.cast::<Program>()) };
    // SAFETY: the header table lives as long as the object.
    let headers = unsafe { core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize) };
    out.base = info.dlpi_addr as usize;
    let loaded =
        headers.iter().filter(|h| h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_R != 0);
    for (segment, h) in out.segments.iter_mut().zip(loaded) {
        *segment = (h.p_vaddr as usize, (h.p_vaddr + h.p_memsz) as usize);
    }
    1
}

fn program() -> Program {
    let mut found = Program { base: 0, segments: [(0, 0); 16] };
    // SAFETY: the callback matches the loader's contract; the first object is the program.
    unsafe { libc::dl_iterate_phdr(Some(first_object), (&raw mut found).cast()) };
    found
}

/// Runs before main in every program that has a test.
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = {
    extern "C" fn constructor() {
        if Mark::read().is_some_and(|mark| mark.entry.is_some()) {
            kernel::master::replace_main(main);
        }
    }
    constructor
};

extern "C" fn main(_argc: c_int, _argv: *mut *mut c_char, _envp: *mut *mut c_char) -> c_int {
    inner::main()
}

/// Makes the linker keep the constructor.
pub(super) fn keep() {
    std::hint::black_box(&raw const CONSTRUCTOR);
}

#[cfg(test)]
mod tests {
    use super::*;

    static SOME: Entry = Entry::new("krate::module::some", || true, false);

    #[test]
    fn found_by_place_and_name_only() {
        let place = SOME.place().expect("a static of this program");
        assert!(std::ptr::eq(Entry::at(place, "module::some").unwrap(), &SOME));
        assert!(Entry::at(place, "module::other").is_none());
        assert!(Entry::at(place + 8, "module::some").is_none());
        assert!(Entry::at(place + 1, "module::some").is_none());
        assert!(Entry::at(usize::MAX, "module::some").is_none());
        assert!(Entry::at(0, "module::some").is_none());
    }
}
