//! The symbols of libc that this library takes over, each with its reason.

mod environment;
mod exit;
mod fork;
mod malloc;
mod mapping;
mod random;
mod thread;

pub(crate) use fork::fork_on_demand;

/// Keeps the linker from leaving these symbols out: an archive member is linked only where
/// something refers to it.
pub(crate) fn anchor() -> usize {
    malloc::anchor()
        + random::anchor()
        + exit::anchor()
        + thread::anchor()
        + mapping::anchor()
        + fork::anchor()
        + environment::anchor()
}

/// The next definition of a symbol that we take over.
///
/// # Safety
/// `T` must be the symbol's function pointer type.
unsafe fn next<T: Copy>(name: &core::ffi::CStr) -> Option<T> {
    const { assert!(size_of::<T>() == size_of::<usize>()) };
    // SAFETY: the name is a C string; the caller vouches for the type.
    unsafe {
        let p = libc::dlsym(libc::RTLD_NEXT, name.as_ptr());
        if p.is_null() { None } else { Some(core::mem::transmute_copy(&p)) }
    }
}
