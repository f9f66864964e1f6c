//! Lazily bound calls: an object that was linked without `-z now` keeps a table of addresses that
//! the loader fills at the first call of each function, in whichever space that is. What is found
//! is the same in all, so each space keeps its own and nothing of it is merged.

use super::regions;
use core::ffi::{c_int, c_void};
use core::ops::Range;

/// Keeps the tables of all loaded objects out of every merge.
pub(crate) fn keep_apart() {
    // SAFETY: the callback matches the loader's contract.
    unsafe { libc::dl_iterate_phdr(Some(each_object), core::ptr::null_mut()) };
}

/// What an object's dynamic section says of its lazily bound calls.
#[derive(Default)]
struct Calls {
    relocations: usize,
    bytes: usize,
    with_addends: bool,
}

const DT_NULL: i64 = 0;
const DT_PLTRELSZ: i64 = 2;
const DT_RELA: i64 = 7;
const DT_PLTREL: i64 = 20;
const DT_JMPREL: i64 = 23;
/// Type of a relocation that a call goes through.
const JUMP_SLOT: u64 = 7;

/// # Safety
/// Called by `dl_iterate_phdr` with a valid record.
unsafe extern "C" fn each_object(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    _data: *mut c_void,
) -> c_int {
    // SAFETY: the loader passes a valid record whose header table lives as long as the object.
    let (info, headers) = unsafe {
        let info = &*info;
        (info, core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize))
    };
    let slots = slots(info.dlpi_addr as usize, headers);
    if let Some(slots) = slots.filter(|s| regions::in_segment(s.start, s.end)) {
        regions::no_merge(slots.start, slots.end);
    }
    0
}

/// The table of an object that is loaded at `base` with these headers, if it has one.
pub(crate) fn slots(base: usize, headers: &[libc::Elf64_Phdr]) -> Option<Range<usize>> {
    let dynamic = headers.iter().find(|h| h.p_type == libc::PT_DYNAMIC)?;
    let at = base + dynamic.p_vaddr as usize;
    let len = dynamic.p_memsz as usize / size_of::<(i64, usize)>();
    // SAFETY: the object's dynamic section, which the loader has mapped.
    let entries = unsafe { core::slice::from_raw_parts(at as *const (i64, usize), len) };
    let mut calls = Calls::default();
    for &(tag, value) in entries.iter().take_while(|e| e.0 != DT_NULL) {
        match tag {
            DT_JMPREL => calls.relocations = value,
            DT_PLTRELSZ => calls.bytes = value,
            DT_PLTREL => calls.with_addends = value as i64 == DT_RELA,
            _ => {}
        }
    }
    if calls.relocations == 0 || !calls.with_addends {
        return None;
    }
    // The loader has put addresses in place of offsets in most objects, but not in all.
    if calls.relocations < base {
        calls.relocations += base;
    }
    let count = calls.bytes / size_of::<[u64; 3]>();
    // SAFETY: the object's own table, which the loader has read.
    let table = unsafe { core::slice::from_raw_parts(calls.relocations as *const [u64; 3], count) };
    let slots = table.iter().filter(|r| r[1] as u32 as u64 == JUMP_SLOT);
    let slots = slots.map(|r| base + r[0] as usize);
    // They lie beside each other.
    Some(slots.clone().min()?..slots.max()? + 8)
}
