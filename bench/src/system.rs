//! What the operating system is asked; the library's only unsafe code.
#![allow(unsafe_code)]

use std::io;

/// Whether `malloc` is taken over by this program, rather than libc's own.
pub fn owns_malloc() -> bool {
    let object_of = |address: *const libc::c_void| {
        let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: the record is writable; all zero is a valid value of it.
        unsafe {
            libc::dladdr(address, info.as_mut_ptr());
            info.assume_init().dli_fbase
        }
    };
    // SAFETY: the name is a C string; the address found is not called.
    let malloc = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"malloc".as_ptr()) };
    object_of(malloc) == object_of(owns_malloc as *const libc::c_void)
}

/// Keeps this process, and those that it starts, on one processor.
///
/// # Errors
/// Where there is none of this number, or it may not be used.
pub fn pin(cpu: usize) -> io::Result<()> {
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: all zero is the empty set; `cpu` lies within it.
    let r = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
    };
    if r == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Ends this process by SIGALRM after so many seconds: what hangs is not waited for.
pub fn end_after(seconds: u32) {
    // SAFETY: has no operands in memory; nothing handles the signal.
    unsafe { libc::alarm(seconds) };
}

/// Bytes of memory that can be had without swapping, where the system says so.
pub fn available_memory() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_have_the_malloc_of_libc() {
        assert!(!owns_malloc());
    }

    #[test]
    fn memory_is_known() {
        assert!(available_memory().is_some_and(|m| m > 1 << 20));
    }

    #[test]
    fn impossible_processors_are_refused() {
        assert!(pin(usize::MAX).is_err() && pin(1023).is_err());
    }
}
