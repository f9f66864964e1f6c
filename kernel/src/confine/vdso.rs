//! The vDSO answers clock calls without entering Linux, so the filter never sees them: a
//! worker overwrites its entries with the plain system call, which traps.

use crate::error::Error;
use crate::exec::control::{private, private_item};
use crate::image::foreign;
use crate::sys;

const MAX: usize = 16;

/// Entries to patch: address and system call number.
#[repr(C)]
struct Table {
    count: usize,
    /// The whole mapping: Linux does not split it.
    mapping: (usize, usize),
    entries: [(usize, u32); MAX],
}

fn table() -> &'static mut Table {
    // SAFETY: fits before the next part of private memory (asserted below); zero means
    // empty.
    unsafe { private_item::<Table>(private::VDSO, 0) }
}

/// The system call behind an entry of the vDSO.
fn number_of(name: &str) -> Option<u32> {
    let nr = match name.trim_start_matches("__vdso_") {
        "clock_gettime" => libc::SYS_clock_gettime,
        "clock_getres" => libc::SYS_clock_getres,
        "gettimeofday" => libc::SYS_gettimeofday,
        "time" => libc::SYS_time,
        "getcpu" => libc::SYS_getcpu,
        "getrandom" => libc::SYS_getrandom,
        // No system call stands behind it; any entry is patched, and this one is refused.
        "sgx_enter_enclave" => libc::SYS_nfsservctl,
        _ => return None,
    };
    Some(nr as u32)
}

/// Finds the entries.
pub(crate) fn find() -> Result<(), Error> {
    // SAFETY: reads the auxiliary vector.
    let base = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) } as usize;
    let t = table();
    t.count = 0;
    if base == 0 {
        return Ok(());
    }
    foreign::each_mapping(|m| {
        if m.range.contains(&base) {
            t.mapping = (m.range.start, m.range.end);
        }
        Ok(())
    })
    .map_err(|errno| Error::Unsupported {
        what: "reading /proc/self/maps",
        remedy: "mount /proc",
        errno,
    })?;
    let unknown = Error::Unsupported {
        what: "an entry of the vDSO that is not known",
        remedy: "boot Linux with vdso=0, or update detpar",
        errno: 0,
    };
    // SAFETY: the kernel maps a complete ELF image of its own at `base`; all offsets come
    // from its headers.
    unsafe {
        let header = &*(base as *const libc::Elf64_Ehdr);
        let sections = (base + header.e_shoff as usize) as *const libc::Elf64_Shdr;
        const DYNSYM: u32 = 11;
        for i in 0..header.e_shnum as usize {
            let s = &*sections.add(i);
            if s.sh_type != DYNSYM {
                continue;
            }
            let names = base + (*sections.add(s.sh_link as usize)).sh_offset as usize;
            let symbols = (base + s.sh_offset as usize) as *const libc::Elf64_Sym;
            for k in 1..s.sh_size as usize / size_of::<libc::Elf64_Sym>() {
                let sym = &*symbols.add(k);
                const FUNCTION: u8 = 2;
                if sym.st_info & 15 != FUNCTION || sym.st_shndx == 0 {
                    continue;
                }
                let name = core::ffi::CStr::from_ptr((names + sym.st_name as usize) as *const _);
                let nr = name.to_str().ok().and_then(number_of).ok_or(unknown)?;
                let addr = base + sym.st_value as usize;
                if t.entries[..t.count].iter().all(|e| e.0 != addr) {
                    *t.entries.get_mut(t.count).ok_or(unknown)? = (addr, nr);
                    t.count += 1;
                }
            }
        }
    }
    Ok(())
}

/// Overwrites the entries in this process.
///
/// # Safety
/// In a worker, before its first child; or in a process whose calls all trap.
pub(crate) unsafe fn patch() -> sys::Sys<()> {
    let t = table();
    let entries = t.entries.get(..t.count).unwrap_or(&[]);
    let (start, end) = t.mapping;
    if entries.is_empty() {
        return Ok(());
    }
    // SAFETY: the pages become private copies of this worker; each entry is at least eight
    // bytes long (aligned to sixteen by the kernel's linker script).
    unsafe {
        let rwx = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
        sys::protect(start, end - start, rwx)?;
        for &(addr, nr) in entries {
            let n = nr.to_le_bytes();
            let code = [0xb8, n[0], n[1], n[2], n[3], 0x0f, 0x05, 0xc3];
            core::ptr::copy_nonoverlapping(code.as_ptr(), addr as *mut u8, code.len());
        }
        sys::protect(start, end - start, libc::PROT_READ | libc::PROT_EXEC)
    }
}

const _: () = assert!(private::VDSO + size_of::<Table>() <= private::HUGE);
