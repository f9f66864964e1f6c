//! Which bytes the vector instructions of AVX and AVX-512 write.

use super::decode::{Code, Kind, Machine, Operand, extract, masked_move, store};

/// Prefixes of the instructions, as VEX and EVEX number them: none, 66, F3, F2.
const NONE: u8 = 0;
const P66: u8 = 1;
const F3: u8 = 2;
const F2: u8 = 3;

/// VEX: AVX and AVX2.
pub(super) fn vex(
    m: &impl Machine,
    mut c: Code,
    first: u8,
    each: &mut impl FnMut(u64, u64),
) -> Kind {
    let mut bits = c.next(m);
    c.high = [bits >> 7 ^ 1, 0, 0];
    let mut map = 1;
    if first == 0xc4 {
        (c.high[1], c.high[2], map) = (bits >> 6 & 1 ^ 1, bits >> 5 & 1 ^ 1, bits & 31);
        bits = c.next(m);
        c.wide = bits >> 7 != 0;
    }
    let (prefix, other) = (bits & 3, bits >> 3 & 15 ^ 15);
    let all: u64 = if bits & 4 != 0 { 32 } else { 16 };
    let op = c.next(m);
    let o = c.operand(m, u64::from(map == 3), 1, true);
    let len = match (map, op) {
        (1, 0x11) if prefix == F3 => 4,
        (1, 0x11) if prefix == F2 => 8,
        (1, 0x11 | 0x29 | 0x2b | 0x7f | 0xe7) => all,
        (1, 0x13 | 0x17 | 0xd6) => 8,
        (1, 0x7e) => c.word(),
        (1, 0xae) if o.reg & 7 == 3 => 4,
        (1, 0xf7) => return masked_move(m, &c, o, true, each),
        (1, 0x91) => match (prefix, c.wide) {
            (P66, false) => 1,
            (NONE, false) => 2,
            (P66, true) => 4,
            _ => 8,
        },
        (2, 0x2e) => return by_sign(m, o, other, 4, all, each),
        (2, 0x2f) => return by_sign(m, o, other, 8, all, each),
        (2, 0x8e) => return by_sign(m, o, other, c.word(), all, each),
        (2, 0xe0..=0xef) => c.word(),
        (3, 0x19 | 0x39) => 16,
        (3, 0x1d) => all / 2,
        (3, _) => extract(op, c.wide),
        _ => 0,
    };
    store(o, len, each)
}

/// Stores the elements whose element of the mask vector is negative.
fn by_sign(
    m: &impl Machine,
    o: Operand,
    mask: u8,
    element: u64,
    all: u64,
    each: &mut impl FnMut(u64, u64),
) -> Kind {
    let mask = m.vector(mask);
    let negative = |i: u64| mask[((i + 1) * element) as usize - 1] >> 7;
    let bits = (0..all / element).fold(0, |bits, i| bits | u64::from(negative(i)) << i);
    by_mask(o, bits, element, all, each)
}

/// Stores the elements whose bits are set.
fn by_mask(o: Operand, bits: u64, element: u64, all: u64, each: &mut impl FnMut(u64, u64)) -> Kind {
    let Some(addr) = o.addr else { return Kind::Unknown };
    for i in (0..all / element).filter(|i| bits >> i & 1 != 0) {
        each(addr.wrapping_add(i * element), element);
    }
    Kind::Plain
}

/// EVEX: AVX-512.
pub(super) fn evex(m: &impl Machine, mut c: Code, each: &mut impl FnMut(u64, u64)) -> Kind {
    let [a, b, z] = [c.next(m), c.next(m), c.next(m)];
    c.high = [a >> 7 & 1 ^ 1, a >> 6 & 1 ^ 1, a >> 5 & 1 ^ 1];
    c.wide = b >> 7 != 0;
    let (map, prefix) = (a & 7, b & 3);
    let all = 16u64 << (z >> 5 & 3).min(2);
    let bits = match z & 7 {
        0 => u64::MAX,
        k => m.mask(k),
    };
    let op = c.next(m);
    let narrow = [all / 2, all / 4, all / 8, all / 2, all / 4, all / 2];
    let elements = [1, 1, 1, 2, 2, 4];
    let kind = usize::from(op & 15);
    // Bytes of the whole vector as it is stored, and of one element.
    let (len, element) = match (map, op) {
        (1, 0x11) if prefix == F3 => (4, 4),
        (1, 0x11) if prefix == F2 => (8, 8),
        (1, 0x7f) if prefix == F2 => (all, if c.wide { 2 } else { 1 }),
        (1, 0x11 | 0x29 | 0x2b | 0x7f | 0xe7) => (all, c.word()),
        (1, 0x13 | 0x17 | 0xd6) => (8, 8),
        (1, 0x7e) => (c.word(), c.word()),
        (2, 0x10..=0x15 | 0x20..=0x25 | 0x30..=0x35) if prefix == F3 => {
            (narrow[kind], elements[kind])
        }
        (2, 0x63 | 0x8a | 0x8b) => {
            let element = if op == 0x63 { 1 + u64::from(c.wide) } else { c.word() };
            let o = c.operand(m, 0, element, true);
            let count = all / element;
            let of = if count < 64 { (1 << count) - 1 } else { u64::MAX };
            return store(o, u64::from((bits & of).count_ones()) * element, each);
        }
        (2, 0xa0..=0xa3) => return scatter(m, c, op, z, all, bits, each),
        (3, 0x14..=0x17) => (extract(op, c.wide), extract(op, c.wide)),
        (3, 0x19 | 0x39) => (16, c.word()),
        (3, 0x1b | 0x3b) => (32, c.word()),
        (3, 0x1d) => (all / 2, 2),
        (5, 0x11 | 0x7e) => (2, 2),
        _ => return Kind::Unknown,
    };
    let o = c.operand(m, u64::from(map == 3), len, true);
    by_mask(o, bits, element, len, each)
}

/// Stores elements at a base plus the elements of an index vector.
fn scatter(
    m: &impl Machine,
    mut c: Code,
    op: u8,
    z: u8,
    all: u64,
    bits: u64,
    each: &mut impl FnMut(u64, u64),
) -> Kind {
    let element = c.word();
    let index_size = if op & 1 == 0 { 4 } else { 8 };
    let sib = m.byte(c.at + 1);
    let index = sib >> 3 & 7 | c.high[1] << 3 | (z >> 3 & 1 ^ 1) << 4;
    // The segment is added once, to the base.
    let Some(base) = c.operand(m, 0, element, false).addr else { return Kind::Unknown };
    let vector = m.vector(index);
    for i in (0..all / element.max(index_size)).filter(|i| bits >> i & 1 != 0) {
        let at = (i * index_size) as usize;
        let mut word = [0; 8];
        word[..index_size as usize].copy_from_slice(&vector[at..at + index_size as usize]);
        let unused = 64 - 8 * index_size as u32;
        let value = (u64::from_le_bytes(word) << unused) as i64 >> unused;
        let addr = base.wrapping_add((value as u64) << (sib >> 6));
        each(if c.narrow { addr & 0xffff_ffff } else { addr }, element);
    }
    Kind::Plain
}
