//! Memory that a leaf has to itself: its part of a slice that is cut among all leaves of a call.

/// Bytes that nobody but the owner of the producer that names them can use while it lives.
///
/// The engine may let a leaf write there in place (docs/exec.md, "Grants in place"); nothing that a
/// program can see depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exclusive {
    /// Address and length. Invariant: those of a slice that was borrowed mutably by whoever owns the
    /// producer that answered with it.
    bytes: (usize, usize),
}

impl Exclusive {
    /// No memory.
    pub const NONE: Exclusive = Exclusive { bytes: (0, 0) };

    /// What a producer that owns this borrow has to itself. It must not be asked of one that does
    /// not keep it.
    pub(crate) fn of<T>(items: &mut [T]) -> Exclusive {
        Exclusive { bytes: (items.as_ptr().addr(), size_of_val(items)) }
    }

    /// The larger of two.
    pub(in crate::iter) fn or(self, other: Exclusive) -> Exclusive {
        if self.bytes.1 < other.bytes.1 { other } else { self }
    }

    /// Whether there is any.
    pub(in crate::iter) fn is_none(self) -> bool {
        self.bytes.1 == 0
    }

    /// Address and length in bytes.
    #[cfg(feature = "spaces")]
    pub(crate) fn bytes(self) -> (usize, usize) {
        self.bytes
    }
}
