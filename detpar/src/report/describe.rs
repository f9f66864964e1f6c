//! Words for addresses of data and of code.
#[cfg(feature = "spaces")]
use super::symbols::{self, Code};
#[cfg(feature = "spaces")]
use super::unwind;
#[cfg(feature = "spaces")]
use kernel::abi::Trace;
use std::fmt;
#[cfg(feature = "spaces")]
use std::sync::OnceLock;

/// What lies at an address of the program's memory, as far as it is known.
///
/// Displayed as a phrase that names the byte: ``byte 0 of `program::TOTAL` ``.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// A static variable.
    #[non_exhaustive]
    Static {
        /// Its path. Missing where the program has no symbols, and where a child asks.
        name: Option<String>,
        /// File name of the library that it belongs to; nothing for the program itself.
        library: Option<String>,
        /// Bytes from its start; without a name, from the start of the program or library. Of
        /// a variable that an optimiser took apart: from the start of the part that is left.
        offset: usize,
    },
    /// A thread-local variable of the main thread.
    #[non_exhaustive]
    ThreadLocal {
        /// Its path. Missing where the program has no symbols.
        name: Option<String>,
        /// Bytes from its start; without a name, from the first such variable.
        offset: usize,
    },
    /// A block of the heap.
    #[non_exhaustive]
    Heap {
        /// Bytes from its start.
        offset: usize,
        /// Its size in bytes, rounded up as the allocator does.
        len: usize,
    },
    /// A local variable on the stack that main and its children run on.
    #[non_exhaustive]
    Stack {
        /// The address, which does not differ from run to run.
        address: usize,
    },
    /// An open file, which two children closed.
    #[non_exhaustive]
    Descriptor {
        /// Its number.
        number: i32,
    },
    /// None of these.
    #[non_exhaustive]
    Unknown {
        /// The address.
        address: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Static { name: Some(name), library, offset } => {
                write!(f, "byte {offset} of `{name}`")?;
                library.as_ref().map_or(Ok(()), |l| write!(f, " in {l}"))
            }
            Place::Static { name: None, library, offset } => {
                let object = library.as_deref().unwrap_or("the program");
                write!(f, "a static variable at offset {offset:#x} of {object}")
            }
            Place::ThreadLocal { name: Some(name), offset } => {
                write!(f, "byte {offset} of the thread-local variable `{name}`")
            }
            Place::ThreadLocal { name: None, offset } => {
                write!(f, "byte {offset} of the thread-local variables")
            }
            Place::Heap { offset, len } => {
                write!(f, "byte {offset} of a heap block of {len} bytes")
            }
            Place::Stack { address } => write!(f, "a local variable on the stack at {address:#x}"),
            Place::Descriptor { number } => write!(f, "descriptor {number}"),
            Place::Unknown { address } => write!(f, "the byte at {address:#x}"),
        }
    }
}

#[cfg(feature = "spaces")]
/// An address of data. Heap and stack are recognised at once, since blocks come and go;
/// names are looked up when asked for.
#[derive(Clone, Debug)]
pub(super) struct Address {
    address: usize,
    place: OnceLock<Place>,
}

#[cfg(feature = "spaces")]
impl Address {
    pub fn new(address: usize) -> Address {
        let place = OnceLock::new();
        if let Some((start, len)) = kernel::master::heap_block(address) {
            let _ = place.set(Place::Heap { offset: address - start, len });
        } else if kernel::master::in_stack(address) {
            let _ = place.set(Place::Stack { address });
        } else if let Some(number) = kernel::master::descriptor_at(address) {
            let _ = place.set(Place::Descriptor { number });
        }
        Address { address, place }
    }

    pub fn get(&self) -> usize {
        self.address
    }

    /// What lies there, as far as it was known at once.
    pub fn known(&self) -> Option<&Place> {
        self.place.get()
    }

    pub fn place(&self) -> Place {
        if let Some(place) = self.place.get() {
            return place.clone();
        }
        let place = match symbols::variable(self.address) {
            Some(v) if v.thread_local => Place::ThreadLocal { name: v.name, offset: v.offset },
            Some(v) => Place::Static { name: v.name, library: v.library, offset: v.offset },
            None => Place::Unknown { address: self.address },
        };
        // What a child finds is poor, and kept in one child it would conflict with the next.
        if kernel::master::in_child() {
            return place;
        }
        self.place.get_or_init(|| place).clone()
    }
}

#[cfg(feature = "spaces")]
/// An instruction. Its function and source line are looked up when asked for; where it lies in
/// the system's or the standard library, those of the program's call into it.
#[derive(Clone, Debug)]
pub(super) struct Instruction {
    ip: usize,
    /// Bytes to step back from `ip` to lie inside the instruction.
    back: usize,
    trace: Option<Box<Trace>>,
    code: OnceLock<Code>,
}

#[cfg(feature = "spaces")]
impl Instruction {
    /// The instruction at an address.
    pub fn at(ip: usize) -> Instruction {
        Instruction { ip, back: 0, trace: None, code: OnceLock::new() }
    }

    /// The instruction before an address.
    pub fn before(ip: usize) -> Instruction {
        Instruction { ip, back: 1, trace: None, code: OnceLock::new() }
    }

    /// With where the child stood that ended there.
    pub fn with(self, trace: Option<Trace>) -> Instruction {
        Instruction { trace: trace.map(Box::new), ..self }
    }

    pub fn get(&self) -> usize {
        self.ip
    }

    pub fn code(&self) -> Code {
        if let Some(code) = self.code.get() {
            return code.clone();
        }
        let code = match &self.trace {
            Some(trace) => unwind::caller(trace, self.back),
            None => symbols::code(self.ip.wrapping_sub(self.back)),
        };
        if kernel::master::in_child() {
            return code;
        }
        self.code.get_or_init(|| code).clone()
    }

    /// ` at src/main.rs:12:5`, or the best that is known, or nothing.
    pub fn phrase(&self) -> String {
        let Code { line, function, library, .. } = self.code();
        // The system's own code for clocks in every process: no news.
        let library = library.filter(|l| !l.starts_with("linux-vdso"));
        match (line, function, library) {
            (Some(line), _, _) => format!(" at {line}"),
            (None, Some(function), Some(library)) => format!(" in {library} ({function})"),
            (None, Some(function), None) => format!(" in `{function}`"),
            (None, None, Some(library)) => format!(" in {library}"),
            (None, None, None) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases() {
        let of = |place: Place| place.to_string();
        let named = |library| Place::Static { name: Some("a::B".into()), library, offset: 3 };
        assert_eq!(of(named(None)), "byte 3 of `a::B`");
        assert_eq!(of(named(Some("libx.so".into()))), "byte 3 of `a::B` in libx.so");
        let unnamed = Place::Static { name: None, library: None, offset: 0x40 };
        assert_eq!(of(unnamed), "a static variable at offset 0x40 of the program");
        let own = Place::ThreadLocal { name: Some("a::C".into()), offset: 0 };
        assert_eq!(of(own), "byte 0 of the thread-local variable `a::C`");
        assert_eq!(of(Place::Heap { offset: 1, len: 48 }), "byte 1 of a heap block of 48 bytes");
    }

    #[cfg(feature = "spaces")]
    #[test]
    fn unknown_code_says_nothing() {
        assert_eq!(Instruction::at(8).phrase(), "");
        assert!(Instruction::before(8).phrase().is_empty());
    }
}
