//! Conflicts: what two children changed.
use super::describe::{Address, Instruction, Place};
use super::details::Details;
use super::locals::{self, Frame};
use super::remedy;
use super::symbols::Code;
use crate::fork;
use kernel::abi::{CALLS, Conflict, Freed, REGISTERS, Writer};
use std::fmt::{self, Write};
use std::sync::OnceLock;

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
///
/// All that is known of it, for a program that tells of it in its own way:
///
/// ```
/// use detpar::JoinError;
/// use detpar::error::Place;
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
///
/// static TOTAL: AtomicU64 = AtomicU64::new(7);
///
/// #[detpar::main]
/// fn main() {
///     let run = detpar::try_join(|| TOTAL.store(8, Relaxed), || TOTAL.store(9, Relaxed));
///     let Err(JoinError::Conflict(c)) = run else { panic!("both wrote it") };
///     // Where it is: a variable of the program, which nobody freed and nothing special is known of.
///     assert_eq!(c.address(), TOTAL.as_ptr() as usize);
///     assert!(matches!(c.what(), Place::Static { .. }));
///     assert!(c.variable().is_some_and(|path| path.ends_with("TOTAL")));
///     assert_eq!((c.function(), c.allocated(), c.remedy()), (None, None, None));
///     assert_eq!(c.freed(), (false, false));
///     // Who wrote what: at the snapshot, by the lower and by the higher child.
///     assert_eq!(c.tasks(), [Some("0".into()), Some("1".into())]);
///     assert_eq!((c.values(), c.words()), ((7, 8, 9), (7, 8, 9)));
///     assert_eq!(c.typed_values(), Some(["7", "8", "9"].map(String::from)));
///     // Known where the program has debug information: the way from the variable to what was
///     // written, here the variable itself, and its type.
///     assert!(c.field().is_none_or(|way| way.is_empty()));
///     assert!(c.type_name().is_none_or(|ty| ty == "u64"));
/// }
/// ```
#[derive(Debug, Clone)]
pub struct MergeConflict(Box<Record>);

#[derive(Debug, Clone)]
struct Record {
    conflict: Conflict,
    address: Address,
    /// Where the space is whose children conflict.
    path: Vec<u32>,
    /// For memory of the stack: whose it is.
    frame: Option<Frame>,
    /// For memory of the heap, where blocks keep that: the calls that allocated the block.
    calls: [usize; CALLS],
    /// Who wrote the byte last, and where.
    writers: [Option<Writer>; 2],
    places: [Option<Instruction>; 2],
    details: OnceLock<Box<Details>>,
}

impl MergeConflict {
    /// Of children of the running space, on whose stack the frames are still live that they wrote.
    pub(crate) fn new(conflict: Conflict, writers: [Option<Writer>; 2]) -> MergeConflict {
        let address = Address::new(conflict.address as usize);
        let path = fork::task_path();
        let is_local = matches!(address.known(), Some(Place::Stack { .. }));
        let frame = if is_local { locals::frame_around(address.get()) } else { None };
        let calls = kernel::master::heap_block_calls(address.get());
        let at = |w: &Writer| {
            let ip = w.trace.registers[REGISTERS - 1] as usize;
            (ip != 0).then(|| Instruction::at(ip).with(Some(w.trace.clone())))
        };
        let places = writers.each_ref().map(|w| w.as_ref().and_then(at));
        let details = OnceLock::new();
        MergeConflict(Box::new(Record {
            conflict,
            address,
            path,
            frame,
            calls,
            writers,
            places,
            details,
        }))
    }

    /// Source lines, `file:line:column`, at which the lower and the higher child last wrote the
    /// byte. The two run once more to find them, with the byte watched. Known of children that
    /// wrote it, where there is debug information; read by the master only. Not known of the
    /// parent and of a child that only freed; `DETPAR_LINES=off` leaves it out.
    ///
    /// ```
    /// use detpar::testing::expect_conflict;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// static SEEN: AtomicU32 = AtomicU32::new(0);
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let run = detpar::try_join(
    ///         || SEEN.store(1, Relaxed),
    ///         || SEEN.store(2, Relaxed),
    ///     );
    ///     let here = line!();
    ///     let conflict = expect_conflict(run, None);
    ///     // Without debug information they are not known.
    ///     if let [Some(lower), Some(higher)] = conflict.lines() {
    ///         assert!(lower.contains(&format!(":{}:", here - 3)), "{lower}");
    ///         assert!(higher.contains(&format!(":{}:", here - 2)), "{higher}");
    ///     }
    /// }
    /// ```
    pub fn lines(&self) -> [Option<String>; 2] {
        self.0.places.each_ref().map(|w| w.as_ref().and_then(|w| w.code().line))
    }

    /// Source line, `file:line:column`, at which the heap block was allocated that the byte lies
    /// in. Known with `DETPAR_ORIGINS=on`, where there is debug information; read by the master
    /// only. A block that was moved to grow counts from there.
    pub fn allocated(&self) -> Option<String> {
        self.origin().and_then(|code| code.line)
    }

    /// What code of the program allocated the block.
    pub(super) fn origin(&self) -> Option<Code> {
        if kernel::master::in_child() {
            return None;
        }
        self.details().allocated
    }

    /// The variable: the path of a static or of a thread-local one; the name of a local one, where
    /// debug information has it. Nothing for memory of the heap.
    pub fn variable(&self) -> Option<String> {
        self.details().variable
    }

    /// The function whose local variable it is.
    pub fn function(&self) -> Option<String> {
        self.details().function
    }

    /// The way from the variable to the field or element that was written, as it is written after
    /// the variable: `.items[3].count`. Empty where the variable is one value; nothing where debug
    /// information does not tell.
    pub fn field(&self) -> Option<String> {
        self.details().field
    }

    /// Name of the type of that field or element.
    pub fn type_name(&self) -> Option<String> {
        self.details().ty
    }

    /// That field or element as it was at the snapshot, as the lower and as the higher child left
    /// it, in the way its type is shown: `["7", "8", "9"]`. Of memory whose type is not known it is
    /// the number that both wrote with one instruction. Nothing where neither is known or it does
    /// not lie in the eight bytes of [`words`](MergeConflict::words).
    pub fn typed_values(&self) -> Option<[String; 3]> {
        self.details().values
    }

    /// Who wrote it, lower first, by the way from the master down: `0.3.1` is child 1 of child 3 of
    /// the master's child 0. The child that conflicts is there, and behind it who of those below it
    /// wrote the byte last, as far as that is known. An open child counts by its place in its
    /// parent's join, on the way by its id. Nothing in place of the parent that went on.
    pub fn tasks(&self) -> [Option<String>; 2] {
        let (lower, higher) = self.children();
        [(lower, &self.0.writers[0]), (higher, &self.0.writers[1])].map(|(i, writer)| {
            (i != Self::PARENT).then(|| {
                let mut path = self.path_of(i);
                if let Some(w) = writer {
                    let below = w.below.get(..w.depth as usize).unwrap_or(&w.below);
                    below.iter().for_each(|i| path.push_str(&format!(".{i}")));
                }
                path
            })
        })
    }

    /// What is known besides. A child finds nothing, and keeps nothing.
    pub(super) fn details(&self) -> Details {
        if kernel::master::in_child() {
            return Details::default();
        }
        let Record { conflict, address, frame, calls, writers, details, .. } = &*self.0;
        let find = || Details::new(conflict, &address.place(), frame.as_ref(), calls, writers);
        (**details.get_or_init(|| Box::new(find()))).clone()
    }

    pub(super) fn record(&self) -> &Conflict {
        &self.0.conflict
    }

    /// Where either of them wrote it; whether that is known to have been the last time.
    pub(super) fn written(&self) -> [Option<(&Instruction, bool)>; 2] {
        let [a, b] = &self.0.places;
        let last = self.0.writers.each_ref().map(|w| w.as_ref().is_some_and(|w| w.last));
        [a.as_ref().map(|i| (i, last[0])), b.as_ref().map(|i| (i, last[1]))]
    }

    /// The way to a child of the space whose children conflict.
    fn path_of(&self, child: usize) -> String {
        let mut path: String = self.0.path.iter().map(|i| format!("{i}.")).collect();
        let _ = write!(path, "{child}");
        path
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

    /// The two that conflict.
    pub(super) fn names(&self) -> (String, String) {
        let (lower, higher) = self.children();
        let lower = match lower {
            Self::PARENT => "the parent".to_owned(),
            i => format!("child {}", self.path_of(i)),
        };
        (lower, format!("child {}", self.path_of(higher)))
    }

    /// Both of them as the subject of a sentence.
    pub(super) fn both(&self) -> String {
        let (lower, higher) = self.children();
        let higher = self.path_of(higher);
        match lower {
            Self::PARENT => format!("the parent and child {higher}"),
            lower => format!("children {} and {higher}", self.path_of(lower)),
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
                write!(f, "{both} both freed {}", block(&what))
            }
            (by_lower, _) => {
                let (one, other, wrote) =
                    if by_lower { (lower, higher, high) } else { (higher, lower, low) };
                write!(
                    f,
                    "{one} freed {}, {other} wrote {what}: was {was}, {other} wrote {wrote}",
                    block(&what)
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
pub(super) fn block(place: &Place) -> String {
    match place {
        Place::Heap { len, .. } => format!("a heap block of {len} bytes"),
        place => format!("the block of {place}"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::report) fn conflict(freed: Freed) -> MergeConflict {
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
}
