//! What an input says, value by value; behind its end all is zero.

pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Input(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub fn word(&mut self) -> u32 {
        u32::from(self.short()) | u32::from(self.short()) << 16
    }

    /// A number of any size, small ones more often.
    pub fn number(&mut self) -> u64 {
        let bits = self.byte() % 64;
        (u64::from(self.word()) | u64::from(self.word()) << 32) & (u64::MAX >> (63 - bits))
    }

    /// How many bytes to write or read at once: up to 128 KiB, small numbers more often, since most
    /// of an execution's time would go into large ones.
    pub fn size(&mut self) -> usize {
        let bits = self.byte() % 18;
        (self.short() as usize | (self.byte() as usize) << 16) & ((1 << bits) - 1)
    }

    pub fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
