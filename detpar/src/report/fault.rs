//! Signals that ended a child.
use super::describe::{Address, Instruction, Place};
use super::kinds::FaultKind;
use super::names;
use kernel::abi::{Fault, Site, Trace};
use std::fmt;

/// A fault: a signal ended a child, or waiting for a lock would have lasted for ever.
///
/// ```
/// use detpar::error::{FaultKind, JoinError};
///
/// #[detpar::main]
/// fn main() {
///     let failed = detpar::try_join(|| -> u8 { std::process::abort() }, || 2);
///     let Err(JoinError::Fault(fault)) = failed else { unreachable!() };
///     assert_eq!((fault.child(), fault.kind()), (0, FaultKind::Signal));
///     assert_eq!(fault.signal_name().as_deref(), Some("SIGABRT"));
///
///     let lock = std::sync::Mutex::new(1);
///     let guard = lock.lock().unwrap();
///     let failed = detpar::try_join(|| *lock.lock().unwrap(), || 2);
///     let Err(JoinError::Fault(fault)) = failed else { unreachable!() };
///     assert_eq!((fault.kind(), fault.signal()), (FaultKind::Deadlock, None));
///     // The lock lies where the child waited.
///     assert_eq!(fault.address(), Some((&raw const lock) as usize));
///     drop(guard);
///
///     // SAFETY: reads no memory that is anybody's: it ends this child.
///     let null = || unsafe { std::ptr::null::<u8>().read_volatile() };
///     let Err(JoinError::Fault(fault)) = detpar::try_join(null, || 2) else { unreachable!() };
///     assert_eq!((fault.child(), fault.signal_name().as_deref()), (0, Some("SIGSEGV")));
///     // SEGV_MAPERR: nothing is mapped there.
///     assert_eq!((fault.address(), fault.code()), (Some(0), 1));
///     assert!(fault.what().is_some() && fault.instruction() != 0);
/// }
/// ```
#[derive(Debug, Clone)]
pub struct ChildFault(Box<Record>);

#[derive(Debug, Clone)]
struct Record {
    child: usize,
    fault: Fault,
    address: Address,
    instruction: Instruction,
}

/// Code of a signal whose cause the system does not tell.
const SI_KERNEL: i32 = 128;

/// Addresses below come of null pointers.
const NULL_PAGE: usize = 4096;

impl ChildFault {
    pub(crate) fn new(child: usize, fault: Fault, trace: Option<Trace>) -> ChildFault {
        let address = Address::new(fault.address as usize);
        let ip = fault.ip as usize;
        // A signal that the child sent itself, and a lock it waits for, are system calls.
        let is_call = fault.site == Site::Deadlock || fault.code <= 0;
        let instruction = if is_call { Instruction::before(ip) } else { Instruction::at(ip) };
        let instruction = instruction.with(trace);
        ChildFault(Box::new(Record { child, fault, address, instruction }))
    }

    /// Index of the child.
    pub fn child(&self) -> usize {
        self.0.child
    }

    /// What is known of the cause.
    pub fn kind(&self) -> FaultKind {
        match self.0.fault.site {
            Site::StackGuard => FaultKind::StackOverflow,
            Site::OutsideImage => FaultKind::OutsideImage,
            Site::Deadlock => FaultKind::Deadlock,
            Site::TimeStamp => FaultKind::TimeStamp,
            Site::Unknown => FaultKind::Signal,
        }
    }

    /// The signal; nothing for a deadlock.
    pub fn signal(&self) -> Option<i32> {
        (self.0.fault.signal != 0).then_some(self.0.fault.signal)
    }

    /// The signal's name, such as `SIGSEGV`.
    pub fn signal_name(&self) -> Option<String> {
        self.signal().map(names::signal)
    }

    /// The signal's code (`si_code` in `sigaction(2)`).
    pub fn code(&self) -> i32 {
        self.0.fault.code
    }

    /// The address of data that the child stumbled over, where the signal has one; for a
    /// deadlock, the lock's.
    pub fn address(&self) -> Option<usize> {
        let has = match self.0.fault.signal {
            // A non-canonical address raises an exception that does not tell it.
            libc::SIGSEGV | libc::SIGBUS => self.code() > 0 && self.code() != SI_KERNEL,
            0 => true,
            _ => false,
        };
        has.then(|| self.0.address.get())
    }

    /// What lies at the address.
    pub fn what(&self) -> Option<Place> {
        self.address().map(|_| self.0.address.place())
    }

    /// The instruction pointer.
    pub fn instruction(&self) -> usize {
        self.0.instruction.get()
    }

    /// The function it lies in, or the first one outside of the system's and the standard
    /// library that called it, as far as the master can tell.
    pub fn function(&self) -> Option<String> {
        self.0.instruction.code().function
    }

    /// The source line of that, `file:line:column`, as far as the master can tell: with debug
    /// information.
    pub fn location(&self) -> Option<String> {
        self.0.instruction.code().line
    }
}

impl fmt::Display for ChildFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let child = self.child();
        let at = self.0.instruction.phrase();
        match self.kind() {
            FaultKind::StackOverflow => {
                return write!(
                    f,
                    "stack overflow in child {child}{at}: recurse less deep, or keep large \
                     values on the heap"
                );
            }
            FaultKind::Deadlock => {
                return write!(
                    f,
                    "child {child} waits for a lock that its parent holds ({}): let go of it \
                     before the join",
                    self.0.address.place()
                );
            }
            FaultKind::OutsideImage => {
                return write!(
                    f,
                    "child {child} touched {}, which is read-only or not part of the image{at}: \
                     keep what children change on the heap, on main's stack or in statics",
                    self.0.address.place()
                );
            }
            FaultKind::TimeStamp => {
                return write!(
                    f,
                    "child {child} read the time stamp counter (rdtsc){at}: read clocks, which \
                     are virtual in children, or measure in the master"
                );
            }
            FaultKind::Signal => {}
        }
        let name = self.signal_name().unwrap_or_default();
        match (self.0.fault.signal, self.address()) {
            (_, Some(address)) if address < NULL_PAGE => {
                write!(f, "child {child} used a null pointer ({name} at {address:#x}){at}")
            }
            (libc::SIGSEGV, None) => write!(f, "child {child} used a wild pointer ({name}){at}"),
            (_, Some(_)) => {
                write!(f, "child {child} could not access {} ({name}){at}", self.0.address.place())
            }
            (signal, None) => {
                write!(f, "child {child} ended by {name}, {}{at}", names::signal_meaning(signal))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(signal: i32, code: i32, address: u64, site: Site) -> ChildFault {
        ChildFault::new(2, Fault { signal, code, address, ip: 0, site }, None)
    }

    #[test]
    fn texts() {
        let text = |signal, code, address, site| fault(signal, code, address, site).to_string();
        let none = Site::Unknown;
        assert_eq!(text(11, 1, 8, none), "child 2 used a null pointer (SIGSEGV at 0x8)");
        let wild = text(11, 1, 0x1234_5678_0000, none);
        assert_eq!(wild, "child 2 could not access the byte at 0x123456780000 (SIGSEGV)");
        assert_eq!(text(11, SI_KERNEL, 0, none), "child 2 used a wild pointer (SIGSEGV)");
        assert_eq!(text(6, -6, 0, none), "child 2 ended by SIGABRT, an abort");
        assert_eq!(text(8, 1, 0x1000, none), "child 2 ended by SIGFPE, an arithmetic error");
        assert!(text(11, 2, 0x40, Site::StackGuard).starts_with("stack overflow in child 2"));
        assert!(
            text(0, 0, 0x40, Site::Deadlock).contains("waits for a lock that its parent holds")
        );
        assert!(text(11, 128, 0, Site::TimeStamp).contains("read the time stamp counter (rdtsc)"));
        assert!(text(11, 2, 0x40, Site::OutsideImage).contains("not part of the image"));
    }

    #[test]
    fn what_a_fault_has() {
        let deadlock = fault(0, 0, 0x40, Site::Deadlock);
        assert_eq!((deadlock.signal(), deadlock.signal_name()), (None, None));
        assert_eq!((deadlock.address(), deadlock.kind()), (Some(0x40), FaultKind::Deadlock));
        assert_eq!(fault(6, -6, 0, Site::Unknown).address(), None);
        assert!(fault(6, -6, 0, Site::Unknown).what().is_none());
    }
}
