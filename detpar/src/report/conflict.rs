//! Conflicts: what two children changed.
use super::describe::{Address, Instruction, Place};
use super::remedy;
use kernel::abi::{Conflict, Freed, REGISTERS, Trace};
use std::fmt::{self, Write};

/// Two children changed the same byte since the snapshot.
///
/// Displayed in one line; [`report`](MergeConflict::report) says more.
///
/// ```
/// use detpar::JoinError;
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
///
/// static SEEN: AtomicU32 = AtomicU32::new(0);
///
/// #[detpar::main]
/// fn main() {
///     let e = detpar::try_join(|| SEEN.store(1, Relaxed), || SEEN.store(2, Relaxed));
///     let Err(JoinError::Conflict(conflict)) = e else { panic!("both wrote it") };
///     assert_eq!(conflict.children(), (0, 1));
///     assert_eq!(conflict.values(), (0, 1, 2));
///     assert!(conflict.to_string().starts_with("children 0 and 1 both wrote byte 0 of"));
/// }
/// ```
#[derive(Debug, Clone)]
pub struct MergeConflict(Box<Record>);

#[derive(Debug, Clone)]
struct Record {
    conflict: Conflict,
    address: Address,
    writers: [Option<Instruction>; 2],
}

impl MergeConflict {
    pub(crate) fn new(conflict: Conflict, writers: [Option<Trace>; 2]) -> MergeConflict {
        let address = Address::new(conflict.address as usize);
        let at = |t: Trace| Instruction::at(t.registers[REGISTERS - 1] as usize).with(Some(t));
        let writers = writers.map(|t| t.map(at));
        MergeConflict(Box::new(Record { conflict, address, writers }))
    }

    /// Source lines, `file:line:column`, at which the lower and the higher child last wrote the
    /// byte. Known in checking mode, of children that wrote it, where there is debug information;
    /// read by the master only.
    pub fn lines(&self) -> [Option<String>; 2] {
        self.0.writers.each_ref().map(|w| w.as_ref().and_then(|w| w.code().line))
    }

    /// Address of the lowest conflicting byte.
    pub fn address(&self) -> usize {
        self.0.address.get()
    }

    /// In place of a child's index: the parent, which went on beside its children (in a
    /// [`scope`](crate::scope) or after a [`fork`](crate::fork())).
    pub const PARENT: usize = usize::MAX;

    /// Indices of the two children, lower first; the lower may be [`Self::PARENT`]. The
    /// conflict is the failure of the higher.
    pub fn children(&self) -> (usize, usize) {
        let lower = match self.0.conflict.lower {
            kernel::abi::PARENT => Self::PARENT,
            i => i as usize,
        };
        (lower, self.0.conflict.higher as usize)
    }

    fn names(&self) -> (String, String) {
        let (lower, higher) = self.children();
        let lower = match lower {
            Self::PARENT => "the parent".to_owned(),
            i => format!("child {i}"),
        };
        (lower, format!("child {higher}"))
    }

    /// Both of them as the subject of a sentence.
    fn both(&self) -> String {
        match self.children() {
            (Self::PARENT, higher) => format!("the parent and child {higher}"),
            (lower, higher) => format!("children {lower} and {higher}"),
        }
    }

    /// The byte as it was at the snapshot, as the lower and as the higher child left it.
    /// What a child freed keeps the value it had then.
    pub fn values(&self) -> (u8, u8, u8) {
        let i = self.address() % 8;
        let c = &self.0.conflict;
        (c.reference[i], c.lower_value[i], c.higher_value[i])
    }

    /// The eight bytes around it, aligned to eight, as numbers in the machine's byte order:
    /// at the snapshot, as the lower and as the higher child left them.
    pub fn words(&self) -> (u64, u64, u64) {
        let c = &self.0.conflict;
        let [a, b, c] = [c.reference, c.lower_value, c.higher_value].map(u64::from_ne_bytes);
        (a, b, c)
    }

    /// Whether the lower and the higher child freed the heap block that the byte lies in. A
    /// free counts as a write of the whole block.
    pub fn freed(&self) -> (bool, bool) {
        match self.0.conflict.freed {
            Freed::Neither => (false, false),
            Freed::Lower => (true, false),
            Freed::Higher => (false, true),
            Freed::Both => (true, true),
        }
    }

    /// What lies at the address. The names of variables are read from the program's file, by
    /// the master only.
    pub fn what(&self) -> Place {
        self.0.address.place()
    }

    /// What to do about it, where the place tells: it is a lazily filled static, as far as debug
    /// information or its look say, or seems to be the count of an `Arc`.
    pub fn remedy(&self) -> Option<String> {
        remedy::of(&self.0.conflict, &self.what())
    }

    /// Several lines: what happened, the address, the bytes around it as
    /// each side left them, and what to do.
    pub fn report(&self) -> String {
        let mut out = String::new();
        let _ = self.write_report(&mut out);
        out
    }

    fn write_report(&self, out: &mut String) -> fmt::Result {
        let address = self.address();
        let (lower, higher) = self.names();
        let c = &self.0.conflict;
        write!(out, "conflict: ")?;
        self.write_line(out)?;
        writeln!(out)?;
        writeln!(out, "  address {address:#x}; the aligned 8 bytes around it:")?;
        let mut written = String::new();
        let names = ["was".to_owned(), lower, higher];
        let width = names.iter().map(String::len).max().unwrap_or(0);
        for (name, bytes) in names.iter().zip([c.reference, c.lower_value, c.higher_value]) {
            let hex = bytes.map(|b| format!("{b:02x}")).join(" ");
            writeln!(out, "  {name:width$}  {hex}  = {} as u64", u64::from_ne_bytes(bytes))?;
        }
        for (name, writer) in names[1..].iter().zip(&self.0.writers) {
            if let Some(place) = writer.as_ref().map(Instruction::phrase).filter(|p| !p.is_empty())
            {
                written.push_str(&format!("  {name} wrote it{place}\n"));
            }
        }
        let column = 2 + width + 2 + 3 * (address % 8);
        writeln!(out, "{:column$}^^", "")?;
        out.write_str(&written)?;
        let help = self.remedy();
        let help = help
            .as_deref()
            .unwrap_or("return each child's value and combine the values after the join");
        write!(out, "  help: {help}")
    }

    /// What happened.
    fn write_line(&self, f: &mut impl Write) -> fmt::Result {
        let (lower, higher) = self.names();
        let both = self.both();
        let (was, low, high) = self.values();
        let what = self.what();
        if let Place::Descriptor { .. } = what {
            // A close by either.
            return write!(f, "{both} both closed {what}: let one of them own the file");
        }
        match self.freed() {
            (false, false) => {
                write!(
                    f,
                    "{both} both wrote {what}: was {was}, {lower} wrote {low}, {higher} wrote {high}"
                )?;
                if low == high {
                    f.write_str(" (equal values conflict as well)")?;
                }
                Ok(())
            }
            (true, true) => {
                write!(f, "{both} both freed {}", Block(&what))
            }
            (by_lower, _) => {
                let (one, other, wrote) =
                    if by_lower { (lower, higher, high) } else { (higher, lower, low) };
                write!(
                    f,
                    "{one} freed {}, {other} wrote {what}: was {was}, {other} wrote {wrote}",
                    Block(&what)
                )
            }
        }
    }
}

impl fmt::Display for MergeConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_line(f)?;
        self.remedy().map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

/// The block instead of a byte of it.
struct Block<'a>(&'a Place);

impl fmt::Display for Block<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Place::Heap { len, .. } => write!(f, "a heap block of {len} bytes"),
            place => write!(f, "the block of {place}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflict(freed: Freed) -> MergeConflict {
        let c = Conflict {
            address: 0x13,
            lower: 2,
            higher: 10,
            reference: [0; 8],
            lower_value: [0, 0, 0, 7, 0, 0, 0, 0],
            higher_value: [0, 0, 0, 9, 1, 0, 0, 0],
            freed,
        };
        MergeConflict::new(c, [None, None])
    }

    #[test]
    fn one_line() {
        let line = |freed| conflict(freed).to_string();
        assert_eq!(
            line(Freed::Neither),
            "children 2 and 10 both wrote the byte at 0x13: was 0, child 2 wrote 7, child 10 \
             wrote 9"
        );
        assert_eq!(
            line(Freed::Higher),
            "child 10 freed the block of the byte at 0x13, child 2 wrote the byte at 0x13: was \
             0, child 2 wrote 7"
        );
        assert!(line(Freed::Lower).ends_with("child 10 wrote 9"));
        assert!(line(Freed::Both).starts_with("children 2 and 10 both freed the block"));
    }

    #[test]
    fn several_lines() {
        let expected = "\
conflict: children 2 and 10 both wrote the byte at 0x13: was 0, child 2 wrote 7, child 10 wrote 9
  address 0x13; the aligned 8 bytes around it:
  was       00 00 00 00 00 00 00 00  = 0 as u64
  child 2   00 00 00 07 00 00 00 00  = 117440512 as u64
  child 10  00 00 00 09 01 00 00 00  = 4445962240 as u64
                     ^^
  help: return each child's value and combine the values after the join";
        assert_eq!(conflict(Freed::Neither).report(), expected);
        assert_eq!(conflict(Freed::Neither).words(), (0, 7 << 24, (9 << 24) + (1 << 32)));
    }
}
