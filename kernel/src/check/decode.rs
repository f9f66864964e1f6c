//! Which bytes an instruction writes (x86-64, user mode).
//!
//! Asked only about an instruction that was refused a write, so whether it writes is known:
//! the question is where and how many bytes. What the tables here do not know is answered by
//! [`Kind::Unknown`], and the caller takes more than enough. Tests compare with `iced-x86`.
//!
//! Exact for every instruction that a compiler or libc uses to store, masked and scattered
//! stores included. More than exact, by design: a compare-and-exchange that fails writes the
//! old value back and counts; the XSAVE family counts with the full size of its area.

use super::vector;

/// The state of a processor that is about to run an instruction again.
pub(crate) trait Machine {
    /// Byte `at` of the instruction.
    fn byte(&self, at: usize) -> u8;
    /// Address of the instruction.
    fn ip(&self) -> u64;
    /// General register by its number in encodings.
    fn register(&self, n: u8) -> u64;
    /// Base of the segment FS.
    fn fs(&self) -> u64;
    /// Vector register, zero above its width.
    fn vector(&self, n: u8) -> [u8; 64];
    /// Mask register.
    fn mask(&self, n: u8) -> u64;
    /// Bytes of a full state area of XSAVE.
    fn state_size(&self) -> u64;
}

/// What is known of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Unknown,
    /// All that it writes.
    Plain,
    /// All that it writes; it writes the flags.
    Flags,
}

/// Where in an instruction the decoder is, and what prefixes said.
#[derive(Clone, Copy, Default)]
pub(super) struct Code {
    pub at: usize,
    /// Operands of two bytes, as prefix 66 says.
    pub short: bool,
    /// Addresses of four bytes.
    pub narrow: bool,
    /// The last of F2 and F3.
    pub repeat: u8,
    /// Base of the segment that a prefix names.
    pub segment: u64,
    /// REX.W and its like.
    pub wide: bool,
    /// Bit 3 of register numbers: reg, index, base.
    pub high: [u8; 3],
}

/// A memory operand.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    /// The register operand beside it.
    pub reg: u8,
    /// Number of the register in its place; valid where `addr` is none.
    pub rm: u8,
    pub addr: Option<u64>,
    /// Base register.
    pub base: Option<u8>,
}

impl Code {
    pub fn next(&mut self, m: &impl Machine) -> u8 {
        let b = m.byte(self.at);
        self.at += 1;
        b
    }

    /// A little-endian number of `n` bytes, sign-extended.
    pub fn number(&mut self, m: &impl Machine, n: usize) -> i64 {
        let mut value = 0u64;
        for i in 0..n {
            value |= u64::from(self.next(m)) << (8 * i);
        }
        let unused = 64 - 8 * n as u32;
        if n == 0 { 0 } else { (value << unused) as i64 >> unused }
    }

    /// Size of a general operand.
    pub fn size(&self) -> u64 {
        match (self.wide, self.short) {
            (true, _) => 8,
            (false, true) => 2,
            (false, false) => 4,
        }
    }

    /// Size of what is pushed.
    pub fn stack(&self) -> u64 {
        if self.short && !self.wide { 2 } else { 8 }
    }

    /// 4 or 8: operands that prefix 66 does not shorten.
    pub fn word(&self) -> u64 {
        if self.wide { 8 } else { 4 }
    }

    /// An address in its segment.
    pub fn linear(&self, addr: u64) -> u64 {
        let addr = if self.narrow { addr & 0xffff_ffff } else { addr };
        addr.wrapping_add(self.segment)
    }

    /// The operands that a ModRM byte names. `immediate` bytes follow them; a displacement of
    /// one byte counts in units of `unit`. With `index` none, the index is no general register
    /// and is left out.
    pub fn operand(
        &mut self,
        m: &impl Machine,
        immediate: u64,
        unit: u64,
        indexed: bool,
    ) -> Operand {
        let modrm = self.next(m);
        let (mode, rm) = (modrm >> 6, modrm & 7);
        let reg = modrm >> 3 & 7 | self.high[0] << 3;
        if mode == 3 {
            return Operand { reg, rm: rm | self.high[2] << 3, addr: None, base: None };
        }
        let mut addr = 0u64;
        let mut base = None;
        if rm == 4 {
            let sib = self.next(m);
            let index = sib >> 3 & 7 | self.high[1] << 3;
            if indexed && index != 4 {
                addr = m.register(index) << (sib >> 6);
            }
            if sib & 7 != 5 || mode != 0 {
                base = Some(sib & 7 | self.high[2] << 3);
            }
        } else if rm != 5 || mode != 0 {
            base = Some(rm | self.high[2] << 3);
        }
        addr = addr.wrapping_add(base.map_or(0, |r| m.register(r)));
        let displacement = match mode {
            1 => self.number(m, 1).wrapping_mul(unit as i64),
            _ if mode == 2 || base.is_none() => self.number(m, 4),
            _ => 0,
        };
        addr = addr.wrapping_add_signed(displacement);
        if rm == 5 && mode == 0 {
            addr = addr.wrapping_add(m.ip() + self.at as u64 + immediate);
        }
        Operand { reg, rm, addr: Some(self.linear(addr)), base }
    }
}

/// Reads the prefixes; the opcode behind them, and whether one of them locks the bus. `None` for a
/// segment whose base is not known.
pub(super) fn prefixes(m: &impl Machine) -> Option<(Code, u8, bool)> {
    let mut c = Code::default();
    let mut locked = false;
    let mut op = c.next(m);
    while c.at < 15 {
        let rex = op & 0xf0 == 0x40;
        match op {
            0x66 => c.short = true,
            0x67 => c.narrow = true,
            0xf2 | 0xf3 => c.repeat = op,
            0x64 => c.segment = m.fs(),
            // Nobody uses GS on Linux.
            0x65 => return None,
            0xf0 => locked = true,
            // The others have none.
            0x26 | 0x2e | 0x36 | 0x3e => {}
            _ if rex => {}
            _ => break,
        }
        // A REX prefix counts only right before the opcode.
        let rex = if rex { op } else { 0 };
        (c.wide, c.high) = (rex & 8 != 0, [rex >> 2 & 1, rex >> 1 & 1, rex & 1]);
        op = c.next(m);
    }
    Some((c, op, locked))
}

/// Address and step of an instruction that adds one to a word of eight bytes or takes one away, in
/// one step for all who look.
pub(crate) fn counted(m: &impl Machine) -> Option<(u64, i64)> {
    let (mut c, op, locked) = prefixes(m)?;
    if !locked || !c.wide {
        return None;
    }
    let immediate = match op {
        0x83 => 1,
        0x81 => 4,
        _ => 0,
    };
    let op = match op {
        0x0f if c.next(m) == 0xc1 => 0xc1,
        0x0f | 0xc1 => return None,
        op => op,
    };
    let o = c.operand(m, immediate, 1, true);
    let step = match (op, o.reg & 7) {
        (0xff, 0) => 1,
        (0xff, 1) => -1,
        (0x81 | 0x83, 0) => c.number(m, immediate as usize),
        (0x81 | 0x83, 5) => c.number(m, immediate as usize).wrapping_neg(),
        (0x01 | 0xc1, _) => m.register(o.reg) as i64,
        (0x29, _) => (m.register(o.reg) as i64).wrapping_neg(),
        _ => return None,
    };
    o.addr.filter(|_| step == 1 || step == -1).map(|addr| (addr, step))
}

/// Calls `each` with address and length of everything that the instruction writes.
pub(crate) fn writes(m: &impl Machine, each: &mut impl FnMut(u64, u64)) -> Kind {
    let Some((mut c, op, _)) = prefixes(m) else { return Kind::Unknown };
    match op {
        0xc4 | 0xc5 => vector::vex(m, c, op, each),
        0x62 => vector::evex(m, c, each),
        0x0f => match c.next(m) {
            0x38 => map2(m, c, each),
            0x3a => map3(m, c, each),
            op => map1(m, c, op, each),
        },
        _ => map0(m, c, op, each),
    }
}

/// Writes to an operand: `None` is a register, which nobody asks about.
pub(super) fn store(o: Operand, len: u64, each: &mut impl FnMut(u64, u64)) -> Kind {
    match o.addr {
        Some(addr) if len > 0 => {
            each(addr, len);
            Kind::Plain
        }
        _ => Kind::Unknown,
    }
}

/// Writes to the stack.
fn push(m: &impl Machine, len: u64, each: &mut impl FnMut(u64, u64)) -> Kind {
    each(m.register(4).wrapping_sub(len), len);
    Kind::Plain
}

fn map0(m: &impl Machine, mut c: Code, op: u8, each: &mut impl FnMut(u64, u64)) -> Kind {
    let size = c.size();
    let stack = c.stack();
    let destination = |c: &Code| c.linear(m.register(7)).wrapping_sub(c.segment);
    // Length of the immediate that follows the operand.
    let immediate = match op {
        0x80 | 0x83 | 0xc0 | 0xc1 | 0xc6 => 1,
        0x81 | 0xc7 => size.min(4),
        _ => 0,
    };
    match op {
        0x50..=0x57 | 0x68 | 0x6a => return push(m, stack, each),
        0xe8 => return push(m, 8, each),
        0x9c => {
            push(m, stack, each);
            return Kind::Flags;
        }
        0xc8 => {
            c.at += 2;
            let level = u64::from(c.next(m) & 31);
            return push(m, stack * (level + 1), each);
        }
        0xa2 | 0xa3 => {
            let addr = c.number(m, if c.narrow { 4 } else { 8 }) as u64;
            each(c.linear(addr), if op == 0xa2 { 1 } else { size });
            return Kind::Plain;
        }
        // Strings, element by element.
        0x6c | 0xa4 | 0xaa => {
            each(destination(&c), 1);
            return Kind::Plain;
        }
        0x6d | 0xa5 | 0xab => {
            each(destination(&c), if op == 0x6d { size.min(4) } else { size });
            return Kind::Plain;
        }
        _ => {}
    }
    let o = c.operand(m, immediate, 1, true);
    let reg = o.reg & 7;
    let len = match op {
        0x00..=0x3f if op & 7 == 0 => 1,
        0x00..=0x3f if op & 7 == 1 => size,
        0x80 | 0x86 | 0x88 | 0xc0 | 0xd0 | 0xd2 | 0xc6 | 0xfe => 1,
        0x81 | 0x83 | 0x87 | 0x89 | 0xc1 | 0xd1 | 0xd3 | 0xc7 => size,
        0x8c => 2,
        0x8f => {
            // The stack pointer counts as it is after the pop.
            let above = if o.base == Some(4) { stack } else { 0 };
            return store(Operand { addr: o.addr.map(|a| a + above), ..o }, stack, each);
        }
        0xf6 if reg == 2 || reg == 3 => 1,
        0xf7 if reg == 2 || reg == 3 => size,
        0xff if reg < 2 => size,
        0xff if reg == 2 => return push(m, 8, each),
        0xff if reg == 3 => return push(m, 2 * size, each),
        0xff if reg == 6 => return push(m, stack, each),
        0xd9 | 0xdb | 0xdd | 0xdf => x87(op, reg, c.short && !c.wide),
        _ => 0,
    };
    store(o, len, each)
}

fn x87(op: u8, reg: u8, short: bool) -> u64 {
    match (op, reg) {
        (0xd9, 2 | 3) | (0xdb, 1..=3) => 4,
        (0xd9, 6) => [28, 14][usize::from(short)],
        (0xd9, 7) | (0xdd, 7) | (0xdf, 1..=3) => 2,
        (0xdb, 7) | (0xdf, 6) => 10,
        (0xdd, 1..=3) | (0xdf, 7) => 8,
        (0xdd, 6) => [108, 94][usize::from(short)],
        _ => 0,
    }
}

fn map1(m: &impl Machine, mut c: Code, op: u8, each: &mut impl FnMut(u64, u64)) -> Kind {
    let size = c.size();
    if op == 0xa0 || op == 0xa8 {
        return push(m, c.stack(), each);
    }
    let immediate = matches!(op, 0xa4 | 0xac | 0xba);
    let o = c.operand(m, u64::from(immediate), 1, true);
    let reg = o.reg & 7;
    let len = match op {
        0x00 if reg < 2 => 2,
        0x01 if reg < 2 => 10,
        0x01 if reg == 4 => 2,
        0x11 | 0x2b if c.repeat == 0xf3 => 4,
        0x11 | 0x2b if c.repeat == 0xf2 => 8,
        0x11 | 0x29 | 0x2b => 16,
        0x13 | 0x17 => 8,
        0x7e => c.word(),
        0x7f if c.repeat != 0xf3 && !c.short => 8,
        0x7f => 16,
        0x90..=0x9f | 0xb0 | 0xc0 => 1,
        0xa4 | 0xa5 | 0xac | 0xad | 0xb1 | 0xc1 => size,
        0xab | 0xb3 | 0xbb => {
            // The bit may lie in any word beside the operand.
            let unused = 64 - 8 * size as u32;
            let bit = (m.register(o.reg) << unused) as i64 >> unused;
            let words = bit.div_euclid(8 * size as i64);
            let at = |a: u64| a.wrapping_add_signed(words * size as i64);
            return store(Operand { addr: o.addr.map(at), ..o }, size, each);
        }
        0xba if reg > 4 => size,
        0xae if reg == 0 => 512,
        0xae if reg == 3 => 4,
        0xae if (reg == 4 || reg == 6) && c.repeat == 0 && !c.short => m.state_size(),
        0xc3 => c.word(),
        0xc7 if reg == 1 => 2 * c.word(),
        0xc7 if reg == 4 || reg == 5 => m.state_size(),
        0xd6 => 8,
        0xe7 => [8, 16][usize::from(c.short)],
        0xf7 => return masked_move(m, &c, o, c.short, each),
        _ => 0,
    };
    store(o, len, each)
}

/// MASKMOVDQU and MASKMOVQ: the bytes at RDI whose mask byte is negative; of the MMX form all.
pub(super) fn masked_move(
    m: &impl Machine,
    c: &Code,
    o: Operand,
    vector: bool,
    each: &mut impl FnMut(u64, u64),
) -> Kind {
    let to = c.linear(m.register(7));
    if !vector {
        each(to, 8);
        return Kind::Plain;
    }
    let mask = m.vector(o.rm);
    (0..16).filter(|&i| mask[i as usize] >> 7 != 0).for_each(|i| each(to + i, 1));
    Kind::Plain
}

fn map2(m: &impl Machine, mut c: Code, each: &mut impl FnMut(u64, u64)) -> Kind {
    let op = c.next(m);
    let o = c.operand(m, 0, 1, true);
    let len = match op {
        0xf1 => c.size(),
        0xf5 | 0xf6 | 0xf9 | 0xfc => c.word(),
        0xf8 => {
            // 64 bytes to where the register operand points.
            each(c.linear(m.register(o.reg)).wrapping_sub(c.segment), 64);
            return Kind::Plain;
        }
        _ => 0,
    };
    store(o, len, each)
}

fn map3(m: &impl Machine, mut c: Code, each: &mut impl FnMut(u64, u64)) -> Kind {
    let op = c.next(m);
    let len = extract(op, c.wide);
    store(c.operand(m, 1, 1, true), len, each)
}

/// Bytes that the instructions write which extract an element.
pub(super) fn extract(op: u8, wide: bool) -> u64 {
    match op {
        0x14 => 1,
        0x15 => 2,
        0x16 if wide => 8,
        0x16 | 0x17 => 4,
        _ => 0,
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
