//! System calls that confinement refused.
use super::describe::Instruction;
use kernel::abi::{Forbidden, Trace};
use kernel::confine::policy::{self, Arg, Row};
use std::fmt;

/// A system call of a child that confinement refused.
///
/// ```
/// use detpar::JoinError;
///
/// #[detpar::main]
/// fn main() {
///     let failed = detpar::try_join(|| std::net::UdpSocket::bind("127.0.0.1:0").is_ok(), || 2);
///     let Err(JoinError::Forbidden(call)) = failed else { unreachable!() };
///     assert_eq!((call.child(), call.name()), (0, Some("socket")));
///     assert!(!call.remedy().is_empty());
///     // socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
///     assert_eq!((call.number(), call.arguments()[0]), (41, 2));
///     // None of its arguments is a name.
///     assert_eq!(call.text(), None);
///     // In the C library; the program's own line is known where it has debug information.
///     assert_ne!(call.instruction(), 0);
///     assert!(call.location().is_none_or(|at| at.contains(".rs:")));
/// }
/// ```
#[derive(Debug, Clone)]
pub struct ForbiddenCall(Box<Record>);

#[derive(Debug, Clone)]
struct Record {
    child: usize,
    call: Forbidden,
    /// The first name among its arguments, where it could be read.
    text: Option<String>,
    instruction: Instruction,
}

impl ForbiddenCall {
    pub(crate) fn new(
        child: usize,
        call: Forbidden,
        text: Option<String>,
        trace: Option<Trace>,
    ) -> ForbiddenCall {
        let instruction = Instruction::before(call.ip as usize).with(trace);
        ForbiddenCall(Box::new(Record { child, call, text, instruction }))
    }

    fn row(&self) -> Option<&'static Row> {
        policy::row_of(self.number())
    }

    /// Index of the child.
    pub fn child(&self) -> usize {
        self.0.child
    }

    /// The call's number, as in `SYS_clock_gettime`.
    pub fn number(&self) -> i64 {
        self.0.call.nr
    }

    /// The call's name, such as `clock_gettime`; nothing for a number without one.
    pub fn name(&self) -> Option<&'static str> {
        self.row().map(|r| r.name)
    }

    /// The six argument registers. Few calls use them all.
    pub fn arguments(&self) -> [u64; 6] {
        self.0.call.args
    }

    /// The first of the arguments that is a name, such as a path; nothing where the call has
    /// none, or it could not be read.
    pub fn text(&self) -> Option<&str> {
        self.0.text.as_deref()
    }

    /// Why it is refused and what to do instead, as `docs/confine.md` has it; of a call that is
    /// refused with other arguments than these only: what it gets.
    pub fn remedy(&self) -> &'static str {
        self.row().map_or(policy::UNKNOWN, |r| r.why)
    }

    /// The instruction pointer after the call. It mostly lies in a library.
    pub fn instruction(&self) -> usize {
        self.0.instruction.get()
    }

    /// The first function outside of the system's and the standard library on the way to the
    /// call, as far as the master can tell.
    pub fn function(&self) -> Option<String> {
        self.0.instruction.code().function
    }

    /// The source line in that function, `file:line:column`, as far as the master can tell.
    pub fn location(&self) -> Option<String> {
        self.0.instruction.code().line
    }
}

impl fmt::Display for ForbiddenCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "child {} called ", self.child())?;
        match self.row() {
            Some(row) => {
                write!(f, "{}(", row.name)?;
                let mut text = self.text();
                for (i, (&kind, &value)) in row.args.iter().zip(&self.0.call.args).enumerate() {
                    let text = if kind == Arg::Path { text.take() } else { None };
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{}", Argument { kind, value, text })?;
                }
                f.write_str(")")
            }
            None => write!(f, "system call {}", self.number()),
        }?;
        let phrase = self.0.instruction.phrase();
        write!(f, "{phrase}, which confinement refuses: {}", self.remedy())
    }
}

/// An argument; a pointer without its value, which is not the same in every run.
struct Argument<'a> {
    kind: Arg,
    value: u64,
    text: Option<&'a str>,
}

impl fmt::Display for Argument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Half of a register holds small negative numbers.
        let small = self.value as i32;
        match (self.kind, self.value) {
            (Arg::Path, _) if self.text.is_some() => write!(f, "{:?}", self.text.unwrap_or("")),
            (Arg::Path | Arg::Ptr, 0) => f.write_str("null"),
            (Arg::Path | Arg::Ptr, _) => f.write_str("ptr"),
            (Arg::Dir, _) if small == libc::AT_FDCWD => f.write_str("AT_FDCWD"),
            (Arg::Dir | Arg::Fd, _) => write!(f, "{small}"),
            (Arg::Bits, value) => write!(f, "{value:#x}"),
            (Arg::Num, _) if (-4096..0).contains(&(self.value as i64)) => write!(f, "{small}"),
            (Arg::Num, value) if value >> 32 == 0 && small < 0 => write!(f, "{small}"),
            (Arg::Num, value) if value < 1 << 32 => write!(f, "{value}"),
            // A size; or a pointer where the call takes either.
            (Arg::Num, value) if value < 1 << 40 => write!(f, "{value:#x}"),
            (Arg::Num, _) => f.write_str("ptr"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(nr: i64, args: [u64; 6]) -> String {
        ForbiddenCall::new(1, Forbidden { nr, args, ip: 0 }, None, None).to_string()
    }

    #[test]
    fn texts() {
        assert_eq!(
            text(libc::SYS_settimeofday, [0x7fff_1234_5678, 0, 9, 9, 9, 9]),
            "child 1 called settimeofday(ptr, null), which confinement refuses: the clock of the \
             machine is the outside: set it in the master"
        );
        let openat = text(libc::SYS_openat2, [0xffff_ff9c, 1 << 40, 1 << 41, 24, 0, 0]);
        assert!(openat.starts_with("child 1 called openat2(AT_FDCWD, ptr, ptr, 24), "), "{openat}");
        let mmap = text(libc::SYS_mmap, [0, 4096, 3, 0x22, u64::MAX, 0]);
        assert!(mmap.contains("mmap(null, 4096, 3, 0x22, -1, 0)"), "{mmap}");
        assert!(text(libc::SYS_fork, [0; 6]).contains("called fork(), "));
        let kill = text(libc::SYS_kill, [0xffff_fff0, 9, 0, 0, 0, 0]);
        assert!(kill.contains("called kill(-16, 9), "), "{kill}");
        assert!(text(5000, [0; 6]).contains("called system call 5000, which"));
        assert!(text(-1, [0; 6]).contains("make it in the master"));
    }

    #[test]
    fn names_are_told() {
        let call = Forbidden { nr: libc::SYS_rename, args: [1, 2, 0, 0, 0, 0], ip: 0 };
        let e = ForbiddenCall::new(0, call, Some("a \"b\"".into()), None);
        assert!(e.to_string().starts_with(r#"child 0 called rename("a \"b\"", ptr), "#), "{e}");
        assert_eq!(e.text(), Some("a \"b\""));
    }
}
