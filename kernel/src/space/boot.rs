//! The beginning of the master space: everything a program's memory consists of moves into
//! the image, then user main runs on the image's stack.

use crate::confine::{self, Handler, vdso};
use crate::error::Error;
use crate::exec::changes;
use crate::exec::control::{Control, MASTER_AREA, Role, area, control, exchange, me};
use crate::exec::master::master;
use crate::exec::timeline;
use crate::heap::{self, Heap};
use crate::image::layout::{
    CONTROL, EXCHANGE, EXCHANGE_ALL, MAX_DEPTH, MAX_WORKERS, STACK_END, TLS, TLS_SLOT,
};
use crate::image::{early, huge, lazy, regions, tls};
use crate::space::{fork, loaded, private, threads};
use crate::sys::scan::{self, Method};
use crate::sys::{self, cpu};
use core::sync::atomic::Ordering::*;

/// Choices of a run.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Most workers that run at a time; results do not depend on it.
    pub workers: usize,
    /// Seed of everything random that children and hash maps draw.
    pub seed: u64,
    /// Seed of chaos scheduling; 0: off.
    pub chaos: u64,
    /// Whether what children write is taken exactly, so that writes which restore the old
    /// value conflict as well.
    pub check: bool,
    /// Whether blocks of the heap keep where they were allocated.
    pub origins: bool,
    /// How many writes of each of two children that conflict are watched, so that the report can
    /// say where they wrote; 0: they do not run once more for it.
    pub patience: u64,
    /// How many reads of each child are watched for what siblings of it wrote; 0: they do not run
    /// once more for it.
    pub reads: u64,
    /// How changed pages are found; results do not depend on it.
    pub scan: Scan,
    /// Whether huge pages may be put behind large blocks.
    pub huge: bool,
    /// Whether reading the time stamp counter ends a child.
    pub tsc_traps: bool,
    /// Descriptor of a file that gets a timeline of the run; the kernel keeps it.
    pub trace: Option<i32>,
}

/// How changed pages are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scan {
    /// By PAGEMAP_SCAN where the system has it (Linux 6.7), else by reading the page map.
    #[default]
    Auto,
    /// By PAGEMAP_SCAN alone.
    Ioctl,
    /// By reading `/proc/self/pagemap`, slower where much memory was touched.
    Pagemap,
}

fn unsupported(what: &'static str, remedy: &'static str) -> impl Fn(i32) -> Error {
    move |errno| Error::Unsupported { what, remedy, errno }
}

/// Makes this process the master space and runs `body` on the image's stack.
///
/// # Errors
/// [`Error::Busy`] where other threads are alive, [`Error::Exists`] in a master,
/// [`Error::Permission`] in a child, [`Error::Unsupported`] where the system lacks something
/// that spaces need; `body` has not run then.
///
/// # Safety
/// On the main thread, in a program that uses the image heap.
pub unsafe fn run(
    config: Config,
    handler: &'static &'static dyn Handler,
    body: &mut dyn FnMut(),
) -> Result<(), Error> {
    early::ensure();
    match me().role {
        Role::Plain if threads::alone() => {}
        Role::Plain => return Err(Error::Busy),
        Role::Master => return Err(Error::Exists),
        Role::Child | Role::Worker => return Err(Error::Permission),
    }
    fork::settle().map_err(unsupported(
        "taking the image back from processes that this one forked",
        "end them before, or provide more memory",
    ))?;
    // SAFETY: the caller's contract.
    unsafe { set_up(config) }?;
    confine::set_handler(handler);
    me().role = Role::Master;
    private::get_ready();
    let mut body = body;
    let arg = &raw mut body as usize;
    // SAFETY: the image's stack is unused so far; `on_image_stack` returns.
    unsafe { sys::on_stack(STACK_END, on_image_stack, arg) };
    master().shut_down();
    timeline::finish();
    me().role = Role::Plain;
    Ok(())
}

extern "C" fn on_image_stack(body: usize, _from: usize) {
    // SAFETY: `run` keeps the reference alive and unused while it waits.
    let body = unsafe { &mut *(body as *mut &mut dyn FnMut()) };
    body();
}

/// # Safety
/// As for `run`.
unsafe fn set_up(config: Config) -> Result<(), Error> {
    let sample = std::hint::black_box(Box::new(0u64));
    let at = core::ptr::from_ref::<u64>(&sample) as usize;
    if !cfg!(feature = "interpose") || heap::block_of(at).is_none() {
        return Err(Error::Unsupported {
            what: "taking over malloc",
            remedy: "build with the feature `interpose` and without another global allocator",
            errno: 0,
        });
    }
    let exchange_size = EXCHANGE_ALL;
    let memory = unsupported("reserving control memory", "raise ulimit -v");
    let fd = sys::memory_file(c"detpar exchange", exchange_size).map_err(&memory)?;
    let rw = libc::PROT_READ | libc::PROT_WRITE;
    let fixed = libc::MAP_FIXED_NOREPLACE | libc::MAP_NORESERVE;
    // SAFETY: NOREPLACE refuses to cover anything.
    unsafe {
        sys::map(EXCHANGE, exchange_size, rw, fixed | libc::MAP_SHARED, fd, 0).map_err(&memory)?;
        let shared = fixed | libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        sys::map(CONTROL, size_of::<Control>(), rw, shared, -1, 0).map_err(&memory)?;
        let anon = fixed | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        sys::map(TLS, MAX_DEPTH * TLS_SLOT, rw, anon, -1, 0).map_err(&memory)?;
    }
    // Workers fill their own from the template.
    sys::wipe_on_fork(TLS, MAX_DEPTH * TLS_SLOT);
    let line = unsupported("making a pipe", "allow pipe2 to unprivileged processes");
    let me = me();
    me.life_line = sys::life_line().map_err(line)?;
    me.exchange_fd = fd;
    me.slot = MASTER_AREA;
    (me.stage_end, me.stage_limit) = (exchange(MASTER_AREA), exchange(MASTER_AREA) + area::STAGES);
    me.master_pid = std::process::id() as i32;
    control().told.chaos.store(config.chaos, Relaxed);
    control().told.check.store(u32::from(config.check), Relaxed);
    if config.origins {
        early::record();
    }
    control().told.patience.store(config.patience, Relaxed);
    control().told.reads.store(config.reads, Relaxed);
    me.seed = config.seed;
    me.tsc_traps = config.tsc_traps.into();
    me.path = confine::mix(config.seed);
    if let Some(file) = config.trace {
        let remedy = "name a file on a file system with room that DETPAR_TRACE may write";
        timeline::open(file).map_err(unsupported("writing the trace", remedy))?;
    }
    master().width = config.workers.clamp(1, MAX_WORKERS) as u32;
    choose_scan(config.scan)?;
    me.pagemap_fd = scan::open().map_err(unsupported("opening the page map", "mount /proc"))?;
    if !config.huge {
        huge::switch_off();
    }
    vdso::find()?;
    threads::find_count();
    loaded::note();
    unregister_rseq();
    let block = tls::main_block()?;
    // SAFETY: the caller's contract: only this thread runs.
    unsafe {
        regions::adopt_segments(block.mapping)?;
        lazy::keep_apart();
        regions::no_merge(block.mapping.0, block.low);
        regions::no_merge(cpu::thread_pointer(), block.mapping.1);
        // The first template is thrown away with the thread handle it makes: what stays is
        // std's process-wide key for thread cleanup, which else each child would make.
        tls::build_template(&mut || drop(std::thread::current()))?;
        // Taking a lock of std's gives the template a thread id, the same for every child.
        tls::build_template(&mut || drop(std::io::stderr().lock()))?;
    }
    // One processor is left to the master: who spins must not keep it from running.
    let affinity = sys::affinity();
    let cpus: u32 = affinity.iter().map(|w| w.count_ones()).sum();
    control().told.spinners_allowed.store(cpus.max(1) - 1, Relaxed);
    master().affinity = affinity;
    Heap::ROOT.alloc(&mut super::memory::Space, 16, 16);
    Ok(())
}

/// Finds out which of the ways to find changed pages works here.
fn choose_scan(wanted: Scan) -> Result<(), Error> {
    let methods = match wanted {
        Scan::Auto => &[Method::Ioctl, Method::Read][..],
        Scan::Ioctl => &[Method::Ioctl],
        Scan::Pagemap => &[Method::Read],
    };
    let mut errno = 0;
    for &method in methods {
        match scan::probe(method, me().exchange_fd) {
            Ok(()) => {
                changes::set_method(method);
                return Ok(());
            }
            Err(e) => errno = e,
        }
    }
    let (what, remedy) = match wanted {
        Scan::Ioctl => ("listing changed pages by PAGEMAP_SCAN", "use Linux 6.7 or later"),
        _ => ("listing changed pages", "mount /proc, with /proc/self/pagemap readable"),
    };
    Err(Error::Unsupported { what, remedy, errno })
}

/// Restartable sequences are registered by address in the thread descriptor: workers run on
/// other blocks, so the kernel must not write there.
fn unregister_rseq() {
    const UNREGISTER: usize = 1;
    const SIGNATURE: usize = 0x5305_3053;
    // SAFETY: glibc exports both as constants of these types (2.35 and later); a C library
    // without them registers no sequences.
    unsafe {
        let find = |name: &core::ffi::CStr| libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr());
        let offset = find(c"__rseq_offset").cast::<isize>();
        let size = find(c"__rseq_size").cast::<u32>();
        if offset.is_null() || size.is_null() || *size == 0 {
            return;
        }
        let area = cpu::thread_pointer().wrapping_add_signed(*offset);
        let len = (*size as usize).max(32);
        let _ = sys::call(libc::SYS_rseq, [area, len, UNREGISTER, SIGNATURE, 0, 0]);
    }
}
