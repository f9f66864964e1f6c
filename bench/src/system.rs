//! What the operating system is asked; the library's only unsafe code.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

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

/// Waits for a process that this one made.
///
/// # Panics
/// Where there is none of this id.
pub fn wait(pid: i32) {
    // SAFETY: waiting without a status writes nothing.
    let waited = unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    assert_eq!(waited, pid, "waitpid: {}", io::Error::last_os_error());
}

/// Ends this process without running what its parent has registered.
pub fn end_at_once() -> ! {
    // SAFETY: has no operands in memory.
    unsafe { libc::_exit(0) }
}

/// Forks a process that ends at once, by the C library's `fork`; its id.
///
/// # Panics
/// Where the system has no more processes.
pub fn fork_and_end() -> i32 {
    // SAFETY: the new process calls nothing but the system.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", io::Error::last_os_error());
    if pid == 0 { end_at_once() } else { pid }
}

/// How the system shall back memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// By pages of 4 KiB.
    Small,
    /// By huge pages, at the next touch.
    Huge,
    /// By huge pages, now.
    Collapsed,
}

/// Asks for a way of backing memory, as far as it is whole huge pages. A system may refuse.
pub fn advise(memory: &mut [u8], pages: Pages) {
    const HUGE: usize = 2 << 20;
    let from = memory.as_mut_ptr().addr().next_multiple_of(HUGE);
    let to = (memory.as_ptr().addr() + memory.len()) & !(HUGE - 1);
    let advice = match pages {
        Pages::Small => libc::MADV_NOHUGEPAGE,
        Pages::Huge => libc::MADV_HUGEPAGE,
        Pages::Collapsed => libc::MADV_COLLAPSE,
    };
    if from < to {
        // SAFETY: a part of the slice; contents and rights stay.
        unsafe { libc::madvise(from as *mut libc::c_void, to - from, advice) };
    }
}

/// What the numbers of a run depend on: processor, how many of them, and kernel.
pub fn machine() -> String {
    let known = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = known("/proc/cpuinfo");
    let model = info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, name)| name);
    let count = std::thread::available_parallelism().map_or(1, |n| n.get());
    format!("{model}, {count} processors, Linux {}", known("/proc/sys/kernel/osrelease").trim())
}

/// Bytes of memory that can be had without swapping, where the system says so.
pub fn available_memory() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// The processor's own clock: in a child of detpar's the system's clocks do not answer.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    ticks_per_us: f64,
}

impl Counter {
    /// Compares it with the system's clock for some milliseconds.
    pub fn calibrated() -> Counter {
        let (start, from) = (Instant::now(), ticks());
        while start.elapsed() < Duration::from_millis(10) {
            std::hint::spin_loop();
        }
        let ticks = ticks() - from;
        Counter { ticks_per_us: ticks as f64 / (start.elapsed().as_nanos() as f64 / 1e3) }
    }

    /// Time since the processor started.
    pub fn now(self) -> Duration {
        Duration::from_secs_f64(ticks() as f64 / self.ticks_per_us / 1e6)
    }
}

fn ticks() -> u64 {
    // SAFETY: has no precondition but that nobody traps it.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// Bytes of memory that this program keeps from others: what memory files hold, and the
/// private memory of this process and of those that it started.
///
/// # Errors
/// Where /proc does not tell.
pub fn memory_in_use() -> io::Result<u64> {
    let mut sum = private_memory("self")?;
    for process in children()? {
        // One that has just ended has no memory.
        sum += private_memory(&process).unwrap_or(0);
    }
    let mut counted = Vec::new();
    for fd in fs::read_dir("/proc/self/fd")? {
        let path = fd?.path();
        let Ok(name) = fs::read_link(&path) else { continue };
        if name.as_os_str().as_encoded_bytes().starts_with(b"/memfd:") {
            let file = fs::metadata(&path)?;
            if !counted.contains(&file.ino()) {
                counted.push(file.ino());
                sum += file.blocks() * 512;
            }
        }
    }
    Ok(sum)
}

/// Bytes of a process that are in no file, shared ones divided by those who share them.
fn private_memory(process: &str) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = text.lines().find_map(|l| l.strip_prefix("Pss_Anon:"));
    let kib = line.and_then(|l| l.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.map(|n| n << 10).ok_or_else(|| io::Error::other("no Pss_Anon in smaps_rollup"))
}

/// Processes that this one started, in the digits of their numbers.
fn children() -> io::Result<Vec<String>> {
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        let number = name.bytes().all(|b| b.is_ascii_digit());
        let Some(stat) = number.then(|| fs::read_to_string(format!("/proc/{name}/stat")).ok())
        else {
            continue;
        };
        // After the name in parentheses: state, parent.
        let parent = stat.as_deref().and_then(|s| s.rsplit(')').next()?.split_whitespace().nth(1));
        if parent == Some(&own) {
            found.push(name);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_here_in_children_and_in_files() {
        let before = memory_in_use().unwrap();
        let here = std::hint::black_box(vec![1u8; 64 << 20]);
        let with = memory_in_use().unwrap();
        assert!(with - before >= 60 << 20, "{before} {with}");
        drop(here);
        let script = "x=$(head -c 33554432 /dev/zero | tr '\\0' x); echo; read line";
        let mut child = std::process::Command::new("sh")
            .args(["-c", script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let before = memory_in_use().unwrap();
        io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        let with = memory_in_use().unwrap();
        assert!(with >= before.saturating_sub(1 << 20) + (24 << 20), "{before} {with}");
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn tests_have_the_malloc_of_libc() {
        assert!(!owns_malloc());
    }

    #[test]
    fn the_machine_is_known() {
        let machine = machine();
        assert!(machine.contains(" processors, Linux ") && !machine.contains('\n'), "{machine}");
        assert!(machine.ends_with(|c: char| c.is_alphanumeric() || c == '+'), "{machine}");
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
