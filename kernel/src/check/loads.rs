//! How many bytes an instruction reads that was refused a read (x86-64, user mode).
//!
//! The processor says where: this is about how many. What the tables do not know counts as one
//! byte, so that no byte is taken for read that was not.

use super::decode::{Code, Machine, prefixes};

/// A whole vector register of the width that the instruction has.
const VECTOR: u64 = 16;

/// Bytes that are read at the address of the fault.
pub(super) fn len(m: &impl Machine) -> u64 {
    let Some((mut c, op, _)) = prefixes(m) else { return 1 };
    match op {
        0x0f => match c.next(m) {
            0x38 => map2(&c, m.byte(c.at)),
            0x3a => map3(&c, m.byte(c.at)),
            op => map1(&c, op, m.byte(c.at) >> 3 & 7),
        },
        0xc4 | 0xc5 => vex(m, c, op),
        0x62 => evex(m, c),
        _ => map0(&c, op, m.byte(c.at) >> 3 & 7),
    }
}

fn map0(c: &Code, op: u8, reg: u8) -> u64 {
    let size = c.size();
    match op {
        0x00..=0x3f if op & 7 < 4 => [1, size][usize::from(op & 1)],
        0x58..=0x5f | 0x8f => c.stack(),
        0x63 => [4, 2][usize::from(c.short && !c.wide)],
        0x69 | 0x6b | 0x81 | 0x83 | 0x85 | 0x8b | 0xa1 | 0xa5 | 0xa7 | 0xad | 0xaf | 0xf7 => size,
        0x8e => 2,
        0xc9 => c.stack(),
        0xc2 | 0xc3 => 8,
        0xd8..=0xdf => x87(op, reg),
        0xff if reg == 2 || reg == 4 => 8,
        0xff if reg == 6 => c.stack(),
        _ => 1,
    }
}

fn x87(op: u8, reg: u8) -> u64 {
    match (op, reg) {
        (0xd8 | 0xda, _) | (0xd9 | 0xdb, 0) => 4,
        (0xdc, _) | (0xdd, 0) | (0xdf, 5) => 8,
        (0xdb, 5) | (0xdf, 4) => 10,
        (0xd9, 5) | (0xde, _) | (0xdf, 0) => 2,
        _ => 1,
    }
}

/// A number or a vector of them, as the prefix says.
fn number(c: &Code) -> u64 {
    match c.repeat {
        0xf3 => 4,
        0xf2 => 8,
        _ => VECTOR,
    }
}

/// A vector, of the old kind without a prefix.
fn packed(c: &Code) -> u64 {
    if c.short || c.repeat != 0 { VECTOR } else { 8 }
}

fn map1(c: &Code, op: u8, reg: u8) -> u64 {
    let size = c.size();
    match op {
        0x12 | 0x16 if c.repeat == 0xf3 => VECTOR,
        0x12 | 0x13 | 0x16 | 0x17 => 8,
        0x10 | 0x51 | 0x58 | 0x59 | 0x5c..=0x5f | 0xc2 => number(c),
        0x5a if c.repeat == 0 && !c.short => 8,
        0x5a => number(c),
        0x14 | 0x15 | 0x28 | 0x54..=0x57 | 0x5b | 0x7c | 0x7d | 0xc6 => VECTOR,
        0x2a if c.repeat != 0 => c.word(),
        0x2c | 0x2d if c.repeat == 0xf3 => 4,
        0x2d | 0x2c if c.repeat == 0xf2 => 8,
        0x2a => 8,
        0x2c | 0x2d => [8, VECTOR][usize::from(c.short)],
        0x2e | 0x2f => [4, 8][usize::from(c.short)],
        0x52 | 0x53 if c.repeat == 0xf3 => 4,
        0x52 | 0x53 => VECTOR,
        0x60..=0x62 if !c.short => 4,
        0x6e => c.word(),
        0x60..=0x6d | 0x6f | 0x70 | 0x74..=0x76 => packed(c),
        0x7e if c.repeat == 0xf3 => 8,
        0xc4 | 0xb7 | 0xbf => 2,
        0x40..=0x4f | 0xa3 | 0xaf | 0xb8 | 0xba | 0xbc | 0xbd => size,
        0xae if reg == 2 => 4,
        0xe6 if c.repeat == 0xf3 => 8,
        0xd0..=0xfe => packed(c),
        _ => 1,
    }
}

fn map2(c: &Code, op: u8) -> u64 {
    match op {
        0x20 | 0x23 | 0x25 | 0x30 | 0x33 | 0x35 => 8,
        0x21 | 0x24 | 0x31 | 0x34 => 4,
        0x22 | 0x32 => 2,
        0xf0 if c.repeat == 0xf2 => 1,
        0xf0 | 0xf1 => c.size(),
        0xf5..=0xf7 => c.word(),
        0x00..=0x0b | 0x1c..=0x1e => packed(c),
        0x10..=0x17 | 0x28..=0x2b | 0x37..=0x41 | 0xc8..=0xdf => VECTOR,
        _ => 1,
    }
}

fn map3(c: &Code, op: u8) -> u64 {
    match op {
        0x0a | 0x21 => 4,
        0x0b => 8,
        0x0f => packed(c),
        0x22 => c.word(),
        0x08..=0x0e | 0x40..=0x44 | 0x60..=0x63 | 0xcc | 0xdf => VECTOR,
        _ => 1,
    }
}

/// The forms with three operands: those of the maps above, and broadcasts.
fn vex(m: &impl Machine, mut c: Code, op: u8) -> u64 {
    let first = c.next(m);
    let (map, last) = if op == 0xc5 { (1, first) } else { (first & 31, c.next(m)) };
    c.wide = op == 0xc4 && last & 0x80 != 0;
    (c.short, c.repeat) = [(false, 0), (true, 0), (false, 0xf3), (false, 0xf2)][last as usize & 3];
    let op = c.next(m);
    let element = [4, 8][usize::from(c.wide)];
    let len = match (map, op) {
        // Counts of shifts.
        (1, 0xd1..=0xd3 | 0xe1 | 0xe2 | 0xf1..=0xf3) => return VECTOR,
        (1, op) => map1(&c, op, m.byte(c.at) >> 3 & 7),
        (2, 0x0c..=0x0f | 0x16 | 0x36 | 0x45..=0x47) => VECTOR,
        (2, 0x13) => return 8 << (last >> 2 & 1),
        (2, 0x18 | 0x58) => 4,
        (2, 0x19 | 0x59) => 8,
        (2, 0x1a | 0x5a) => return VECTOR,
        (2, 0x78) => 1,
        (2, 0x79) => 2,
        (2, 0x8c | 0x90..=0x93 | 0x2c | 0x2d) => element,
        (2, 0x20..=0x25 | 0x30..=0x35) => return map2(&c, op) << (last >> 2 & 1),
        (2, 0x96..=0x98 | 0x9a | 0x9c | 0x9e | 0xa6..=0xa8 | 0xaa | 0xac | 0xae) => VECTOR,
        (2, 0xb6..=0xb8 | 0xba | 0xbc | 0xbe) => VECTOR,
        (2, 0x99 | 0x9b | 0x9d | 0x9f | 0xa9 | 0xab | 0xad | 0xaf) => element,
        (2, 0xb9 | 0xbb | 0xbd | 0xbf) => element,
        (2, 0xf2 | 0xf3 | 0xf5..=0xf7) => c.word(),
        (2, op) => map2(&c, op),
        (3, 0xf0) => c.word(),
        (3, 0x18 | 0x38) => return VECTOR,
        (3, 0x00..=0x06 | 0x4a..=0x4c) => VECTOR,
        (3, op) => map3(&c, op),
        _ => 1,
    };
    if len == VECTOR { VECTOR << (last >> 2 & 1) } else { len }
}

/// The forms of AVX-512 that libc uses: moves of whole registers, arithmetic and comparisons. What
/// a mask chooses, and what is narrowed or spread, counts as one byte.
fn evex(m: &impl Machine, mut c: Code) -> u64 {
    let bytes: [u8; 4] = core::array::from_fn(|_| c.next(m));
    let [first, second, third, op] = bytes;
    (c.short, c.repeat) =
        [(false, 0), (true, 0), (false, 0xf3), (false, 0xf2)][second as usize & 3];
    c.wide = second & 0x80 != 0;
    let (masked, spread) = (third & 7 != 0, third & 0x10 != 0);
    if masked || spread {
        return 1;
    }
    let len = match (first & 7, op) {
        (1, 0x10 | 0x28 | 0x51 | 0x54..=0x59 | 0x5c..=0x5f | 0x64..=0x66 | 0x6f) => {
            map1(&c, op, m.byte(c.at) >> 3 & 7)
        }
        (1, 0x74..=0x76 | 0xda | 0xde | 0xdb | 0xdf | 0xeb | 0xef | 0xd4 | 0xfa..=0xfe) => VECTOR,
        (2, 0x26 | 0x27 | 0x38..=0x3f) if c.short => VECTOR,
        (3, 0x1e | 0x1f | 0x25 | 0x3e | 0x3f) => VECTOR,
        _ => 1,
    };
    if len == VECTOR { VECTOR << (third >> 5 & 3) } else { len }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced_x86::{Decoder, DecoderOptions, InstructionInfoFactory, OpAccess};
    use std::collections::BTreeMap;

    /// Code alone: how much is read depends on nothing else.
    struct Bytes([u8; 15]);

    impl Machine for Bytes {
        fn byte(&self, at: usize) -> u8 {
            self.0.get(at).copied().unwrap_or_default()
        }
        fn ip(&self) -> u64 {
            0
        }
        fn register(&self, _: u8) -> u64 {
            0
        }
        fn fs(&self) -> u64 {
            0
        }
        fn vector(&self, _: u8) -> [u8; 64] {
            [0; 64]
        }
        fn mask(&self, _: u8) -> u64 {
            0
        }
        fn state_size(&self) -> u64 {
            0
        }
    }

    /// The most that an operand in memory is read, as iced says; nothing for no read.
    fn expected(m: &Bytes, info: &mut InstructionInfoFactory) -> Option<((String, [u8; 15]), u64)> {
        let i = Decoder::with_ip(64, &m.0, 0, DecoderOptions::NONE).decode();
        if i.is_invalid() {
            return None;
        }
        let reads = [OpAccess::Read, OpAccess::CondRead, OpAccess::ReadWrite];
        let used = info.info(&i).used_memory().iter();
        let sizes = used.filter(|u| reads.contains(&u.access()));
        let size = sizes.map(|u| u.memory_size().size() as u64).max()?;
        (size > 0).then(|| ((format!("{:?}", i.code()), m.0), size))
    }

    #[test]
    fn never_more_than_is_read() {
        let mut info = InstructionInfoFactory::new();
        let mut wrong = BTreeMap::new();
        let (mut state, mut exact, mut all) = (1u64, 0u32, 0u32);
        let mut next = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 33) as u8
        };
        for round in 0..3_000_000u32 {
            let mut code: [u8; 15] = core::array::from_fn(|_| next());
            let prefix: &[u8] = [&[][..], &[0x66], &[0xf2], &[0xf3]][next() as usize & 3];
            let map: &[u8] = match round % 8 {
                0 => &[0x0f],
                1 => &[0x0f, 0x38],
                2 => &[0x0f, 0x3a],
                3 => &[0xc5],
                4 => &[0xc4, 0xe0 | (1 + next() % 3)],
                5 => &[0x62, 0xf0 | (1 + next() % 3)],
                6 => &[0x48],
                _ => &[],
            };
            let prefix = if matches!(round % 8, 3..=5) { &[] } else { prefix };
            code[..prefix.len()].copy_from_slice(prefix);
            code[prefix.len()..prefix.len() + map.len()].copy_from_slice(map);
            let m = Bytes(code);
            let Some((what, size)) = expected(&m, &mut info) else { continue };
            let len = len(&m);
            if len > size {
                wrong.entry(what.0).or_insert((what.1, len, size));
            }
            exact += u32::from(len == size);
            all += 1;
        }
        println!("{exact} of {all} exact");
        assert!(wrong.is_empty(), "bytes, counted, read: {wrong:02x?}");
        assert!(exact > all / 2, "{exact} of {all} exact");
    }

    #[test]
    fn what_compilers_and_libc_read_with() {
        let cases: [(&[u8], u64); 18] = [
            (&[0x8a, 0x07], 1),
            (&[0x66, 0x8b, 0x07], 2),
            (&[0x8b, 0x07], 4),
            (&[0x48, 0x8b, 0x07], 8),
            (&[0x0f, 0xb6, 0x07], 1),
            (&[0x0f, 0xb7, 0x07], 2),
            (&[0x48, 0x63, 0x07], 4),
            (&[0x48, 0x3b, 0x07], 8),
            (&[0x80, 0x3f, 0x00], 1),
            (&[0x48, 0x83, 0x3f, 0x00], 8),
            (&[0xf3, 0x0f, 0x10, 0x07], 4),
            (&[0xf2, 0x0f, 0x58, 0x07], 8),
            (&[0x0f, 0x10, 0x07], 16),
            (&[0xf3, 0x0f, 0x6f, 0x07], 16),
            (&[0xc5, 0xfe, 0x6f, 0x07], 32),
            (&[0x62, 0xf1, 0xfe, 0x28, 0x6f, 0x07], 32),
            (&[0x62, 0xf1, 0xfe, 0x48, 0x6f, 0x07], 64),
            (&[0xa4], 1),
        ];
        for (bytes, wanted) in cases {
            let mut code = [0; 15];
            code[..bytes.len()].copy_from_slice(bytes);
            assert_eq!(len(&Bytes(code)), wanted, "{bytes:02x?}");
        }
    }
}
