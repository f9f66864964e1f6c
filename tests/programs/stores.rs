//! Every kind of store, run by a child in checking mode beside a sibling that writes one byte:
//! the two must conflict where the store writes that byte, and nowhere else. What a store writes
//! is known by naming it here, and by running it on bytes of which none stays.
use detpar::{JoinError, try_join};
use detpar_tests::program::{self, Shared, shared};
use std::arch::asm;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;

#[detpar::main]
fn main() -> ExitCode {
    program::run(&[("general", general), ("strings", strings), ("vector", vector), ("wide", wide)])
}

/// Bytes of the memory that is written: three pages, the stores around the second border.
const LEN: usize = 3 * 4096;

/// A store: its name, the bytes it writes from where it is told to, and itself.
type Store = (&'static str, fn(usize) -> Vec<usize>, unsafe fn(*mut u8));

fn first(n: usize) -> Vec<usize> {
    (0..n).collect()
}

/// Whether a child that runs the store conflicts with one that writes the byte at `at`.
fn meets(memory: &Shared, store: unsafe fn(*mut u8), to: usize, at: usize) -> bool {
    let base = memory.as_ptr() as usize;
    // SAFETY: the stores stay within the memory, of which the child has its own copy.
    let run = || unsafe { store((base + to) as *mut u8) };
    let touch = || memory[at].store(memory[at].load(Relaxed), Relaxed);
    match try_join(run, touch) {
        Ok(_) => false,
        Err(JoinError::Conflict(c)) => {
            assert_eq!(c.address(), base + at);
            true
        }
        Err(e) => panic!("{e}"),
    }
}

fn check(stores: &[Store], alignments: &[usize]) {
    let all = shared(&[0; LEN + 4096]);
    let skip = all.as_ptr().align_offset(4096);
    let memory = &all[skip..skip + LEN];
    for &(name, bytes, store) in stores {
        for &to in alignments {
            let written: Vec<usize> = bytes(to).iter().map(|b| to + b).collect();
            let (low, high) = (written[0], written[written.len() - 1]);
            // The edges, and something in the middle.
            let mut places = vec![low - 1, low, low + 1, (low + high) / 2, high, high + 1];
            places.extend([4095, 4096, 8191, 8192]);
            for at in places {
                let expected = written.contains(&at);
                assert_eq!(meets(memory, store, to, at), expected, "{name} to {to}, byte {at}");
            }
        }
    }
}

macro_rules! store {
    ($name:literal, $n:expr, $($code:literal),+ $(; $out:tt)*) => {
        ($name, |_: usize| first($n), {
            // SAFETY: of the caller: enough memory on both sides of `p`.
            unsafe fn f(p: *mut u8) {
                // SAFETY: the caller's: enough memory on both sides of `p`.
                unsafe {
                    asm!("push rbx", $($code,)+ "pop rbx", in("rdi") p, out("rax") _, out("rcx") _,
                        out("rdx") _, out("r8") _, out("xmm0") _, out("xmm1") _, out("xmm2") _);
                }
            }
            f
        })
    };
}

/// Across borders of pages of which either half is on another page.
const AROUND: [usize; 5] = [4096 - 4, 8192 - 1, 8192 - 7, 4096 + 8, 100];

fn general() {
    let stores: &[Store] = &[
        store!("mov 1", 1, "mov byte ptr [rdi], 0"),
        store!("mov 2", 2, "mov word ptr [rdi], 0"),
        store!("mov 4", 4, "mov dword ptr [rdi], 0"),
        store!("mov 8", 8, "mov qword ptr [rdi], 0"),
        store!("mov reg", 8, "xor eax, eax", "mov ecx, 5", "mov [rdi + rcx*8 - 40], rax"),
        store!("or", 4, "or dword ptr [rdi], 0"),
        store!("add", 8, "add qword ptr [rdi], 0"),
        store!("inc and dec", 2, "inc word ptr [rdi]", "dec word ptr [rdi]"),
        store!("not twice", 1, "not byte ptr [rdi]", "not byte ptr [rdi]"),
        store!("shift", 4, "shl dword ptr [rdi], 3"),
        store!("setcc", 1, "cmp rdi, rdi", "setne [rdi]"),
        store!("xchg", 4, "xor eax, eax", "xchg [rdi], eax"),
        store!("lock xadd", 8, "xor eax, eax", "lock xadd [rdi], rax"),
        store!(
            "lock bts",
            8,
            "mov eax, 64",
            "sub rdi, 8",
            "lock bts [rdi], rax",
            "lock btr [rdi], rax"
        ),
        store!("cmpxchg", 4, "xor eax, eax", "xor ecx, ecx", "lock cmpxchg [rdi], ecx"),
        store!("cmpxchg that fails", 4, "mov eax, 1", "mov ecx, 7", "lock cmpxchg [rdi], ecx"),
        store!(
            "cmpxchg8b",
            8,
            "xor eax, eax",
            "xor edx, edx",
            "xor ebx, ebx",
            "xor ecx, ecx",
            "cmpxchg8b [rdi]"
        ),
        store!("movnti", 8, "xor eax, eax", "movnti [rdi], rax"),
        store!("movbe by swap", 4, "xor eax, eax", "bswap eax", "mov [rdi], eax"),
        store!("push", 8, "mov rdx, rsp", "lea rsp, [rdi + 8]", "push 0", "mov rsp, rdx"),
        store!(
            "push flags",
            8,
            "mov rdx, rsp",
            "lea rsp, [rdi + 8]",
            "pushfq",
            "pop rax",
            "mov qword ptr [rdi], 0",
            "mov rsp, rdx",
            "push rax",
            "popfq"
        ),
        store!(
            "call",
            8,
            "mov rdx, rsp",
            "lea rsp, [rdi + 8]",
            "call 2f",
            "2:",
            "mov rsp, rdx",
            "mov qword ptr [rdi], 0"
        ),
        store!("pop", 8, "push 0", "pop qword ptr [rdi]"),
        store!("x87", 10, "fldz", "fstp tbyte ptr [rdi]"),
        store!("stmxcsr", 4, "stmxcsr [rdi]", "mov dword ptr [rdi], 0"),
    ];
    check(stores, &AROUND);
}

fn strings() {
    let stores: &[Store] = &[
        store!("stosb", 1, "xor eax, eax", "stosb"),
        store!("rep stosb", 100, "xor eax, eax", "mov ecx, 100", "rep stosb"),
        store!("rep stosq", 160, "xor eax, eax", "mov ecx, 20", "rep stosq"),
        store!(
            "rep movsb",
            50,
            "mov rdx, rsi",
            "mov rsi, rdi",
            "mov ecx, 50",
            "rep movsb",
            "mov rsi, rdx"
        ),
        store!(
            "rep stosd backwards",
            40,
            "xor eax, eax",
            "mov ecx, 10",
            "add rdi, 36",
            "std",
            "rep stosd",
            "cld"
        ),
        store!(
            "rep stosb, none",
            1,
            "xor ecx, ecx",
            "mov r8, rdi",
            "rep stosb",
            "mov byte ptr [r8], 0"
        ),
    ];
    check(stores, &[4096 - 60, 8192 - 1, 300]);
}

fn vector() {
    let stores: &[Store] = &[
        store!("movups", 16, "xorps xmm0, xmm0", "movups [rdi], xmm0"),
        store!("movss", 4, "xorps xmm0, xmm0", "movss [rdi], xmm0"),
        store!("movsd", 8, "xorps xmm0, xmm0", "movsd [rdi], xmm0"),
        store!("movhps", 8, "xorps xmm0, xmm0", "movhps [rdi], xmm0"),
        store!("movd", 4, "xorps xmm0, xmm0", "movd [rdi], xmm0"),
        store!("pextrw", 2, "xorps xmm0, xmm0", "pextrw [rdi], xmm0, 3"),
        (
            "maskmovdqu",
            |_| vec![3, 15],
            store!(
                "",
                0,
                "mov rax, 0x80000000",
                "movq xmm1, rax",
                "mov rax, 0x8000000000000000",
                "movq xmm2, rax",
                "punpcklqdq xmm1, xmm2",
                "xorps xmm0, xmm0",
                "maskmovdqu xmm0, xmm1"
            )
            .2,
        ),
    ];
    check(stores, &AROUND);
    let aligned: &[Store] = &[
        store!("movaps", 16, "xorps xmm0, xmm0", "movaps [rdi], xmm0"),
        store!("movntps", 16, "xorps xmm0, xmm0", "movntps [rdi], xmm0"),
    ];
    check(aligned, &[4096, 8192 - 16, 160]);
}

/// What this processor may lack.
fn wide() {
    if std::is_x86_feature_detected!("avx2") {
        let stores: &[Store] = &[
            store!("vmovups", 32, "vxorps ymm0, ymm0, ymm0", "vmovups [rdi], ymm0", "vzeroupper"),
            store!(
                "vextractf128",
                16,
                "vxorps ymm0, ymm0, ymm0",
                "vextractf128 [rdi], ymm0, 1",
                "vzeroupper"
            ),
            (
                "vmaskmovps",
                |_| (4..8).chain(28..32).collect(),
                store!(
                    "",
                    0,
                    "mov rax, 0x8000000000000000",
                    "vmovq xmm1, rax",
                    "vpxor xmm2, xmm2, xmm2",
                    "vpunpcklqdq xmm2, xmm2, xmm1",
                    "vinserti128 ymm1, ymm1, xmm2, 1",
                    "vxorps ymm0, ymm0, ymm0",
                    "vmaskmovps [rdi], ymm1, ymm0",
                    "vzeroupper"
                )
                .2,
            ),
        ];
        check(stores, &AROUND);
    }
    if std::is_x86_feature_detected!("avx512bw") {
        let stores: &[Store] = &[
            store!(
                "vmovdqu64",
                64,
                "vpxorq zmm0, zmm0, zmm0",
                "vmovdqu64 [rdi], zmm0",
                "vzeroupper"
            ),
            (
                "vmovdqu8 masked",
                |_| vec![0, 33, 63],
                store!(
                    "",
                    0,
                    "mov rax, 0x8000000200000001",
                    "kmovq k1, rax",
                    "vpxorq zmm0, zmm0, zmm0",
                    "vmovdqu8 [rdi] {{k1}}, zmm0",
                    "vzeroupper"
                )
                .2,
            ),
            (
                "vpcompressd",
                |_| first(12),
                store!(
                    "",
                    0,
                    "mov eax, 0x4110",
                    "kmovd k1, eax",
                    "vpxorq zmm0, zmm0, zmm0",
                    "vpcompressd [rdi] {{k1}}, zmm0",
                    "vzeroupper"
                )
                .2,
            ),
            ("vpscatterdd", |_| (0..4).chain(20..24).chain(300..304).collect(), {
                const INDEX: [u32; 16] = [0, 5, 75, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9];
                // SAFETY: of the caller: enough memory on both sides of `p`.
                unsafe fn f(p: *mut u8) {
                    // SAFETY: the caller's.
                    unsafe {
                        asm!("mov eax, 7", "kmovd k1, eax", "vmovdqu64 zmm1, [{i}]",
                                "vpxorq zmm0, zmm0, zmm0", "vpscatterdd [rdi + 4*zmm1] {{k1}}, zmm0",
                                "vzeroupper", i = in(reg) &INDEX, in("rdi") p, out("rax") _,
                                out("xmm0") _, out("xmm1") _);
                    }
                }
                f
            }),
        ];
        check(stores, &[4096 - 30, 8192 - 1, 100, 8192 - 301]);
    }
}
