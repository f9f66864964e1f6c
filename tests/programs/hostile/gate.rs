//! The gate with own registers: what it lets pass is harmless, all else is refused.
use super::{Attack, call, told};
use kernel::master::exposed::exposed;

/// A call by the gate, in a child.
fn by_gate(nr: i64, a: [usize; 6]) {
    call(&exposed(), nr, a);
}

const RW: usize = (libc::PROT_READ | libc::PROT_WRITE) as usize;
const ALL: usize = RW | libc::PROT_EXEC as usize;
const FIXED: usize = (libc::MAP_FIXED | libc::MAP_NORESERVE) as usize;
const SHARED: usize = FIXED | libc::MAP_SHARED as usize;
const PRIVATE: usize = FIXED | libc::MAP_PRIVATE as usize;
const PUNCH: usize = (libc::FALLOC_FL_KEEP_SIZE | libc::FALLOC_FL_PUNCH_HOLE) as usize;
/// Where the image ends in its file, and static data begin there.
const IMAGE_SIZE: usize = 19 << 40;
const IMAGE: usize = 0x1600_0000_0000;
const PAGE: usize = 4096;

pub const ATTACKS: &[Attack] = &[
    ("gate_rights_to_control_memory", || {
        let e = exposed();
        call(&e, libc::SYS_mprotect, [e.told.0, e.told.1, RW, 0, 0, 0]);
    }),
    ("gate_rights_to_the_next_area", || {
        let e = exposed();
        call(&e, libc::SYS_mprotect, [e.next_area.0, PAGE, RW, 0, 0, 0]);
    }),
    // The gap between image and exchange areas is filled first: a range must not lead across.
    ("gate_rights_across_a_gap", || {
        let e = exposed();
        let first = e.area.0 - e.slot as usize * e.area.1;
        let image = e.fds[0] as usize;
        call(&e, libc::SYS_mmap, [first - PAGE, PAGE, RW, PRIVATE, image, 0]);
        call(&e, libc::SYS_mprotect, [first - PAGE, 2 * PAGE, RW, 0, 0, 0]);
    }),
    ("gate_code_of_ones_own", || {
        let e = exposed();
        call(&e, libc::SYS_mprotect, [e.gate.0, PAGE, ALL, 0, 0, 0]);
    }),
    ("gate_executable_memory", || {
        let e = exposed();
        let flags = PRIVATE | libc::MAP_ANONYMOUS as usize;
        call(&e, libc::SYS_mmap, [0x1000_0000, PAGE, ALL, flags, usize::MAX, 0]);
    }),
    ("gate_exchange_shared", || {
        let e = exposed();
        let file = e.fds[1] as usize;
        call(&e, libc::SYS_mmap, [0x1000_0000, PAGE, RW, SHARED, file, 0]);
    }),
    ("gate_stack_of_the_parent_shared", || {
        let e = exposed();
        let at = IMAGE + (256 << 20);
        call(&e, libc::SYS_mmap, [at, PAGE, RW, SHARED, e.fds[0] as usize, at - IMAGE]);
    }),
    ("gate_static_data_shared", || {
        let e = exposed();
        let off = IMAGE_SIZE - PAGE;
        call(&e, libc::SYS_mmap, [IMAGE + off, 2 * PAGE, RW, SHARED, e.fds[0] as usize, off]);
    }),
    ("gate_static_data_punched", || {
        let e = exposed();
        call(&e, libc::SYS_fallocate, [e.fds[0] as usize, PUNCH, IMAGE_SIZE - PAGE, 1 << 32, 0, 0]);
    }),
    ("gate_area_of_the_master_punched", || {
        let e = exposed();
        let from = e.slot as usize * e.area.1;
        call(&e, libc::SYS_fallocate, [e.fds[1] as usize, PUNCH, from, 1 << 43, 0, 0]);
    }),
    ("gate_file_shortened", || {
        by_gate(libc::SYS_ftruncate, [exposed().fds[0] as usize, 0, 0, 0, 0, 0])
    }),
    ("gate_unmapped", || {
        let e = exposed();
        call(&e, libc::SYS_munmap, [e.gate.0, e.gate.1, 0, 0, 0, 0]);
    }),
    // What takes the gate away from the process itself: it ends.
    ("gate_covered", || {
        let e = exposed();
        call(&e, libc::SYS_mmap, [e.gate.0, PAGE, RW, PRIVATE, e.fds[0] as usize, 0]);
        call(&e, libc::SYS_sched_yield, [0; 6]);
    }),
    ("gate_protected", || {
        let e = exposed();
        call(&e, libc::SYS_mprotect, [e.gate.0, PAGE, 0, 0, 0, 0]);
    }),
    ("gate_private_memory_dropped", || {
        let e = exposed();
        call(
            &e,
            libc::SYS_madvise,
            [e.private.0, e.private.1, libc::MADV_DONTNEED as usize, 0, 0, 0],
        );
    }),
    ("gate_left", || by_gate(libc::SYS_exit_group, [3, 0, 0, 0, 0, 0])),
    // Its clone is for the master: here the call is refused like any other.
    ("gate_clone", || by_gate(libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0, 0, 0])),
    ("gate_futex_of_another_kind", || {
        by_gate(libc::SYS_futex, [0, libc::FUTEX_LOCK_PI as usize, 0, 0, 0, 0])
    }),
    // Into the middle: at the system call itself.
    ("gate_jump_to_its_call", || {
        let e = exposed();
        let code = e.gate.0 as *const u8;
        // SAFETY: the gate's pages are readable; 0f 05 is the call.
        let at =
            (0..64usize).find(|i| unsafe { code.add(*i).cast::<u16>().read_unaligned() } == 0x050f);
        let at = e.gate.0 + at.expect("a system call");
        // SAFETY: refused, which ends the process.
        unsafe {
            std::arch::asm!("call {at}", at = in(reg) at, inlateout("rax") libc::SYS_socket => _,
                clobber_abi("C"));
        }
    }),
];

/// What the gate lets pass, whatever the arguments are as long as they are zeros.
const PASSES: [i64; 6] = [
    libc::SYS_mprotect,
    libc::SYS_rt_sigreturn,
    libc::SYS_getrusage,
    libc::SYS_exit_group,
    libc::SYS_sched_yield,
    libc::SYS_futex,
];

/// Calls that no filter sees, see `docs/confine.md`.
const UNSEEN: [i64; 2] = [335, 336];

fn said(body: impl Fn() + Send) -> String {
    told(detpar::try_join(|| (), body).map(drop))
}

/// Every other number: by the gate a child gets what it gets by a call of its own.
pub fn every_call() {
    let mut refused = 0;
    for nr in (0..=480).chain([600, 1 << 30 | 2, 1 << 31, 0xffff_ffff]) {
        if PASSES.contains(&nr) || UNSEEN.contains(&nr) {
            continue;
        }
        let by_gate = said(move || by_gate(nr, [0; 6]));
        let own = said(move || {
            super::doors::raw(nr, [0; 3]);
        });
        assert_eq!(by_gate, own, "call {nr}");
        refused += u32::from(own.starts_with("forbidden "));
    }
    println!("{refused} refused");
}
