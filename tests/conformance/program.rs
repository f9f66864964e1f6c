//! Programs of operations: what a space does, as data, its children's programs nested in it.
//!
//! All act on the *arena*: a block of the heap, a static and an array in a live frame of the
//! master, at the same places in every space. A program names bytes by part and offset, so
//! that it means the same wherever an engine puts the parts.
use std::fmt;

/// Size of a page in bytes.
pub const PAGE: u64 = 4096;

/// A part of the arena, or a place where no memory can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Bytes of a frame that is live in the master, aligned to nothing and within one page.
    Frame,
    /// Whole pages in a block of the heap.
    Heap,
    /// Whole pages of a static.
    Static,
    /// Addresses that belong to no image.
    Outside,
}

/// The parts that hold bytes.
pub const PARTS: [Part; 3] = [Part::Frame, Part::Heap, Part::Static];

impl Part {
    /// Bytes of this part.
    pub const fn size(self) -> u64 {
        match self {
            Part::Heap => 4 * PAGE,
            Part::Static => 2 * PAGE,
            Part::Frame => 256,
            Part::Outside => 0,
        }
    }

    /// Where it begins when all parts stand in one row, in ascending order of the addresses
    /// that the engine `spaces` gives them: the lowest conflict is the first in this row.
    pub const fn start(self) -> u64 {
        match self {
            Part::Frame | Part::Outside => 0,
            Part::Heap => Part::Frame.size(),
            Part::Static => Part::Frame.size() + Part::Heap.size(),
        }
    }
}

/// Bytes of all parts.
pub const ARENA: usize = (Part::Static.start() + Part::Static.size()) as usize;

/// A byte of the arena.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The part it lies in.
    pub part: Part,
    /// How far into it.
    pub offset: u64,
}

/// A range of bytes: within one part, outside of all memory, or too long for it (a length of
/// [`HUGE`] or [`OVERFLOWING`]).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first byte.
    pub place: Place,
    /// Its length in bytes.
    pub len: u64,
}

/// A length that fits an address, but no image.
pub const HUGE: u64 = 1 << 60;
/// A length with which the end of a range is no address.
pub const OVERFLOWING: u64 = u64::MAX;

/// A byte of the heap block.
pub const fn heap(offset: u64) -> Place {
    Place { part: Part::Heap, offset }
}

/// A byte of the static.
pub const fn stat(offset: u64) -> Place {
    Place { part: Part::Static, offset }
}

/// A byte of the frame.
pub const fn frame(offset: u64) -> Place {
    Place { part: Part::Frame, offset }
}

/// A place that no image has.
pub const OUTSIDE: Place = Place { part: Part::Outside, offset: 0 };

impl Place {
    /// The range of `len` bytes from here.
    pub const fn span(self, len: u64) -> Span {
        Span { place: self, len }
    }

    /// Its index when all parts stand in one row.
    pub const fn index(self) -> usize {
        (self.part.start() + self.offset) as usize
    }

    /// The place with this index.
    ///
    /// # Panics
    /// Where the arena has no such byte.
    pub fn at(index: usize) -> Place {
        let within = |p: &Part| (p.start()..p.start() + p.size()).contains(&(index as u64));
        let part = PARTS.into_iter().find(within).expect("a byte of the arena");
        Place { part, offset: index as u64 - part.start() }
    }
}

/// What the code of a space may do with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Perm {
    /// Nothing.
    None,
    /// Read.
    Read,
    /// Read and write.
    ReadWrite,
}

/// Bytes to copy from one space to the same or another place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The source.
    pub from: Span,
    /// Where its first byte goes.
    pub to: Place,
}

impl Copy {
    /// The range that is written.
    pub const fn target(&self) -> Span {
        self.to.span(self.from.len)
    }
}

/// The options of one put.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Put {
    /// The child shall run this from its beginning.
    pub regs: Option<Program>,
    /// Bytes from the parent to the child.
    pub copy: Option<Copy>,
    /// Bytes of the child to clear.
    pub zero: Option<Span>,
    /// Gives the child the parent's memory and fixes the reference image.
    pub snap: bool,
    /// What the child may do with some of its pages.
    pub perm: Option<(Span, Perm)>,
    /// Starts the child.
    pub start: bool,
    /// Asks for a copy of a subtree, which no engine offers.
    pub tree: bool,
    /// Asks for an instruction limit, which no engine offers.
    pub limit: bool,
}

/// The options of one get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Get {
    /// Merges what the child changed.
    pub merge: bool,
    /// Bytes from the child to the parent.
    pub copy: Option<Copy>,
    /// Bytes of the parent to clear.
    pub zero: Option<Span>,
    /// What the parent may do with some of its pages.
    pub perm: Option<(Span, Perm)>,
    /// Reads the child's registers.
    pub regs: bool,
    /// Does not wait for a child that runs.
    pub dont_wait: bool,
    /// Names signals that may interrupt the wait: [`Bell::Named`].
    pub signals: bool,
    /// Asks for a copy of a subtree, which no engine offers.
    pub tree: bool,
}

/// Ways in which a space can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It panics.
    Panic,
    /// It writes where no memory is.
    Fault,
    /// It makes a system call that confinement refuses.
    Refused,
}

/// Places for pointers to blocks of the heap, in memory that merges like any other.
pub const SLOTS: usize = 4;

/// Bytes of a block that a slot points to.
pub const BLOCK: usize = 3000;

/// A signal with a handler that is sent to the master again and again, once it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bell {
    /// In the set of signals that a get names. It comes later and less often than the other.
    Named,
    /// Not in that set.
    Other,
}

/// One step of a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Writes `value`, then `value + step` and so on.
    Write {
        /// Where.
        span: Span,
        /// The first byte.
        value: u8,
        /// What each next byte has more.
        step: u8,
    },
    /// Adds to each byte what it reads there: `n += by`.
    Add {
        /// Where.
        span: Span,
        /// How much.
        by: u8,
    },
    /// Reads.
    Read(Span),
    /// Sets a thread-local.
    SetLocal(u8),
    /// Reads the thread-local.
    Local,
    /// Puts a child.
    Put(u32, Put),
    /// Gets a child.
    Get(u32, Get),
    /// Gets a child without waiting, again and again until it has stopped.
    Poll(u32, Get),
    /// Kills a child.
    Kill(u32),
    /// Runs children without a name, each from a snapshot, and merges all or none.
    Join(Vec<Program>),
    /// Waits for children that were forked, merges them in this order, all or none, and ends
    /// them: what a scope does.
    Take(Vec<u32>),
    /// Rets with this code.
    Ret(u32),
    /// Rets with the value of a byte.
    RetByte(Place),
    /// Rets with a digest of all that this space has seen.
    Report,
    /// Fails.
    Fail(Failure),
    /// Computes for ever.
    Spin,
    /// Prints a byte to standard output.
    Print(u8),
    /// What has come out of the program since this was last asked, in the master.
    Delivered,
    /// Allocates a block, filled with this value, and lets a slot point to it.
    Alloc(usize, u8),
    /// Frees a slot's block. The slot points there still.
    Free(usize),
    /// Fills a slot's block with this value.
    Fill(usize, u8),
    /// Reads a slot's block.
    Block(usize),
    /// Asks for a signal to the master.
    Ring(Bell),
    /// Whether its handler has run since; nobody asks for it any more.
    Rang(Bell),
    /// The same, after waiting for it.
    Await(Bell),
    /// Blocks a signal in the master, or unblocks it.
    Hold(Bell, bool),
    /// Tries to become a master.
    BecomeMaster,
}

impl Op {
    /// The programs of children that this step names.
    pub fn below(&self) -> &[Program] {
        match self {
            Op::Put(_, put) => put.regs.as_slice(),
            Op::Join(programs) => programs,
            _ => &[],
        }
    }

    /// The same, to be changed.
    pub fn below_mut(&mut self) -> &mut [Program] {
        match self {
            Op::Put(_, put) => put.regs.as_mut_slice(),
            Op::Join(programs) => programs,
            _ => &mut [],
        }
    }
}

/// What a space does: its steps, after which it returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program(pub Vec<Op>);

impl Program {
    /// How many computations it may start, itself included.
    pub fn spaces(&self) -> usize {
        1 + self.0.iter().flat_map(Op::below).map(Program::spaces).sum::<usize>()
    }

    /// How many steps it has, those of children included.
    pub fn len(&self) -> usize {
        self.0.iter().map(|op| 1 + op.below().iter().map(Program::len).sum::<usize>()).sum()
    }

    /// Whether it has no step.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}+{}", self.part, self.offset)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len {
            HUGE => write!(f, "{:?}..huge", self.place),
            OVERFLOWING => write!(f, "{:?}..overflowing", self.place),
            len => write!(f, "{:?}..{}", self.place, self.place.offset.saturating_add(len)),
        }
    }
}

/// One line a step, children's steps below their put.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines(f, 0)
    }
}

impl Program {
    fn lines(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        for op in &self.0 {
            write!(f, "{:1$}", "", depth * 4)?;
            match op {
                Op::Put(id, put) => writeln!(f, "put {id}{put}")?,
                Op::Join(programs) => writeln!(f, "join {}", programs.len())?,
                Op::Take(ids) => writeln!(f, "take {ids:?}")?,
                Op::Get(id, get) => writeln!(f, "get {id}{get}")?,
                Op::Poll(id, get) => writeln!(f, "poll {id}{get}")?,
                Op::Kill(id) => writeln!(f, "kill {id}")?,
                other => writeln!(f, "{other:?}")?,
            }
            for (i, program) in op.below().iter().enumerate() {
                if i > 0 {
                    writeln!(f, "{:1$}and", "", depth * 4)?;
                }
                program.lines(f, depth + 1)?;
            }
        }
        Ok(())
    }
}

/// The ranges of a call, as both calls show them.
fn ranges(
    f: &mut fmt::Formatter<'_>,
    copy: &Option<Copy>,
    zero: &Option<Span>,
    perm: &Option<(Span, Perm)>,
) -> fmt::Result {
    if let Some(copy) = copy {
        write!(f, " copy({:?} to {:?})", copy.from, copy.to)?;
    }
    if let Some(span) = zero {
        write!(f, " zero({span:?})")?;
    }
    if let Some((span, perm)) = perm {
        write!(f, " perm({span:?} {perm:?})")?;
    }
    Ok(())
}

fn words(f: &mut fmt::Formatter<'_>, all: &[(bool, &str)]) -> fmt::Result {
    all.iter().filter(|(set, _)| *set).try_for_each(|(_, word)| write!(f, " {word}"))
}

impl fmt::Display for Put {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words(f, &[(self.snap, "snap"), (self.tree, "tree"), (self.limit, "limit")])?;
        ranges(f, &self.copy, &self.zero, &self.perm)?;
        words(f, &[(self.regs.is_some(), "regs"), (self.start, "start")])
    }
}

impl fmt::Display for Get {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words(f, &[(self.merge, "merge"), (self.tree, "tree"), (self.regs, "regs")])?;
        ranges(f, &self.copy, &self.zero, &self.perm)?;
        words(f, &[(self.dont_wait, "dont_wait"), (self.signals, "signals")])
    }
}

/// Short ways to say what programs do.
impl Put {
    /// No option: creates the child or waits for it.
    pub fn new() -> Put {
        Put::default()
    }

    /// What a fork is: Regs, Snap and Start.
    pub fn fork(steps: impl Into<Vec<Op>>) -> Put {
        Put::new().snap().regs(steps).start()
    }

    /// Whether it is a fork and nothing else.
    pub fn is_fork(&self) -> bool {
        let fork = Put { regs: self.regs.clone(), snap: true, start: true, ..Put::new() };
        self.regs.is_some() && *self == fork
    }

    /// Gives the child a program.
    pub fn regs(self, steps: impl Into<Vec<Op>>) -> Put {
        Put { regs: Some(Program(steps.into())), ..self }
    }

    /// Copies bytes from the parent.
    pub fn copy(self, from: Span, to: Place) -> Put {
        Put { copy: Some(Copy { from, to }), ..self }
    }

    /// Zeroes bytes of the child.
    pub fn zero(self, span: Span) -> Put {
        Put { zero: Some(span), ..self }
    }

    /// Takes a snapshot.
    pub fn snap(self) -> Put {
        Put { snap: true, ..self }
    }

    /// Sets permissions of the child.
    pub fn perm(self, span: Span, perm: Perm) -> Put {
        Put { perm: Some((span, perm)), ..self }
    }

    /// Starts the child.
    pub fn start(self) -> Put {
        Put { start: true, ..self }
    }
}

/// Short ways to say what programs do.
impl Get {
    /// No option: waits, and reads the state.
    pub fn new() -> Get {
        Get::default()
    }

    /// Merges.
    pub fn merge(self) -> Get {
        Get { merge: true, ..self }
    }

    /// Copies bytes from the child.
    pub fn copy(self, from: Span, to: Place) -> Get {
        Get { copy: Some(Copy { from, to }), ..self }
    }

    /// Zeroes bytes of the parent.
    pub fn zero(self, span: Span) -> Get {
        Get { zero: Some(span), ..self }
    }

    /// Sets permissions of the parent.
    pub fn perm(self, span: Span, perm: Perm) -> Get {
        Get { perm: Some((span, perm)), ..self }
    }

    /// Lets [`Bell::Named`] interrupt the wait.
    pub fn signals(self) -> Get {
        Get { signals: true, ..self }
    }

    /// Does not wait.
    pub fn dont_wait(self) -> Get {
        Get { dont_wait: true, ..self }
    }
}
