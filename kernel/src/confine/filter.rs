//! The seccomp filter of a worker, as classic BPF.
//!
//! Calls from the gate pass if they are ones the control plane makes, with arguments that
//! keep them harmless; everything else traps.

use crate::image::layout::{EXCHANGE, EXCHANGE_SIZE, HEAP, IMAGE, IMAGE_SIZE, TLS};

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
/// Keeps the value loaded last beside the next one.
const KEEP: u16 = 0x07;
/// Whether the value loaded last is the one kept, or at least that.
const JUMP_KEPT: u16 = 0x1d;
const JUMP_GE_KEPT: u16 = 0x3d;
const JUMP: u16 = 0x05;
/// Loads a number.
const NUMBER: u16 = 0x00;
const ADD: u16 = 0x04;
const ADD_KEPT: u16 = 0x0c;
const AND: u16 = 0x54;
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

const fn arg_high(i: u32) -> u32 {
    arg_low(i) + 4
}

/// A condition on an argument, or two.
#[derive(Clone, Copy)]
pub(super) enum Test {
    /// The low half equals the value.
    Is(u32, u32),
    /// All bits of the mask are clear in the low half.
    Clear(u32, u32),
    /// An address or offset from the first value on and below the second, each in units of
    /// 4 GiB.
    Within(u32, u32, u32),
    /// A range, by two arguments for its start and its length, ends below the value, in units
    /// of 4 GiB.
    EndsBelow(u32, u32, u32),
    /// A range, by the same two, lies in this worker's own exchange area and ends below its end.
    InOwnArea(u32, u32),
    /// The first argument is where the image has the offset in the sixth.
    AtHome,
}

impl Test {
    /// Instructions that it takes.
    fn len(&self) -> usize {
        match self {
            Test::Is(..) | Test::Clear(..) => 2,
            Test::Within(..) => 3,
            Test::AtHome => 9,
            Test::EndsBelow(..) => ENDS,
            Test::InOwnArea(..) => 3 + ENDS,
        }
    }
}

/// Instructions that say where a range ends.
const ENDS: usize = 16;
/// No length is as large, in units of 4 GiB: nor does a sum of two wrap.
const HUGE: u32 = 1 << 16;

/// What a rule cannot know before the worker has it.
#[derive(Clone, Copy)]
pub(super) struct Own {
    /// Descriptors that stand for [`FD`], [`EXCHANGE_FD`] and [`PAGEMAP_FD`].
    pub fds: [u32; 3],
    /// The worker's slot.
    pub slot: u32,
}

/// A call that may come from the gate, with conditions that must all hold.
pub(super) struct Rule {
    pub nr: i64,
    pub tests: &'static [Test],
}

/// Longest program.
pub(super) const MAX: usize = 256;

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

    /// A test that jumps past its rule, whose last `left` instructions follow, where it fails.
    fn test(&mut self, t: Test, left: u8, own: Own) {
        match t {
            Test::Is(a, k) => {
                let k = match k {
                    FD => own.fds[0],
                    EXCHANGE_FD => own.fds[1],
                    PAGEMAP_FD => own.fds[2],
                    k => k,
                };
                self.push(LOAD, 0, 0, arg_low(a));
                self.push(JUMP_EQ, 0, left, k);
            }
            Test::Clear(a, k) => {
                self.push(LOAD, 0, 0, arg_low(a));
                self.push(JUMP_SET, left, 0, k);
            }
            Test::Within(a, from, to) => {
                self.push(LOAD, 0, 0, arg_high(a));
                self.push(JUMP_GE, 0, left + 1, from);
                self.push(JUMP_GE, left, 0, to);
            }
            Test::EndsBelow(a, len, end) => self.ends_below(a, len, end, left),
            Test::InOwnArea(a, len) => {
                self.push(LOAD, 0, 0, arg_high(a));
                self.push(AND, 0, 0, !(AREA - 1));
                self.push(JUMP_EQ, 0, left + ENDS as u8, own.slot * AREA);
                self.ends_below(a, len, (own.slot + 1) * AREA, left);
            }
            Test::AtHome => {
                self.push(LOAD, 0, 0, arg_low(0));
                self.push(KEEP, 0, 0, 0);
                self.push(LOAD, 0, 0, arg_low(5));
                self.push(JUMP_KEPT, 0, left + 5, 0);
                self.push(LOAD, 0, 0, arg_high(5));
                self.push(ADD, 0, 0, high(IMAGE));
                self.push(KEEP, 0, 0, 0);
                self.push(LOAD, 0, 0, arg_high(0));
                self.push(JUMP_KEPT, 0, left, 0);
            }
        }
    }

    /// The sum of two arguments, in halves with the carry between them.
    fn ends_below(&mut self, a: u32, len: u32, end: u32, left: u8) {
        self.push(LOAD, 0, 0, arg_low(len));
        self.push(KEEP, 0, 0, 0);
        self.push(LOAD, 0, 0, arg_low(a));
        self.push(ADD_KEPT, 0, 0, 0);
        self.push(JUMP_GE_KEPT, 2, 0, 0);
        self.push(NUMBER, 0, 0, 1);
        self.push(JUMP, 0, 0, 1);
        self.push(NUMBER, 0, 0, 0);
        self.push(KEEP, 0, 0, 0);
        self.push(LOAD, 0, 0, arg_high(a));
        self.push(ADD_KEPT, 0, 0, 0);
        self.push(KEEP, 0, 0, 0);
        self.push(LOAD, 0, 0, arg_high(len));
        self.push(JUMP_GE, left + 2, 0, HUGE);
        self.push(ADD_KEPT, 0, 0, 0);
        self.push(JUMP_GE, left, 0, end);
    }
}

/// Units of 4 GiB.
const fn high(address: usize) -> u32 {
    (address >> 32) as u32
}

/// Units of 4 GiB in an exchange area, a power of two.
const AREA: u32 = high(EXCHANGE_SIZE);

const _: () = assert!(IMAGE as u32 == 0 && AREA.is_power_of_two());
const _: () = assert!((HEAP - IMAGE) as u32 == 0 && IMAGE_SIZE as u32 == 0);

/// Assembles the filter for a gate at `[start, end)`.
pub(super) fn assemble((start, end): (usize, usize), rules: &[Rule], own: Own) -> Program {
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
        let body: usize = r.tests.iter().map(Test::len).sum::<usize>() + 1;
        p.push(LOAD, 0, 0, NR);
        p.push(JUMP_EQ, 0, body as u8, r.nr as u32);
        let mut left = body;
        for t in r.tests {
            left -= t.len();
            p.test(*t, left as u8, own);
        }
        p.push(RETURN, 0, 0, ALLOW);
    }
    p.push(RETURN, 0, 0, TRAP);
    p
}

/// Assembles one that lets all calls from a gate pass, and those of `pass` from anywhere.
pub(super) fn assemble_open((start, end): (usize, usize), pass: &[i64]) -> Program {
    let none = Insn { code: RETURN, jt: 0, jf: 0, k: TRAP };
    let mut p = Program { insns: [none; MAX], len: 0 };
    p.push(LOAD, 0, 0, ARCH);
    p.push(JUMP_EQ, 1, 0, X86_64);
    p.push(RETURN, 0, 0, TRAP);
    p.push(LOAD, 0, 0, IP_HIGH);
    p.push(JUMP_EQ, 0, 4, (start >> 32) as u32);
    p.push(LOAD, 0, 0, IP_LOW);
    p.push(JUMP_GE, 0, 2, start as u32);
    p.push(JUMP_GE, 1, 0, end as u32);
    p.push(RETURN, 0, 0, ALLOW);
    p.push(LOAD, 0, 0, NR);
    for &nr in pass {
        p.push(JUMP_EQ, 0, 1, nr as u32);
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

/// Readable and writable, in bits of `mmap` and `mprotect`.
const READ_WRITE: u32 = (libc::PROT_READ | libc::PROT_WRITE) as u32;
const FIXED: u32 = (libc::MAP_FIXED | libc::MAP_NORESERVE) as u32;
const PAGEMAP_SCAN: u32 = 0xc060_6610;
const ARCH_SET_FS: u32 = 0x1002;
const PUNCH: u32 = (libc::FALLOC_FL_KEEP_SIZE | libc::FALLOC_FL_PUNCH_HOLE) as u32;
/// The heap's offsets in the image file: not the stack, the tables or static data.
const HEAP_FROM: u32 = high(HEAP - IMAGE);
const HEAP_TO: u32 = high(IMAGE_SIZE);

/// What the control plane of a worker may do.
pub(super) const RULES: &[Rule] = &[
    Rule { nr: libc::SYS_rt_sigreturn, tests: &[] },
    Rule { nr: libc::SYS_getrusage, tests: &[Test::Is(0, libc::RUSAGE_THREAD as u32)] },
    Rule { nr: libc::SYS_exit_group, tests: &[] },
    Rule { nr: libc::SYS_sched_yield, tests: &[] },
    // FUTEX_WAIT and FUTEX_WAKE.
    Rule { nr: libc::SYS_futex, tests: &[Test::Clear(1, !1)] },
    Rule { nr: libc::SYS_madvise, tests: &[Test::Is(2, libc::MADV_DONTNEED as u32)] },
    Rule { nr: libc::SYS_madvise, tests: &[Test::Is(2, libc::MADV_POPULATE_READ as u32)] },
    Rule { nr: libc::SYS_madvise, tests: &[Test::Is(2, libc::MADV_POPULATE_WRITE as u32)] },
    Rule { nr: libc::SYS_ioctl, tests: &[Test::Is(0, PAGEMAP_FD), Test::Is(1, PAGEMAP_SCAN)] },
    Rule { nr: libc::SYS_arch_prctl, tests: &[Test::Is(0, ARCH_SET_FS)] },
    // The image as it is, and grants: heap segments at their own place, shared.
    Rule {
        nr: libc::SYS_mmap,
        tests: &[
            Test::Is(2, READ_WRITE),
            Test::Is(3, FIXED | libc::MAP_PRIVATE as u32),
            Test::Is(4, FD),
        ],
    },
    Rule {
        nr: libc::SYS_mmap,
        tests: &[
            Test::Is(2, READ_WRITE),
            Test::Is(3, FIXED | libc::MAP_SHARED as u32),
            Test::Is(4, FD),
            Test::Within(5, HEAP_FROM, HEAP_TO),
            Test::EndsBelow(5, 1, HEAP_TO),
            Test::AtHome,
        ],
    },
    // Layers: what a parent fixed is mapped, never written.
    Rule {
        nr: libc::SYS_mmap,
        tests: &[
            Test::Is(2, READ_WRITE),
            Test::Is(3, FIXED | libc::MAP_PRIVATE as u32),
            Test::Is(4, EXCHANGE_FD),
        ],
    },
    // Not what others stage, nor control memory: below those, or above. Checking mode watches
    // thread-local storage too.
    Rule {
        nr: libc::SYS_mprotect,
        tests: &[Test::Clear(2, !READ_WRITE), Test::EndsBelow(0, 1, high(EXCHANGE))],
    },
    Rule {
        nr: libc::SYS_mprotect,
        tests: &[Test::Clear(2, !READ_WRITE), Test::Within(0, high(TLS), HUGE)],
    },
    Rule { nr: libc::SYS_pread64, tests: &[Test::Is(0, FD)] },
    // Changed pages where the system has no PAGEMAP_SCAN.
    Rule { nr: libc::SYS_pread64, tests: &[Test::Is(0, PAGEMAP_FD)] },
    Rule { nr: libc::SYS_lseek, tests: &[Test::Is(0, FD), Test::Is(2, libc::SEEK_DATA as u32)] },
    // Granted memory, and what this worker staged.
    Rule {
        nr: libc::SYS_fallocate,
        tests: &[
            Test::Is(0, FD),
            Test::Is(1, PUNCH),
            Test::Within(2, HEAP_FROM, HEAP_TO),
            Test::EndsBelow(2, 3, HEAP_TO),
        ],
    },
    Rule {
        nr: libc::SYS_fallocate,
        tests: &[Test::Is(0, EXCHANGE_FD), Test::Is(1, PUNCH), Test::InOwnArea(2, 3)],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::layout::{CONTROL, IMAGE_END, PRIVATE};

    /// Interprets the program as the kernel would.
    fn run(p: &Program, nr: u32, arch: u32, ip: u64, args: [u64; 6]) -> u32 {
        let mut data = Vec::new();
        data.extend(nr.to_ne_bytes());
        data.extend(arch.to_ne_bytes());
        data.extend(ip.to_ne_bytes());
        args.iter().for_each(|a| data.extend(a.to_ne_bytes()));
        let (mut pc, mut acc, mut kept) = (0usize, 0u32, 0u32);
        loop {
            let i = p.insns[pc];
            pc += 1;
            let hit = match i.code {
                LOAD => {
                    let k = i.k as usize;
                    acc = u32::from_ne_bytes(data[k..k + 4].try_into().unwrap());
                    continue;
                }
                KEEP => {
                    kept = acc;
                    continue;
                }
                NUMBER | ADD | ADD_KEPT | AND => {
                    acc = match i.code {
                        NUMBER => i.k,
                        ADD => acc.wrapping_add(i.k),
                        ADD_KEPT => acc.wrapping_add(kept),
                        _ => acc & i.k,
                    };
                    continue;
                }
                JUMP => {
                    pc += i.k as usize;
                    continue;
                }
                RETURN => return i.k,
                JUMP_EQ => acc == i.k,
                JUMP_KEPT => acc == kept,
                JUMP_GE => acc >= i.k,
                JUMP_GE_KEPT => acc >= kept,
                JUMP_SET => acc & i.k != 0,
                c => panic!("code {c:#x}"),
            };
            pc += if hit { i.jt } else { i.jf } as usize;
        }
    }

    /// Calls that pass, and next to each some that do not.
    #[test]
    fn only_harmless_arguments_pass() {
        use libc::*;
        let p = assemble((0x1000, 0x2000), RULES, Own { fds: [900, 902, 903], slot: 3 });
        assert!(p.len < MAX);
        let allowed = |nr: i64, a: &[u64]| {
            let whole = core::array::from_fn(|i| a.get(i).copied().unwrap_or(0));
            run(&p, nr as u32, X86_64, 0x1020, whole) == ALLOW
        };
        let (image, heap) = (IMAGE as u64, HEAP as u64);
        let off = heap - image;
        let area = 3 * EXCHANGE_SIZE as u64;
        let mine = area + EXCHANGE_SIZE as u64 - 4096;
        let (private, shared) = (0x4012, 0x4011);
        type Case<'a> = (i64, &'a [u64], &'a [&'a [u64]]);
        let table: &[Case] = &[
            (SYS_rt_sigreturn, &[], &[]),
            (SYS_getrusage, &[1], &[&[0], &[u32::MAX as u64]]),
            (SYS_futex, &[0, 0], &[&[0, 2], &[0, 6], &[0, 128], &[0, 9]]),
            (SYS_futex, &[0, 1], &[&[0, 5]]),
            (SYS_madvise, &[0, 0, 4], &[&[0, 0, 9], &[0, 0, 8], &[0, 0, 0]]),
            (SYS_madvise, &[0, 0, 22], &[&[0, 0, 21], &[0, 0, 24], &[1 << 32, 0, 150]]),
            (SYS_madvise, &[0, 0, 23], &[&[0, 0, 21], &[0, 0, 24], &[0, 0, 25]]),
            (SYS_ioctl, &[903, PAGEMAP_SCAN.into()], &[&[900, PAGEMAP_SCAN.into()], &[903, 1]]),
            (SYS_arch_prctl, &[0x1002], &[&[0x1001], &[0x1004], &[0x3001]]),
            (
                SYS_mmap,
                &[image, 4096, 3, private, 900, 0],
                &[
                    &[image, 4096, 7, private, 900, 0],
                    &[image, 4096, 5, private, 900, 0],
                    &[image, 4096, 3, 0x4002, 900, 0],
                    &[image, 4096, 3, private, 901, 0],
                    &[image, 4096, 3, private | 0x20, u64::MAX, 0],
                    &[image, 4096, 3, shared, 900, 0],
                ],
            ),
            (
                SYS_mmap,
                &[heap + 4096, 4096, 3, shared, 900, off + 4096],
                &[
                    &[heap, 4096, 3, shared, 900, off + 4096],
                    &[heap + (1 << 32), 4096, 3, shared, 900, off],
                    &[heap + 4096, 4096, 7, shared, 900, off + 4096],
                    &[image + (4 << 30), 4096, 3, shared, 900, 4 << 30],
                    &[IMAGE_END as u64, 4096, 3, shared, 900, IMAGE_SIZE as u64],
                    &[heap + 4096, 4096, 3, shared, 902, off + 4096],
                    // Up to the static data behind the heap, and so that the end wraps.
                    &[IMAGE_END as u64 - 4096, 8192, 3, shared, 900, IMAGE_SIZE as u64 - 4096],
                    &[heap, (18 << 40) + 4096, 3, shared, 900, off],
                    &[heap, u64::MAX << 40, 3, shared, 900, off],
                ],
            ),
            (
                SYS_mmap,
                &[heap, 4096, 3, private, 902, 0],
                &[&[heap, 4096, 3, shared, 902, 0], &[heap, 4096, 7, private, 902, 0]],
            ),
            (
                SYS_mprotect,
                &[heap, 4096, 3],
                &[
                    &[heap, 4096, 4],
                    &[heap, 4096, 3 | 0x0100_0000],
                    &[EXCHANGE as u64, 4096, 3],
                    &[CONTROL as u64, 4096, 3],
                    &[PRIVATE as u64, 4096, 3],
                    &[TLS as u64 - 4096, 4096, 3],
                    // From below into those.
                    &[EXCHANGE as u64 - 4096, 8192, 3],
                    &[heap, EXCHANGE as u64 - heap + 1, 3],
                    &[heap, u64::MAX - heap + 2, 3],
                ],
            ),
            (SYS_mprotect, &[EXCHANGE as u64 - 8192, 8191, 3], &[]),
            (SYS_mprotect, &[TLS as u64 + 4096, 4096, 1], &[]),
            (SYS_mprotect, &[0x5555_5555_0000, 4096, 0], &[]),
            (SYS_pread64, &[900], &[&[902], &[901], &[0]]),
            (SYS_pread64, &[903], &[]),
            (SYS_lseek, &[900, 0, 3], &[&[900, 0, 0], &[900, 0, 4], &[902, 0, 3]]),
            (
                SYS_fallocate,
                &[900, 3, off, 4096],
                &[
                    &[900, 3, 0, 4096],
                    &[900, 3, IMAGE_SIZE as u64, 4096],
                    &[900, 3, IMAGE_SIZE as u64 - 4096, 8192],
                    &[900, 3, off, u64::MAX],
                    &[900, 0, off, 4096],
                    &[901, 3, off, 4096],
                ],
            ),
            (
                SYS_fallocate,
                &[902, 3, mine, 4095],
                &[
                    &[902, 3, mine + 4096, 1],
                    &[902, 3, mine, 8192],
                    &[902, 3, area, EXCHANGE_SIZE as u64 + 4096],
                    &[902, 3, area - 4096, 8192],
                    &[902, 1, mine, 4095],
                    &[902, 3, 0, 4096],
                ],
            ),
            (SYS_fallocate, &[902, 3, area, EXCHANGE_SIZE as u64 - 4096], &[]),
            (SYS_exit_group, &[7], &[]),
            (SYS_sched_yield, &[], &[]),
        ];
        for (nr, passes, misses) in table {
            assert!(allowed(*nr, passes), "{nr}: {passes:x?}");
            for a in *misses {
                assert!(!allowed(*nr, a), "{nr}: {a:x?}");
            }
        }
        let known: Vec<i64> = RULES.iter().map(|r| r.nr).collect();
        assert!(known.iter().all(|nr| table.iter().any(|row| row.0 == *nr)), "a rule untested");
        for nr in (0..=600).filter(|nr| !known.contains(nr)) {
            assert!(!allowed(nr, &[]), "call {nr}");
        }
    }

    #[test]
    fn only_the_gate_passes() {
        let gate = (0x5555_5000_1000usize, 0x5555_5000_2000usize);
        let p = assemble(gate, RULES, Own { fds: [900, 902, 903], slot: 0 });
        let inside = gate.0 as u64 + 0x20;
        let at = |ip| run(&p, libc::SYS_getrusage as u32, X86_64, ip, [1, 0, 0, 0, 0, 0]);
        assert_eq!(at(inside), ALLOW);
        for ip in [gate.0 as u64 - 1, gate.1 as u64, inside + (1 << 32), inside - (1 << 32), 0] {
            assert_eq!(at(ip), TRAP, "{ip:#x}");
        }
        // x32 numbers and the 32-bit entry.
        let x32 = libc::SYS_getrusage as u32 | 0x4000_0000;
        let args = [1, 0, 0, 0, 0, 0];
        assert_eq!(run(&p, x32, X86_64, inside, args), TRAP);
        assert_eq!(run(&p, libc::SYS_getrusage as u32, 0x4000_0003, inside, args), TRAP);
    }
}
