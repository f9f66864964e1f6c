//! Finds hidden statics in the program's symbol table and tells the kernel how they merge.

use super::lazy::States;
use super::table::{self, How};
use kernel::master::{self, Accept, Done};
use object::LittleEndian;
use object::elf::{self, FileHeader64, Sym64};
use object::read::elf::{FileHeader, Sym};
use std::fs::File;
use std::os::fd::AsRawFd;

/// A file mapped to be read.
struct Mapped {
    start: *mut libc::c_void,
    len: usize,
}

impl Mapped {
    /// The program's own file: only what is looked at is read.
    fn program() -> Option<Mapped> {
        let file = File::open("/proc/self/exe").ok()?;
        let len = usize::try_from(file.metadata().ok()?.len()).ok().filter(|&len| len > 0)?;
        let (read, private) = (libc::PROT_READ, libc::MAP_PRIVATE);
        // SAFETY: a new mapping; a running program's file cannot be written.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), len, read, private, file.as_raw_fd(), 0) };
        (start != libc::MAP_FAILED).then_some(Mapped { start, len })
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: mapped until `self` is dropped, and nobody writes to it.
        unsafe { std::slice::from_raw_parts(self.start.cast(), self.len) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: our own mapping, to which no reference is left.
        unsafe { libc::munmap(self.start, self.len) };
    }
}

/// Addresses of the running program.
struct Program {
    /// What is added to the addresses of its file.
    base: usize,
    /// Its code.
    code: std::ops::Range<usize>,
    /// Its writable data, without what becomes read-only after it was loaded.
    data: std::ops::Range<usize>,
}

/// Declares the hidden statics of the program. Where there is no symbol table, none are found.
///
/// # Safety
/// In the master, with no other thread and no child.
pub(super) unsafe fn declare() {
    let Some(file) = Mapped::program() else { return };
    let Some(program) = program() else { return };
    let states = States::get();
    // SAFETY: the caller's contract.
    let declared = each_static(file.bytes(), &program, |name, at, len| unsafe {
        declare_one(&program, states, name, at, len);
    });
    let _: Option<()> = declared;
}

/// # Safety
/// As [`declare`]; `at` and `len` must be a static's.
unsafe fn declare_one(program: &Program, states: States, name: &str, at: usize, len: usize) {
    let path = format!("{:#}", rustc_demangle::demangle(name));
    match table::find(&path).map(|row| row.how) {
        Some(How::WriteOnce) => master::write_once(at, len, Accept::Any),
        Some(How::Setting) => master::write_once(at, len, Accept::Same),
        // SAFETY: the caller's contract; a hidden static is not data of the program.
        Some(How::NoMerge) => unsafe { master::no_merge(at, len) },
        Some(How::Behind(depth)) => {
            master::write_once(at, len, Accept::Any);
            // SAFETY: as above; the table says that it points to such a block.
            unsafe { master::no_merge_behind(at, depth) };
        }
        None => {
            // SAFETY: a static's bytes; no other thread runs.
            let words: Vec<u64> = unsafe { words(at, len) };
            if let Some(done) = lazy_by_look(program, states, &words) {
                master::write_once(at, len, Accept::Finished(done));
            }
        }
    }
}

/// # Safety
/// The range must be readable, and nobody may write to it.
unsafe fn words(at: usize, len: usize) -> Vec<u64> {
    if !at.is_multiple_of(8) || len > LARGEST {
        return Vec::new();
    }
    // SAFETY: the caller's contract; padding is looked at by the machine's rules only.
    (0..len / 8).map(|i| unsafe { (at as *const u64).add(i).read_volatile() }).collect()
}

/// Larger statics are not looked at. A lazy value is inside of its static.
const LARGEST: usize = 4096;

/// Whether a word may stand for no value: zero, or beyond all that a length or an address can be.
fn is_absence(word: u64) -> bool {
    word == 0 || word > i64::MAX as u64
}

/// Recognises a `LazyLock` that has its function still, and the word that tells when it is
/// filled: its words are one pointer to code, the state of an empty `Once`, and otherwise the
/// absence of a value (zeros, and in some types a number beyond all that a length or an address
/// can be).
fn lazy_by_look(program: &Program, states: States, words: &[u64]) -> Option<Done> {
    let is_code = |word: u64| program.code.contains(&(word as usize));
    let mut code = words.iter().filter(|word| is_code(**word));
    let mut rest =
        words.iter().enumerate().filter(|word| !is_code(*word.1) && !is_absence(*word.1));
    let (Some(_), None) = (code.next(), code.next()) else { return None };
    let (Some((state, &word)), None) = (rest.next(), rest.next()) else { return None };
    let empty = u64::from(states.empty);
    let at = match word {
        w if w == empty => 8 * state,
        w if w == empty << 32 => 8 * state + 4,
        _ => return None,
    };
    Some(Done { at, value: states.full })
}

/// Whether a static may be one that is filled on first use, and is not filled yet: besides what
/// [`lazy_by_look`] calls the absence of a value it holds a function, the state of an empty `Once`,
/// or both, and nothing else.
///
/// # Safety
/// The range must be readable, and nobody may write to it.
pub(crate) unsafe fn may_be_lazy(at: usize, len: usize) -> bool {
    let Some(program) = program() else { return false };
    // SAFETY: the caller's contract.
    let words = unsafe { words(at, len) };
    let empty = u64::from(States::get().empty);
    let code = |word: u64| program.code.contains(&(word as usize));
    let state = |word: u64| word == empty || word == empty << 32;
    let count = |is: &dyn Fn(u64) -> bool| words.iter().filter(|word| is(**word)).count();
    let known = |word: u64| code(word) || state(word) || is_absence(word);
    let (functions, states) = (count(&code), count(&state));
    count(&known) == words.len() && functions < 2 && states < 2 && functions + states > 0
}

/// Calls `f` with name, address and length of each writable static.
fn each_static(
    bytes: &[u8],
    program: &Program,
    mut f: impl FnMut(&str, usize, usize),
) -> Option<()> {
    let endian = LittleEndian;
    let header = FileHeader64::<LittleEndian>::parse(bytes).ok()?;
    let sections = header.sections(endian, bytes).ok()?;
    let symbols = sections.symbols(endian, bytes, elf::SHT_SYMTAB).ok()?;
    for symbol in symbols.iter() {
        let symbol: &Sym64<LittleEndian> = symbol;
        if symbol.st_type() != elf::STT_OBJECT {
            continue;
        }
        let at = program.base.wrapping_add(symbol.st_value(endian) as usize);
        let len = symbol.st_size(endian) as usize;
        let inside = program.data.contains(&at) && len <= program.data.end - at;
        if let Ok(name) = symbol.name(endian, symbols.strings())
            && inside
            && len > 0
            && let Ok(name) = str::from_utf8(name)
        {
            f(name, at, len);
        }
    }
    Some(())
}

/// Where the running program lies.
fn program() -> Option<Program> {
    let mut program = None;
    // SAFETY: `look` has the type that the loader calls, and is given this place.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut program).cast()) };
    program
}

/// Takes the first object, which is the program.
///
/// # Safety
/// `info` must be the loader's record, `program` an `Option<Program>` that nothing else uses.
unsafe extern "C" fn look(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    program: *mut libc::c_void,
) -> i32 {
    // SAFETY: the loader passes a valid record whose headers stay mapped.
    let (info, headers, program) = unsafe {
        let info = &*info;
        let headers = match info.dlpi_phdr.is_null() {
            true => &[],
            false => std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()),
        };
        (info, headers, &mut *program.cast::<Option<Program>>())
    };
    let base = info.dlpi_addr as usize;
    let range = |h: &libc::Elf64_Phdr| {
        let start = base.wrapping_add(h.p_vaddr as usize);
        start..start.wrapping_add(h.p_memsz as usize)
    };
    let segments = |flag: u32| {
        headers.iter().filter(move |h| h.p_type == libc::PT_LOAD && h.p_flags & flag != 0)
    };
    let code =
        segments(libc::PF_X).map(range).reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
    let data = segments(libc::PF_W).map(range).max_by_key(|r| r.end);
    if let (Some(code), Some(data)) = (code, data) {
        *program = Some(Program { base, code, data });
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{LazyLock, OnceLock, atomic::AtomicU64};

    static LAZY: LazyLock<Vec<u8>> = LazyLock::new(|| vec![1]);
    static CELL: OnceLock<u64> = OnceLock::new();
    static NUMBERS: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
    static TICKETS: [AtomicU64; 2] = [AtomicU64::new(3), AtomicU64::new(0)];

    #[test]
    fn lazy_statics_are_recognised_until_filled() {
        let (program, states) = (program().expect("a program"), States::get());
        // SAFETY: statics that only this test uses.
        let look =
            |at: usize, len: usize| unsafe { lazy_by_look(&program, states, &words(at, len)) };
        let lazy = || look((&raw const LAZY).addr(), size_of_val(&LAZY));
        // SAFETY: as above.
        let may = |at: usize, len: usize| unsafe { may_be_lazy(at, len) };
        let lazy_may = || may((&raw const LAZY).addr(), size_of_val(&LAZY));
        assert_eq!(lazy().map(|done| done.value), Some(states.full));
        assert!(lazy_may() && may((&raw const CELL).addr(), size_of_val(&CELL)));
        assert!(!may((&raw const NUMBERS).addr(), size_of_val(&NUMBERS)));
        assert_eq!(LAZY.len(), 1);
        assert!(lazy().is_none() && !lazy_may());
        // Told apart from what a program may mean by its zeros and threes.
        assert_eq!(look((&raw const CELL).addr(), size_of_val(&CELL)), None);
        assert_eq!(look((&raw const TICKETS).addr(), size_of_val(&TICKETS)), None);
    }

    #[test]
    fn looks_of_lazy_statics() {
        let program = Program { base: 0, code: 0x1000..0x2000, data: 0x3000..0x4000 };
        let states = States { empty: 3, full: 0 };
        let look = |words: &[u64]| lazy_by_look(&program, states, words);
        assert_eq!(look(&[0x1500, 3]), Some(Done { at: 8, value: 0 }));
        assert_eq!(look(&[3 << 32, 0, 0x1500]), Some(Done { at: 4, value: 0 }));
        assert_eq!(look(&[0, 0x1500, 1 << 63, 3]), Some(Done { at: 24, value: 0 }));
        for other in [
            &[][..],
            &[3],
            &[0x1500],
            &[0x1500, 0],
            &[0, 0, 0x1500],
            &[0x1500, 4],
            &[0x1500, 0x1500, 3],
            &[0x1500, 3, 3],
        ] {
            assert_eq!(look(other), None, "{other:?}");
        }
    }

    #[test]
    fn statics_of_this_program_are_found_by_name() {
        let (file, program) = (Mapped::program().expect("own file"), program().expect("loaded"));
        let mut found = None;
        each_static(file.bytes(), &program, |name, at, len| {
            if name.contains("TICKETS") {
                found = Some((at, len));
            }
        })
        .expect("a symbol table");
        assert_eq!(found, Some(((&raw const TICKETS).addr(), 16)));
        assert_eq!(each_static(b"not an object", &program, |_, _, _| ()), None);
    }
}
