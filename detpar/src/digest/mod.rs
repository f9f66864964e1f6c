//! Digests of values: the same for equal values in every run, of any build, on any day.
//!
//! A digest covers values, never raw memory: addresses, capacities and padding do not count.
//! It is XXH3 with 128 bits and seed 0 over the bytes that [`Digest::feed`] gives:
//!
//! | type | bytes |
//! |---|---|
//! | integers, `char`, `bool` | little-endian, in their own width; `usize` and `isize` as 64 bits |
//! | `f32`, `f64` | their bits: -0.0 and 0.0 differ, NaNs by their payload |
//! | `str`, `[T]`, `Vec`, ordered collections | the number of elements as `u64`, then each |
//! | tuples, arrays, ranges, derived structures | each part in order |
//! | `Option`, `Result`, derived enumerations | the variant's number as `u32`, then its parts |
//! | references, `Box`, `Rc`, `Arc`, `Cow`, `Cell` | what they hold |
//! | `HashMap`, `HashSet`, `BinaryHeap` | the number of entries, then the sum of the digests of each: order does not count |
//!
//! ```
//! use detpar::{Digest, digest};
//!
//! #[derive(Digest)]
//! struct Point { x: f64, y: f64 }
//!
//! assert_eq!(digest::of(&Point { x: 1.0, y: 2.0 }), digest::of(&(1.0, 2.0)));
//! assert_ne!(digest::of(&Point { x: 1.0, y: 2.0 }), digest::of(&Point { x: 2.0, y: 1.0 }));
//! assert_eq!(format!("{:032x}", digest::of("abc")), "45bcdc88efffd44520b986a5e7fe1438");
//! ```
//!
//! It serves comparison, not secrecy: whoever may choose a value can make two of one digest.
mod impls;

use twox_hash::XxHash3_128;

/// A value with a digest. `#[derive(Digest)]` implements it for structures and enumerations
/// whose parts have it.
///
/// ```
/// use detpar::digest::{Digest, Digester, of};
///
/// struct Celsius(f64);
///
/// impl Digest for Celsius {
///     fn feed(&self, to: &mut Digester) {
///         self.0.feed(to);
///     }
/// }
///
/// assert_eq!(of(&Celsius(20.0)), of(&20.0));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no digest",
    note = "derive it with `#[derive(detpar::Digest)]`, implement `detpar::Digest`, or return a \
            value that has one"
)]
pub trait Digest {
    /// Feeds the value to a digester.
    fn feed(&self, to: &mut Digester);
}

/// Takes bytes in and gives their digest.
///
/// ```
/// use detpar::digest::{Digester, of};
///
/// let mut digester = Digester::new();
/// digester.len(3);
/// digester.bytes(b"ab");
/// digester.bytes(b"c");
/// assert_eq!(digester.finish(), of("abc"));
/// ```
pub struct Digester(XxHash3_128);

impl Digester {
    /// One that was given nothing yet.
    pub fn new() -> Digester {
        Digester(XxHash3_128::with_seed(0))
    }

    /// Takes bytes as they are; where one piece ends and the next begins does not count.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// Takes a number of elements.
    pub fn len(&mut self, len: usize) {
        self.bytes(&(len as u64).to_le_bytes());
    }

    /// Takes a variant's number.
    pub fn variant(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    /// The digest of all that it was given.
    pub fn finish(&self) -> u128 {
        self.0.finish_128()
    }
}

impl Default for Digester {
    fn default() -> Digester {
        Digester::new()
    }
}

impl std::fmt::Debug for Digester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digester({:032x})", self.finish())
    }
}

/// The digest of a value.
///
/// ```
/// use detpar::digest::of;
/// assert_eq!(of("abc"), of(&String::from("abc")));
/// // Neighbours do not run together.
/// assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
/// ```
pub fn of<T: Digest + ?Sized>(value: &T) -> u128 {
    let mut digester = Digester::new();
    value.feed(&mut digester);
    digester.finish()
}
