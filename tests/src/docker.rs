//! A filter equal in effect to the default seccomp profile of Docker, for programs under test:
//! <https://github.com/moby/profiles/blob/main/seccomp/default.json>, for a container without
//! further capabilities, on x86-64.
//!
//! The profile lists what is allowed; here stands the rest.
use crate::deny::error;
use crate::harness::check;
use libc::sock_filter;
use std::io;

/// Refused with EPERM.
const DENIED: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_get_mempolicy,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_ioperm,
    libc::SYS_iopl,
    libc::SYS_kcmp,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_mbind,
    libc::SYS_migrate_pages,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_move_pages,
    libc::SYS_nfsservctl,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_madvise,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_set_mempolicy,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_sysfs,
    libc::SYS_syslog,
    libc::SYS__sysctl,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_uselib,
    libc::SYS_userfaultfd,
    libc::SYS_ustat,
    libc::SYS_vhangup,
];

/// Flags of clone that make namespaces.
const NAMESPACES: u32 = 0x7e02_0000;
/// What personality may be asked for.
const PERSONALITIES: [u32; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];
/// The family of sockets to a hypervisor.
const VSOCK: u32 = 40;
/// The profile knows no later calls; they do not exist.
const LAST: u32 = 462;

const fn insn(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

const LOAD: u16 = 0x20;
const EQUAL: u16 = 0x15;
const GREATER: u16 = 0x25;
const ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;
const ALLOW: sock_filter = insn(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW);
const ARCH: u32 = 4;
const X86_64: u32 = 0xc000_003e;
const FIRST_ARGUMENT: u32 = 16;

/// The filter's program.
#[derive(Clone, Debug)]
pub struct Profile(Vec<sock_filter>);

impl Profile {
    /// Docker's default.
    pub fn new() -> Profile {
        let refuse = insn(RETURN, 0, 0, error(libc::EPERM));
        // Calls of 32-bit programs have filters of their own, which matter to nobody here.
        let mut p = vec![insn(LOAD, 0, 0, ARCH), insn(EQUAL, 1, 0, X86_64), ALLOW];
        p.push(insn(LOAD, 0, 0, 0));
        for call in DENIED {
            p.extend([insn(EQUAL, 0, 1, *call as u32), refuse]);
        }
        p.extend([
            insn(EQUAL, 0, 1, libc::SYS_clone3 as u32),
            insn(RETURN, 0, 0, error(libc::ENOSYS)),
        ]);
        p.extend([insn(GREATER, 0, 1, LAST), insn(RETURN, 0, 0, error(libc::ENOSYS))]);
        let argument = insn(LOAD, 0, 0, FIRST_ARGUMENT);
        p.extend([insn(EQUAL, 0, 4, libc::SYS_clone as u32), argument]);
        p.extend([insn(ANY_BIT, 0, 1, NAMESPACES), refuse, ALLOW]);
        p.extend([insn(EQUAL, 0, 4, libc::SYS_socket as u32), argument]);
        p.extend([insn(EQUAL, 0, 1, VSOCK), refuse, ALLOW]);
        let n = PERSONALITIES.len() as u8;
        p.extend([insn(EQUAL, 0, n + 2, libc::SYS_personality as u32), argument]);
        p.extend(PERSONALITIES.into_iter().zip((1..=n).rev()).map(|(k, to)| insn(EQUAL, to, 0, k)));
        p.extend([refuse, ALLOW]);
        Profile(p)
    }

    /// Puts it in force for this process and what it becomes.
    ///
    /// # Errors
    /// Where the system refuses that.
    pub fn install(&self) -> io::Result<()> {
        let program =
            libc::sock_fprog { len: self.0.len() as u16, filter: self.0.as_ptr().cast_mut() };
        // SAFETY: the program is alive during the calls.
        unsafe {
            check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
            check(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program))
        }
    }
}

impl Default for Profile {
    fn default() -> Profile {
        Profile::new()
    }
}
