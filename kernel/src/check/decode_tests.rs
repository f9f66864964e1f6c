//! The decoder against `iced-x86`, on random code and random registers.

use super::*;
use iced_x86::{Decoder, DecoderOptions, Instruction, InstructionInfoFactory, OpAccess, Register};
use std::collections::BTreeSet;

/// A processor with every register at a random value.
struct Random {
    code: [u8; 15],
    registers: [u64; 16],
    vectors: [[u8; 64]; 32],
    masks: [u64; 8],
}

const IP: u64 = 0x5555_1234_5678;
const FS: u64 = 0x7f00_1122_3340;
const STATE: u64 = 2696;

impl Machine for Random {
    fn byte(&self, at: usize) -> u8 {
        self.code[at]
    }
    fn ip(&self) -> u64 {
        IP
    }
    fn register(&self, n: u8) -> u64 {
        self.registers[n as usize]
    }
    fn fs(&self) -> u64 {
        FS
    }
    fn vector(&self, n: u8) -> [u8; 64] {
        self.vectors[n as usize]
    }
    fn mask(&self, n: u8) -> u64 {
        self.masks[n as usize]
    }
    fn state_size(&self) -> u64 {
        STATE
    }
}

struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Random {
    fn new(n: &mut Numbers) -> Random {
        let mut code: [u8; 15] = core::array::from_fn(|_| n.next() as u8);
        // Random bytes alone rarely make a prefix and an opcode of a map that matters.
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            code[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        let r = n.next();
        for (bit, prefix) in [0x66, 0xf2, 0xf3, 0x67, 0x64, 0xf0].into_iter().enumerate() {
            if r >> (8 * bit) & 0xff < 24 {
                put(&[prefix]);
            }
        }
        let map = [0x0f, 0x38, 0x3a];
        match r >> 56 & 7 {
            0 => put(&map[..1]),
            1 => put(&[0x48 | (r >> 52) as u8 & 7, 0x0f]),
            2 => put(&[0x0f, map[1 + (r >> 52 & 1) as usize]]),
            3 => put(&[0xc4, (r >> 48) as u8 & 0xe0 | (1 + (r >> 60) as u8 % 3)]),
            4 => put(&[0xc5]),
            5 | 6 => {
                put(&[0x62, (r >> 48) as u8 & 0xf0 | (1 + (r >> 60) as u8 % 3), n.next() as u8 | 4])
            }
            _ => put(&[0x40 | (r >> 52) as u8 & 15]),
        }
        let masks = core::array::from_fn(|_| n.next());
        let vectors = core::array::from_fn(|_| core::array::from_fn(|_| n.next() as u8));
        Random { code, registers: core::array::from_fn(|_| n.next()), vectors, masks }
    }

    fn value(&self, r: Register, element: usize, size: usize) -> u64 {
        if r == Register::FS {
            return FS;
        }
        if r.is_segment_register() {
            return 0;
        }
        if r.is_vector_register() {
            let v = &self.vectors[r.number()][element * size..][..size];
            // An index is signed.
            return match size {
                4 => i32::from_le_bytes(v.try_into().unwrap()) as i64 as u64,
                _ => u64::from_le_bytes(v.try_into().unwrap()),
            };
        }
        match r.size() {
            8 => self.registers[r.number()],
            _ => self.registers[r.number()] & 0xffff_ffff,
        }
    }
}

type Bytes = BTreeSet<u64>;

fn add(to: &mut Bytes, addr: u64, len: u64) {
    to.extend((0..len).map(|i| addr.wrapping_add(i)));
}

/// What iced says: the bytes that are surely written, and those that may be.
fn expected(m: &Random, info: &mut InstructionInfoFactory) -> Option<(String, Bytes, Bytes)> {
    let mut decoder = Decoder::with_ip(64, &m.code, IP, DecoderOptions::NONE);
    let i = decoder.decode();
    // The base of GS is not known to the decoder.
    if i.is_invalid() || m.code[..i.len()].contains(&0x65) {
        return None;
    }
    let (mut surely, mut maybe) = (Bytes::new(), Bytes::new());
    for u in info.info(&i).used_memory() {
        let sure = match u.access() {
            OpAccess::Write | OpAccess::ReadWrite => true,
            OpAccess::CondWrite | OpAccess::ReadCondWrite => false,
            _ => continue,
        };
        let size = u.memory_size().size() as u64;
        let lanes = if u.vsib_size() == 0 { 1 } else { lanes(&i) };
        for lane in 0..lanes {
            let addr = u.virtual_address(lane, |r, e, s| Some(m.value(r, e, s))).unwrap();
            let size = if u.vsib_size() == 0 { size } else { i.memory_size().size() as u64 };
            add(&mut maybe, addr, size);
            if sure {
                add(&mut surely, addr, size);
            }
        }
    }
    Some((format!("{:?}", i.code()), surely, maybe))
}

/// Elements of a scatter.
fn lanes(i: &Instruction) -> usize {
    let index = if i.is_vsib64() { 8 } else { 4 };
    i.op1_register().size().max(i.memory_index().size()) / i.memory_size().size().max(index)
}

/// What only the kernel and hypervisors run.
const PRIVILEGED: [&str; 4] = ["Clrssbsy", "Rstorssp", "Vmptrst", "Vmread"];

/// Instructions whose place depends on a bit number, which iced leaves out.
fn is_bit_string(name: &str) -> bool {
    ["Bts_", "Btr_", "Btc_"].iter().any(|n| name.starts_with(n)) && !name.ends_with("imm8")
}

#[test]
fn writes_what_iced_says() {
    let mut info = InstructionInfoFactory::new();
    let mut seen = BTreeSet::new();
    for seed in 0..30_000 {
        let m = Random::new(&mut Numbers(seed));
        let Some((name, mut surely, mut maybe)) = expected(&m, &mut info) else { continue };
        if maybe.is_empty() || PRIVILEGED.iter().any(|p| name.starts_with(p)) {
            continue;
        }
        let mut ours = Bytes::new();
        let kind = writes(&m, &mut |addr, len| add(&mut ours, addr, len));
        // The byte masks of this one are ours to know.
        if name.contains("askmov") {
            surely.clear();
        }
        // The whole area, of which iced does not know the size.
        if name.starts_with("Xsave") {
            add(&mut maybe, *ours.first().expect("its area"), STATE);
        }
        if is_bit_string(&name) {
            assert_eq!(ours.len(), maybe.len(), "{name} {:x?}", m.code);
            surely.clone_from(&ours);
            maybe.clone_from(&ours);
        }
        assert_ne!(kind, Kind::Unknown, "{name} {:x?}", m.code);
        assert!(surely.is_subset(&ours), "{name} {:x?}: {ours:x?}, not {surely:x?}", m.code);
        assert!(ours.is_subset(&maybe), "{name} {:x?}: {ours:x?}, not {maybe:x?}", m.code);
        seen.insert(name);
    }
    assert!(seen.len() > 200, "few instructions tried: {}", seen.len());
}

/// A processor whose registers point at memory of no importance, about to run `code`.
fn with(code: &[u8]) -> Random {
    let mut m = Random::new(&mut Numbers(1));
    m.registers = core::array::from_fn(|i| 0x10000 * (i as u64 + 1));
    m.code = [0x90; 15];
    m.code[..code.len()].copy_from_slice(code);
    m
}

fn of(m: &Random) -> Vec<(u64, u64)> {
    let mut all = Vec::new();
    writes(m, &mut |addr, len| all.push((addr, len)));
    all
}

#[test]
fn bit_strings_write_the_word_of_the_bit() {
    // bts [rax], rcx / ecx, with bit numbers beyond the operand on either side.
    for (code, len) in [(&[0x48, 0x0f, 0xab, 0x08][..], 8), (&[0x0f, 0xab, 0x08][..], 4)] {
        for bit in [0i64, 31, 63, 64, 100, -1, -64, -65] {
            let mut m = with(code);
            m.registers[1] = bit as u64;
            let word = bit.div_euclid(8 * len) * len;
            assert_eq!(of(&m), [(0x10000u64.wrapping_add_signed(word), len as u64)], "{bit}");
        }
    }
}

#[test]
fn masks_choose_elements() {
    // vmovdqu8 [rax] {k1}, xmm0
    let mut m = with(&[0x62, 0xf1, 0x7f, 0x09, 0x7f, 0x00]);
    m.masks[1] = 0b1000_0000_0000_0101;
    assert_eq!(of(&m), [(0x10000, 1), (0x10002, 1), (0x1000f, 1)]);
    // vpcompressd [rax] {k1}, zmm0
    let mut m = with(&[0x62, 0xf2, 0x7d, 0x49, 0x8b, 0x00]);
    m.masks[1] = 0xf_00f0;
    assert_eq!(of(&m), [(0x10000, 16)]);
    // vmaskmovpd [rax], ymm1, ymm0
    let mut m = with(&[0xc4, 0xe2, 0x75, 0x2f, 0x00]);
    m.vectors[1] = [0; 64];
    (m.vectors[1][7], m.vectors[1][31]) = (0x80, 0x80);
    assert_eq!(of(&m), [(0x10000, 8), (0x10018, 8)]);
    // maskmovdqu xmm0, xmm1
    let mut m = with(&[0x66, 0x0f, 0xf7, 0xc1]);
    m.vectors[1] = [0x7f; 64];
    m.vectors[1][3] = 0xff;
    assert_eq!(of(&m), [(0x80003, 1)]);
}

#[test]
fn steps_of_counts() {
    let step = |code: &[u8], rcx: i64| {
        let mut m = with(code);
        m.registers[1] = rcx as u64;
        counted(&m)
    };
    let at = 0x10000;
    for (code, rcx, want) in [
        // lock inc, dec qword ptr [rax]
        (&[0xf0, 0x48, 0xff, 0x00][..], 0, Some((at, 1))),
        (&[0xf0, 0x48, 0xff, 0x08], 0, Some((at, -1))),
        // lock add, sub qword ptr [rax], 1 and -1, with short and long immediates
        (&[0xf0, 0x48, 0x83, 0x00, 1], 0, Some((at, 1))),
        (&[0xf0, 0x48, 0x83, 0x00, 0xff], 0, Some((at, -1))),
        (&[0xf0, 0x48, 0x83, 0x28, 1], 0, Some((at, -1))),
        (&[0xf0, 0x48, 0x81, 0x28, 0xff, 0xff, 0xff, 0xff], 0, Some((at, 1))),
        // lock inc qword ptr [rip + 2], lock add qword ptr [rip + 2], 1
        (&[0xf0, 0x48, 0xff, 0x05, 2, 0, 0, 0], 0, Some((IP + 10, 1))),
        (&[0xf0, 0x48, 0x83, 0x05, 2, 0, 0, 0, 1], 0, Some((IP + 11, 1))),
        // lock xadd, add, sub [rax + 8], rcx
        (&[0xf0, 0x48, 0x0f, 0xc1, 0x48, 8], 1, Some((at + 8, 1))),
        (&[0xf0, 0x48, 0x0f, 0xc1, 0x48, 8], -1, Some((at + 8, -1))),
        (&[0xf0, 0x48, 0x01, 0x48, 8], 1, Some((at + 8, 1))),
        (&[0xf0, 0x48, 0x29, 0x48, 8], 1, Some((at + 8, -1))),
        // Other steps.
        (&[0xf0, 0x48, 0x83, 0x00, 2], 0, None),
        (&[0xf0, 0x48, 0x0f, 0xc1, 0x08], 2, None),
        (&[0xf0, 0x48, 0x0f, 0xc1, 0x08], 0, None),
        // Not locked, not eight bytes, neither an addition.
        (&[0x48, 0xff, 0x00], 0, None),
        (&[0xf0, 0xff, 0x00], 0, None),
        (&[0xf0, 0x0f, 0xc1, 0x08], 1, None),
        (&[0xf0, 0x48, 0x83, 0x08, 1], 0, None),
        (&[0xf0, 0x48, 0xff, 0x10], 0, None),
        (&[0xf0, 0x48, 0x0f, 0xb1, 0x08], 1, None),
        (&[0xf0, 0x48, 0x87, 0x08], 1, None),
        // To a register, which is no instruction, and behind GS.
        (&[0xf0, 0x48, 0xff, 0xc0], 0, None),
        (&[0xf0, 0x65, 0x48, 0xff, 0x00], 0, None),
    ] {
        assert_eq!(step(code, rcx), want, "{code:x?}");
    }
}

#[test]
fn steps_are_additions_to_iced() {
    let mut info = InstructionInfoFactory::new();
    let mut steps = 0;
    for seed in 0..30_000 {
        let mut m = Random::new(&mut Numbers(seed));
        // So that more than a few add one.
        m.registers = m.registers.map(|r| [r, 1, u64::MAX][r as usize % 3]);
        m.code.rotate_right(2);
        (m.code[0], m.code[1]) = (0xf0, 0x48 | m.code[1] & 7);
        m.code[2] = [0xff, 0x83, 0x01, 0x29, 0x0f, 0x81][seed as usize % 6];
        let Some((addr, _)) = counted(&m) else { continue };
        let Some((name, surely, _)) = expected(&m, &mut info) else { continue };
        let known = ["Inc_rm64", "Dec_rm64", "Add_rm64", "Sub_rm64", "Xadd_rm64"];
        assert!(known.iter().any(|k| name.starts_with(k)), "{name} {:x?}", m.code);
        let mut ours = Bytes::new();
        add(&mut ours, addr, 8);
        assert_eq!(ours, surely, "{name} {:x?}", m.code);
        steps += 1;
    }
    assert!(steps > 500, "few steps tried: {steps}");
}
