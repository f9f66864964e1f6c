//! Libraries that the master loads or unloads while it runs: the loader maps them by calls that
//! cannot be taken over, so its own count of them is looked at before children start.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Loads and unloads seen last.
static SEEN: AtomicU64 = AtomicU64::new(0);

/// # Safety
/// Called by the loader with a valid record and the number that [`note`] gives it.
unsafe extern "C" fn first(
    info: *mut libc::dl_phdr_info,
    size: usize,
    count: *mut libc::c_void,
) -> i32 {
    // The counts are the last fields that every glibc since 2.4 fills.
    if size >= core::mem::offset_of!(libc::dl_phdr_info, dlpi_tls_modid) {
        // SAFETY: the loader's record has the size that it says.
        unsafe { *count.cast::<u64>() = (*info).dlpi_adds + (*info).dlpi_subs };
    }
    1
}

/// Whether libraries were loaded or unloaded since the last look.
pub(crate) fn note() -> bool {
    let mut count = 0u64;
    // SAFETY: `first` has the type that the loader calls, and is given a number.
    unsafe { libc::dl_iterate_phdr(Some(first), (&raw mut count).cast()) };
    SEEN.swap(count, Relaxed) != count
}
