//! Seccomp filters of the kind that a container's profile is: for programs under test.
use crate::harness::check;
use std::io;

/// A filter that answers one call.
#[derive(Clone, Copy, Debug)]
pub struct Deny {
    /// The call's number.
    pub call: libc::c_long,
    /// An argument, and bits that must all be set in it.
    pub bits: Option<(u32, u32)>,
    /// The answer: see [`error`], or another of `SECCOMP_RET_`.
    pub answer: u32,
}

/// The answer of a system that refuses, with this error number.
pub const fn error(number: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | number as u32
}

impl Deny {
    /// Puts it in force for this process and what it becomes.
    ///
    /// # Errors
    /// Where the system refuses that.
    pub fn install(self) -> io::Result<()> {
        let insn = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        let (load, equal, mask, ret) = (0x20, 0x15, 0x54, 0x06);
        let allow = libc::SECCOMP_RET_ALLOW;
        let (arg, bits) = self.bits.unwrap_or((0, 0));
        let program = [
            insn(load, 0, 0, 0),
            insn(equal, 0, 3, self.call as u32),
            insn(load, 0, 0, 16 + 8 * arg),
            insn(mask, 0, 0, bits),
            insn(equal, 1, 0, bits),
            insn(ret, 0, 0, allow),
            insn(ret, 0, 0, self.answer),
        ];
        let program =
            libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
        // SAFETY: the program is alive during the calls.
        unsafe {
            check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
            check(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program))
        }
    }
}
