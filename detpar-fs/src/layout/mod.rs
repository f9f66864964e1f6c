//! The bits of blocks: what lies where, and nothing else. `docs/fs-spec.md` has the same tables;
//! a test compares them.

pub(crate) mod dirblock;
pub(crate) mod group;
pub(crate) mod inode;
pub(crate) mod superblock;

#[cfg(test)]
mod spec;

/// Bytes of a block.
pub const BLOCK: usize = 4096;

/// One block.
pub(crate) type Block = [u8; BLOCK];

/// What a block reads as that was never written.
pub(crate) static ZERO: Block = [0; BLOCK];

/// Pointers in an indirect block.
pub(crate) const POINTERS: u64 = (BLOCK / 4) as u64;

/// A number in a structure: little-endian, at a fixed place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// As in the specification.
    pub name: &'static str,
    /// Bytes from the structure's start.
    pub at: usize,
    /// Bytes of the number: 1, 2, 4 or 8.
    pub len: usize,
}

impl Field {
    /// Reads the number.
    #[inline(always)]
    pub fn get(self, from: &[u8]) -> u64 {
        match self.len {
            1 => u64::from(from[self.at]),
            2 => u64::from(u16::from_le_bytes([from[self.at], from[self.at + 1]])),
            4 => u64::from(get_u32(from, self.at)),
            _ => {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(&from[self.at..self.at + 8]);
                u64::from_le_bytes(bytes)
            }
        }
    }

    /// Reads a number of four bytes or less.
    #[inline(always)]
    pub fn get32(self, from: &[u8]) -> u32 {
        self.get(from) as u32
    }

    /// Writes the number; what does not fit is cut off.
    #[inline(always)]
    pub fn put(self, to: &mut [u8], value: u64) {
        to[self.at..self.at + self.len].copy_from_slice(&value.to_le_bytes()[..self.len]);
    }
}

/// Names the fields of a structure and makes a table of them.
macro_rules! fields {
    ($table:ident; $($name:ident $at:literal $len:literal;)*) => {
        $(const $name: $crate::layout::Field =
            $crate::layout::Field { name: stringify!($name), at: $at, len: $len };)*
        #[cfg(test)]
        pub(crate) const $table: &[$crate::layout::Field] = &[$($name),*];
    };
}
pub(crate) use fields;

/// The 32-bit number at a byte's place.
#[inline(always)]
pub(crate) fn get_u32(from: &[u8], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&from[at..at + 4]);
    u32::from_le_bytes(bytes)
}

/// Writes the 32-bit number at a byte's place.
#[inline(always)]
pub(crate) fn put_u32(to: &mut [u8], at: usize, value: u32) {
    to[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// A new block of zeros.
pub(crate) fn zeroed() -> Box<Block> {
    boxed(vec![0; BLOCK])
}

/// A new block with these bytes, of which there must be a block's worth.
pub(crate) fn filled(bytes: &[u8]) -> Box<Block> {
    boxed(bytes.to_vec())
}

fn boxed(bytes: Vec<u8>) -> Box<Block> {
    match bytes.into_boxed_slice().try_into() {
        Ok(block) => block,
        Err(_) => unreachable!("a block has {BLOCK} bytes"),
    }
}
