//! A digest of results: two runs agree exactly when their digests do.
//!
//! It covers values, never raw memory, so that addresses, padding and spare capacity cannot
//! show in it.

/// FNV-1a with 128 bits. Not cryptographic: it tells runs apart, it does not resist attack.
#[derive(Clone)]
pub struct Fnv128(u128);

impl Fnv128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = (1 << 88) + 0x13b;

    /// The digest of nothing.
    pub fn new() -> Self {
        Fnv128(Self::OFFSET)
    }

    /// Takes in bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(Self::PRIME);
        }
    }

    /// The digest as 32 hexadecimal digits.
    pub fn hex(&self) -> String {
        format!("{:032x}", self.0)
    }
}

/// What can be taken into a digest.
pub trait Digest {
    /// Takes the value in.
    fn digest(&self, into: &mut Fnv128);
}

impl Digest for u64 {
    fn digest(&self, into: &mut Fnv128) {
        into.bytes(&self.to_le_bytes());
    }
}

/// By bits: two sums that print alike but were grouped differently are different results.
impl Digest for f64 {
    fn digest(&self, into: &mut Fnv128) {
        self.to_bits().digest(into);
    }
}

/// With the length first, so that "ab", "c" differs from "a", "bc".
impl Digest for str {
    fn digest(&self, into: &mut Fnv128) {
        (self.len() as u64).digest(into);
        into.bytes(self.as_bytes());
    }
}

impl<T: Digest> Digest for [T] {
    fn digest(&self, into: &mut Fnv128) {
        (self.len() as u64).digest(into);
        self.iter().for_each(|item| item.digest(into));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &(impl Digest + ?Sized)) -> String {
        let mut state = Fnv128::new();
        value.digest(&mut state);
        state.hex()
    }

    #[test]
    fn published_vectors() {
        for (text, want) in [
            ("", "6c62272e07bb014262b821756295c58d"),
            ("a", "d228cb696f1a8caf78912b704e4a8964"),
            ("ab", "08809544bbab1be95aa0733055b69a62"),
            ("abc", "a68d622cec8b5822836dbc7977af7f3b"),
        ] {
            let mut state = Fnv128::new();
            state.bytes(text.as_bytes());
            assert_eq!(state.hex(), want, "{text:?}");
        }
    }

    #[test]
    fn one_unit_in_the_last_place_shows() {
        assert_ne!(of(&(0.1 + 0.2)), of(&0.3));
        assert_ne!(of(&0.0), of(&-0.0));
        assert_eq!(of(&[1.5, 2.5][..]), of(&[1.5, 2.5][..]));
    }

    #[test]
    fn lengths_separate_neighbours() {
        let pair = |a: &str, b: &str| {
            let mut state = Fnv128::new();
            a.digest(&mut state);
            b.digest(&mut state);
            state.hex()
        };
        assert_ne!(pair("ab", "c"), pair("a", "bc"));
    }
}
