//! Thread-local storage of children: a block of its own per depth, filled from a template at
//! each start, so that the parent's values stay readable beside it and nothing of one child
//! reaches the next.
//!
//! The template is the main thread's block as libc made it, with every module's variables
//! set back to their initial values except libc's own, and with the pointers that the block
//! holds to itself moved to the new place.

use super::foreign;
use super::layout::{TLS, TLS_SLOT, page_ceil, page_floor};
use crate::confine::VIRTUAL_ID;
use crate::error::Error;
use crate::exec::control::{me, private, private_item};
use crate::sys::cpu::{set_thread_pointer, thread_pointer};

/// Where in a slot the thread pointer lies, before its own page offset.
const POINTER_AT: usize = 40 << 10;
/// Where in a slot the copy of the dynamic thread vector starts.
const VECTOR_AT: usize = 52 << 10;
/// Bytes kept above the thread pointer: libc's thread descriptor.
const ABOVE: usize = 4096;
const MAX_FIXUPS: usize = 512;

/// The template, as the slot of depth 1 holds it.
#[repr(C)]
struct Template {
    /// Start and length of the variables and descriptor, relative to the slot.
    block: usize,
    block_len: usize,
    /// The same for the dynamic thread vector.
    vector_len: usize,
    /// Thread pointer relative to the slot.
    pointer: usize,
    fixup_count: usize,
    /// Offsets in the slot of words that point into the slot.
    fixups: [u32; MAX_FIXUPS],
    bytes: [u8; TLS_SLOT],
}

fn template() -> &'static mut Template {
    // SAFETY: fits before the next part of private memory (asserted); any bytes are valid.
    unsafe { private_item::<Template>(private::TLS_TEMPLATE, 0) }
}

/// Start of the slot of a depth.
pub(crate) fn slot(depth: usize) -> usize {
    TLS + depth * TLS_SLOT
}

/// The mapping that holds the main thread's block, and the start of its variables.
pub(crate) struct MainBlock {
    /// The whole mapping.
    pub mapping: (usize, usize),
    /// Lowest variable.
    pub low: usize,
}

struct Modules {
    low: usize,
    reset: [(usize, usize, usize, usize); 64],
    count: usize,
}

/// # Safety
/// Called by `dl_iterate_phdr` with a valid record and the [`Modules`] of [`modules`].
unsafe extern "C" fn each_module(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    data: *mut libc::c_void,
) -> i32 {
    // SAFETY: the loader passes a valid record; `data` is the Modules of `main_block`.
    let (info, out) = unsafe { (&*info, &mut *data.cast::<Modules>()) };
    // SAFETY: the header table lives as long as the object.
    let headers = unsafe { core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize) };
    let at = info.dlpi_tls_data as usize;
    for h in headers.iter().filter(|h| h.p_type == libc::PT_TLS) {
        // A block far from the thread pointer was made lazily and is not part of ours.
        if at == 0 || thread_pointer().wrapping_sub(at) > POINTER_AT {
            continue;
        }
        out.low = out.low.min(at);
        let name = if info.dlpi_name.is_null() {
            ""
        } else {
            // SAFETY: the loader's names are C strings.
            unsafe { core::ffi::CStr::from_ptr(info.dlpi_name) }.to_str().unwrap_or("")
        };
        if !name.contains("libc.so") && out.count < out.reset.len() {
            let initial = info.dlpi_addr as usize + h.p_vaddr as usize;
            out.reset[out.count] = (at, initial, h.p_filesz as usize, h.p_memsz as usize);
            out.count += 1;
        }
    }
    0
}

fn modules() -> Modules {
    let mut m = Modules { low: thread_pointer(), reset: [(0, 0, 0, 0); 64], count: 0 };
    // SAFETY: the callback matches the loader's contract and the record it is given.
    unsafe { libc::dl_iterate_phdr(Some(each_module), (&raw mut m).cast()) };
    m
}

/// Finds the main thread's block.
pub(crate) fn main_block() -> Result<MainBlock, Error> {
    let tp = thread_pointer();
    let low = modules().low;
    // Without the heap: how long the list is differs from run to run, and so would the places of all
    // blocks that come later.
    let mut block = None;
    foreign::each_mapping(|m| {
        if m.range.start <= low && tp < m.range.end {
            let mapping =
                (m.range.start.max(page_floor(low)), m.range.end.min(page_ceil(tp + ABOVE)));
            block = Some(MainBlock { mapping, low });
        }
        Ok(())
    })
    .map_err(|errno| Error::Unsupported {
        what: "reading /proc/self/maps",
        remedy: "mount /proc",
        errno,
    })?;
    block.ok_or(Error::Unsupported {
        what: "locating thread-local storage",
        remedy: "link the program dynamically against glibc",
        errno: 0,
    })
}

/// Builds the template and runs `warm` on it once, so that lazily made per-thread state of
/// the runtime is part of it.
///
/// # Safety
/// On the main thread, after `adopt_segments`, with no other thread alive.
pub(crate) unsafe fn build_template(warm: &mut dyn FnMut()) -> Result<(), Error> {
    let tp = thread_pointer();
    let m = modules();
    let slot = slot(1);
    let t = template();
    let page_offset = tp & 4095;
    t.pointer = POINTER_AT + page_offset;
    t.block = t.pointer - (tp - m.low);
    let above = ABOVE.min(page_ceil(tp + ABOVE) - tp);
    t.block_len = tp - m.low + above;
    // SAFETY: glibc keeps the vector's length in the entry before the first.
    let (vector, entries) = unsafe {
        let vector = *((tp + 8) as *const usize);
        (vector, *((vector - 16) as *const usize))
    };
    t.vector_len = (entries + 2) * 16;
    let fits = tp - m.low < POINTER_AT && VECTOR_AT + t.vector_len <= TLS_SLOT;
    if !fits || t.pointer + above > VECTOR_AT {
        return Err(Error::Unsupported {
            what: "copying thread-local storage",
            remedy: "reduce the program's thread-local variables to 32 KiB",
            errno: 0,
        });
    }
    // SAFETY: the slot is private memory; source ranges are the live block and vector; the
    // initial values lie in the objects' read-only segments. The new block is complete
    // before the thread pointer moves to it, and the old one is in force again afterwards.
    unsafe {
        let copy = |to: usize, from: usize, len: usize| {
            core::ptr::copy_nonoverlapping(from as *const u8, to as *mut u8, len);
        };
        copy(slot + t.block, m.low, t.block_len);
        copy(slot + VECTOR_AT, vector - 16, t.vector_len);
        for &(at, initial, file, mem) in &m.reset[..m.count] {
            let to = slot + t.pointer - (tp - at);
            copy(to, initial, file);
            ((to + file) as *mut u8).write_bytes(0, mem - file);
        }
        let own = (m.low, m.low + t.block_len, slot + t.block);
        relocate(slot + t.block, t.block_len, own);
        relocate(slot + VECTOR_AT, t.vector_len, own);
        ((slot + t.pointer + 8) as *mut usize).write(slot + VECTOR_AT + 16);
        // No program may see the system's thread id.
        if let Some(w) = find_thread_id(tp, above, sys_tid()) {
            ((slot + t.pointer + w) as *mut u32).write(VIRTUAL_ID as u32);
        }
        (me().template, me().template_exit_count) = (1, 0);
        set_thread_pointer(slot + t.pointer);
        warm();
        set_thread_pointer(tp);
        me().template = 0;
        copy(t.bytes.as_mut_ptr() as usize, slot, TLS_SLOT);
    }
    note_fixups(slot);
    Ok(())
}

/// Moves every word in a range that points into `from..from_end` to point into `to`.
///
/// # Safety
/// The range must be the slot's own memory.
unsafe fn relocate(at: usize, len: usize, (from, from_end, to): (usize, usize, usize)) {
    for w in (at.next_multiple_of(8)..at + len - 7).step_by(8) {
        // SAFETY: the caller's contract.
        unsafe {
            let v = *(w as *const usize);
            if (from..from_end).contains(&v) {
                *(w as *mut usize) = v - from + to;
            }
        }
    }
}

/// Where glibc keeps the thread id in its descriptor (x86-64).
const ID_AT: usize = 0x2d0;

/// Finds the word of a descriptor that holds the thread id: where glibc keeps it, else the
/// only word that could be it.
///
/// # Safety
/// `len` bytes at `at` must be a readable descriptor.
unsafe fn find_thread_id(at: usize, len: usize, id: u32) -> Option<usize> {
    // SAFETY: the caller's contract.
    let holds = |w: &usize| unsafe { *((at + w) as *const u32) } == id;
    if ID_AT + 4 <= len && holds(&ID_AT) {
        return Some(ID_AT);
    }
    let mut found = (0..len - 3).step_by(4).filter(holds);
    found.next().filter(|_| found.next().is_none())
}

/// Puts this process's own thread id into the thread's descriptor, after a fork by a thread
/// whose id was `old`: what libc's own fork does.
pub(crate) fn refresh_thread_id(old: u32) {
    let tp = thread_pointer();
    let len = ABOVE.min(page_ceil(tp + 1) - tp);
    // SAFETY: the descriptor above the thread pointer; a fork copies it with its parent's id.
    unsafe {
        if let Some(w) = find_thread_id(tp, len, old) {
            ((tp + w) as *mut u32).write(sys_tid());
        }
    }
}

fn sys_tid() -> u32 {
    crate::sys::ids().1 as u32
}

fn note_fixups(slot: usize) {
    let t = template();
    t.fixup_count = 0;
    for off in (0..TLS_SLOT).step_by(8) {
        let mut word = [0u8; 8];
        word.copy_from_slice(&t.bytes[off..off + 8]);
        if (slot..slot + TLS_SLOT).contains(&usize::from_ne_bytes(word))
            && t.fixup_count < MAX_FIXUPS
        {
            t.fixups[t.fixup_count] = off as u32;
            t.fixup_count += 1;
        }
    }
}

/// Fills the slot of `depth` afresh and returns its thread pointer.
///
/// # Safety
/// No live thread may use the slot.
#[inline]
pub(crate) unsafe fn reset(depth: usize) -> usize {
    let t = template();
    let (from, to) = (t.bytes.as_ptr() as usize, slot(depth));
    let shift = to.wrapping_sub(slot(1));
    // SAFETY: both ranges are private memory of the template's size.
    unsafe {
        let copy = |at: usize, len: usize| {
            core::ptr::copy_nonoverlapping((from + at) as *const u8, (to + at) as *mut u8, len);
        };
        copy(t.block, t.block_len);
        copy(VECTOR_AT, t.vector_len);
        if shift != 0 {
            for &off in t.fixups.iter().take(t.fixup_count) {
                let w = (to + off as usize) as *mut usize;
                *w = (*w).wrapping_add(shift);
            }
        }
    }
    to + t.pointer
}

/// The parts of a depth's slot that hold state, page-aligned.
pub(crate) fn live_range(depth: usize) -> (usize, usize) {
    (page_floor(slot(depth) + template().block), slot(depth) + TLS_SLOT)
}

const _: () = assert!(size_of::<Template>() <= private::CHILDREN - private::TLS_TEMPLATE);
