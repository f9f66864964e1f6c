//! The seccomp filter of a worker, as classic BPF.
//!
//! Calls from the gate pass if they are ones the control plane makes, with arguments that
//! keep them harmless; everything else traps.

/// One instruction, as `struct sock_filter`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Insn {
    pub code: u16,
    pub jt: u8,
    pub jf: u8,
    pub k: u32,
}

const LOAD: u16 = 0x20;
const JUMP_EQ: u16 = 0x15;
const JUMP_GE: u16 = 0x35;
const JUMP_SET: u16 = 0x45;
const RETURN: u16 = 0x06;

const ALLOW: u32 = 0x7fff_0000;
const TRAP: u32 = 0x0003_0000;

const NR: u32 = 0;
const ARCH: u32 = 4;
const IP_LOW: u32 = 8;
const IP_HIGH: u32 = 12;
const X86_64: u32 = 0xc000_003e;

const fn arg_low(i: u32) -> u32 {
    16 + 8 * i
}

/// A condition on the low half of an argument.
#[derive(Clone, Copy)]
pub(super) enum Test {
    /// Equal.
    Is(u32, u32),
    /// All bits of the mask clear.
    Clear(u32, u32),
    /// Some bit of the mask set.
    Set(u32, u32),
}

/// A call that may come from the gate, with conditions that must all hold.
pub(super) struct Rule {
    pub nr: i64,
    pub tests: &'static [Test],
}

/// Longest program.
pub(super) const MAX: usize = 128;

/// A program under assembly.
pub(super) struct Program {
    pub insns: [Insn; MAX],
    pub len: usize,
}

impl Program {
    fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) {
        if let Some(slot) = self.insns.get_mut(self.len) {
            *slot = Insn { code, jt, jf, k };
            self.len += 1;
        }
    }
}

/// Assembles the filter for a gate at `[start, end)`; `fds` stand for [`FD`],
/// [`EXCHANGE_FD`] and [`PAGEMAP_FD`] in the rules.
pub(super) fn assemble((start, end): (usize, usize), rules: &[Rule], fds: [u32; 3]) -> Program {
    let none = Insn { code: RETURN, jt: 0, jf: 0, k: TRAP };
    let mut p = Program { insns: [none; MAX], len: 0 };
    p.push(LOAD, 0, 0, ARCH);
    p.push(JUMP_EQ, 1, 0, X86_64);
    p.push(RETURN, 0, 0, TRAP);
    p.push(LOAD, 0, 0, IP_HIGH);
    p.push(JUMP_EQ, 1, 0, (start >> 32) as u32);
    p.push(RETURN, 0, 0, TRAP);
    p.push(LOAD, 0, 0, IP_LOW);
    p.push(JUMP_GE, 1, 0, start as u32);
    p.push(RETURN, 0, 0, TRAP);
    // The instruction pointer is that after `syscall`, still inside the gate's page.
    p.push(JUMP_GE, 0, 1, end as u32);
    p.push(RETURN, 0, 0, TRAP);
    for r in rules {
        let body = 2 * r.tests.len() + 1;
        p.push(LOAD, 0, 0, NR);
        p.push(JUMP_EQ, 0, body as u8, r.nr as u32);
        for (i, t) in r.tests.iter().enumerate() {
            // Where a test fails: past the remaining tests and the ALLOW.
            let fail = (2 * (r.tests.len() - 1 - i) + 1) as u8;
            let (arg, code, k) = match *t {
                Test::Is(a, FD) => (a, JUMP_EQ, fds[0]),
                Test::Is(a, EXCHANGE_FD) => (a, JUMP_EQ, fds[1]),
                Test::Is(a, PAGEMAP_FD) => (a, JUMP_EQ, fds[2]),
                Test::Is(a, k) => (a, JUMP_EQ, k),
                Test::Set(a, k) => (a, JUMP_SET, k),
                Test::Clear(a, k) => (a, JUMP_SET, k),
            };
            p.push(LOAD, 0, 0, arg_low(arg));
            if matches!(t, Test::Clear(..)) {
                p.push(code, fail, 0, k);
            } else {
                p.push(code, 0, fail, k);
            }
        }
        p.push(RETURN, 0, 0, ALLOW);
    }
    p.push(RETURN, 0, 0, TRAP);
    p
}

/// Stands for the image file's descriptor in the rules.
pub(super) const FD: u32 = u32::MAX;
/// Stands for the exchange file's descriptor.
pub(super) const EXCHANGE_FD: u32 = u32::MAX - 1;
/// Stands for the descriptor of the worker's page map.
pub(super) const PAGEMAP_FD: u32 = u32::MAX - 2;

/// What the control plane of a worker may do.
pub(super) const RULES: &[Rule] = &[
    Rule { nr: libc::SYS_rt_sigreturn, tests: &[] },
    Rule { nr: libc::SYS_getrusage, tests: &[] },
    Rule { nr: libc::SYS_exit_group, tests: &[] },
    Rule { nr: libc::SYS_sched_yield, tests: &[] },
    Rule { nr: libc::SYS_futex, tests: &[Test::Clear(1, !1)] },
    Rule { nr: libc::SYS_madvise, tests: &[Test::Is(2, libc::MADV_DONTNEED as u32)] },
    Rule { nr: libc::SYS_ioctl, tests: &[Test::Is(1, 0xc060_6610)] },
    Rule { nr: libc::SYS_arch_prctl, tests: &[Test::Is(0, 0x1002)] },
    Rule {
        nr: libc::SYS_mmap,
        tests: &[
            Test::Clear(2, libc::PROT_EXEC as u32),
            Test::Set(3, libc::MAP_FIXED as u32),
            Test::Is(4, FD),
        ],
    },
    // Layers: what a parent fixed is mapped, never written.
    Rule {
        nr: libc::SYS_mmap,
        tests: &[
            Test::Clear(2, libc::PROT_EXEC as u32),
            Test::Set(3, libc::MAP_FIXED as u32),
            Test::Clear(3, libc::MAP_SHARED as u32),
            Test::Is(4, EXCHANGE_FD),
        ],
    },
    Rule { nr: libc::SYS_mprotect, tests: &[Test::Clear(2, libc::PROT_EXEC as u32)] },
    Rule { nr: libc::SYS_pread64, tests: &[Test::Is(0, FD)] },
    // Changed pages where the system has no PAGEMAP_SCAN.
    Rule { nr: libc::SYS_pread64, tests: &[Test::Is(0, PAGEMAP_FD)] },
    Rule { nr: libc::SYS_lseek, tests: &[Test::Is(0, FD), Test::Is(2, libc::SEEK_DATA as u32)] },
    Rule { nr: libc::SYS_fallocate, tests: &[Test::Is(1, 3)] },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Interprets the program as the kernel would.
    fn run(p: &Program, nr: u32, arch: u32, ip: u64, args: [u64; 6]) -> u32 {
        let mut data = Vec::new();
        data.extend(nr.to_ne_bytes());
        data.extend(arch.to_ne_bytes());
        data.extend(ip.to_ne_bytes());
        args.iter().for_each(|a| data.extend(a.to_ne_bytes()));
        let (mut pc, mut acc) = (0usize, 0u32);
        loop {
            let i = p.insns[pc];
            pc += 1;
            let hit = match i.code {
                LOAD => {
                    let k = i.k as usize;
                    acc = u32::from_ne_bytes(data[k..k + 4].try_into().unwrap());
                    continue;
                }
                RETURN => return i.k,
                JUMP_EQ => acc == i.k,
                JUMP_GE => acc >= i.k,
                JUMP_SET => acc & i.k != 0,
                c => panic!("code {c:#x}"),
            };
            pc += if hit { i.jt } else { i.jf } as usize;
        }
    }

    #[test]
    fn only_the_gate_passes_and_only_with_harmless_arguments() {
        let gate = (0x5555_5000_1000usize, 0x5555_5000_2000usize);
        let p = assemble(gate, RULES, [900, 902, 903]);
        assert!(p.len < MAX);
        let inside = gate.0 as u64 + 0x20;
        let allowed = |nr: i64, ip: u64, a: [u64; 6]| run(&p, nr as u32, X86_64, ip, a) == ALLOW;
        let map = [0, 4096, 3, libc::MAP_FIXED as u64 | 1, 900, 0];
        assert!(allowed(libc::SYS_mmap, inside, map));
        for ip in [gate.0 as u64 - 1, gate.1 as u64, inside + (1 << 32), inside - (1 << 32)] {
            assert!(!allowed(libc::SYS_mmap, ip, map), "{ip:#x}");
        }
        assert!(!allowed(libc::SYS_mmap, inside, [0, 4096, 7, 0x11, 900, 0]), "executable");
        assert!(!allowed(libc::SYS_mmap, inside, [0, 4096, 3, 0x1, 900, 0]), "not fixed");
        assert!(!allowed(libc::SYS_mmap, inside, [0, 4096, 3, 0x11, 901, 0]), "other file");
        assert!(allowed(libc::SYS_mmap, inside, [0, 4096, 3, 0x12, 902, 0]), "layer");
        assert!(!allowed(libc::SYS_mmap, inside, [0, 4096, 3, 0x11, 902, 0]), "shared layer");
        assert!(allowed(libc::SYS_pread64, inside, [900, 0, 0, 0, 0, 0]));
        assert!(!allowed(libc::SYS_pread64, inside, [902, 0, 0, 0, 0, 0]), "other file");
        assert!(allowed(libc::SYS_futex, inside, [0; 6]));
        assert!(allowed(libc::SYS_futex, inside, [0, 1, 0, 0, 0, 0]));
        assert!(!allowed(libc::SYS_futex, inside, [0, 6, 0, 0, 0, 0]), "lock_pi");
        assert!(allowed(libc::SYS_madvise, inside, [0, 0, 4, 0, 0, 0]));
        assert!(!allowed(libc::SYS_madvise, inside, [0, 0, 9, 0, 0, 0]), "remove");
        assert!(allowed(libc::SYS_pread64, inside, [903, 0, 0, 0, 0, 0]));
        assert!(!allowed(libc::SYS_pread64, inside, [902, 0, 0, 0, 0, 0]), "the exchange");
        assert!(allowed(libc::SYS_lseek, inside, [900, 0, 3, 0, 0, 0]));
        assert!(!allowed(libc::SYS_lseek, inside, [900, 0, 0, 0, 0, 0]), "set");
        for nr in [libc::SYS_openat, libc::SYS_write, libc::SYS_clone, libc::SYS_clock_gettime] {
            assert!(!allowed(nr, inside, [0; 6]), "call {nr}");
        }
        // x32 numbers and the 32-bit entry.
        assert!(!allowed(libc::SYS_getrusage | 0x4000_0000, inside, [0; 6]));
        assert_eq!(run(&p, libc::SYS_getrusage as u32, 0x4000_0003, inside, [0; 6]), TRAP);
        assert!(allowed(libc::SYS_rt_sigreturn, inside, [0; 6]));
        assert!(!allowed(libc::SYS_rt_sigreturn, 0x7f00_0000_0000, [0; 6]));
    }
}
