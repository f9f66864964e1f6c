//! Which loaded object an address lies in: the program itself or a shared library.
use std::ffi::CStr;

/// A loaded object and where in it an address lies.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where the library was loaded from; nothing for the program itself.
    pub library: Option<String>,
    /// The address as the object's own tables count it: without the load address, or from
    /// the start of the object's thread-local variables.
    pub offset: usize,
    /// Whether it lies among those of this thread.
    pub thread_local: bool,
}

impl Found {
    /// Where the object can be read.
    pub fn path(&self) -> &str {
        self.library.as_deref().unwrap_or("/proc/self/exe")
    }
}

/// File name of a library.
pub(super) fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

struct Search {
    address: usize,
    found: Option<Found>,
}

/// Finds the object around an address. Makes no system call.
pub(super) fn find(address: usize) -> Option<Found> {
    let mut search = Search { address, found: None };
    // SAFETY: `look` has the type that the loader calls, and is given this record.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    search.found
}

/// Looks at one object; not 0 ends the iteration.
///
/// # Safety
/// `info` must be the loader's record, `search` a [`Search`] that nothing else uses.
unsafe extern "C" fn look(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    search: *mut libc::c_void,
) -> i32 {
    // SAFETY: the loader passes a valid record, and `find` a search that nothing else uses.
    let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
    if info.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: an object's headers stay mapped as long as the object.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    for h in headers {
        let (start, thread_local) = match h.p_type {
            libc::PT_LOAD => (info.dlpi_addr.wrapping_add(h.p_vaddr) as usize, false),
            libc::PT_TLS if !info.dlpi_tls_data.is_null() => (info.dlpi_tls_data as usize, true),
            _ => continue,
        };
        let inside = search.address.wrapping_sub(start);
        if inside >= h.p_memsz as usize {
            continue;
        }
        let offset = if thread_local { inside } else { inside + h.p_vaddr as usize };
        let library = if info.dlpi_name.is_null() {
            None
        } else {
            // SAFETY: the loader's names are C strings.
            let name = unsafe { CStr::from_ptr(info.dlpi_name) }.to_string_lossy();
            (!name.is_empty()).then(|| name.into_owned())
        };
        search.found = Some(Found { library, offset, thread_local });
        return 1;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    static HERE: u64 = 7;
    thread_local!(static OWN: Cell<u64> = const { Cell::new(7) });

    #[test]
    fn finds_program_library_and_thread_local() {
        let found = find(&raw const HERE as usize).expect("the program is loaded");
        assert_eq!((found.library, found.thread_local), (None, false));
        let found = find(libc::getpid as *const () as usize).expect("libc is loaded");
        let name = found.library.as_deref().map(file_name);
        assert!(name.is_some_and(|n| n.contains("libc")), "{found:?}");
        let found = OWN.with(|own| find(own.as_ptr() as usize)).expect("this thread's block");
        assert!(found.thread_local && found.library.is_none());
        assert_eq!(find(Vec::<u8>::with_capacity(9).as_ptr() as usize), None);
        assert_eq!(find(8), None);
    }
}
