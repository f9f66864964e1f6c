//! System calls that confinement refused.
use super::describe::Instruction;
use super::names;
use kernel::abi::Forbidden;
use std::fmt;

/// A system call of a child that confinement refused.
#[derive(Debug, Clone)]
pub struct ForbiddenCall(Box<Record>);

#[derive(Debug, Clone)]
struct Record {
    child: usize,
    call: Forbidden,
    instruction: Instruction,
}

impl ForbiddenCall {
    pub(crate) fn new(child: usize, call: Forbidden) -> ForbiddenCall {
        let instruction = Instruction::before(call.ip as usize);
        ForbiddenCall(Box::new(Record { child, call, instruction }))
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
        names::call(self.number())
    }

    /// The six argument registers. Few calls use them all.
    pub fn arguments(&self) -> [u64; 6] {
        self.0.call.args
    }

    /// What to do instead.
    pub fn remedy(&self) -> &'static str {
        names::usage(self.number()).map_or(names::ELSE, |(_, remedy)| remedy)
    }

    /// The instruction pointer after the call. It mostly lies in a library.
    pub fn instruction(&self) -> usize {
        self.0.instruction.get()
    }

    /// The function that made the call, as far as the master can tell.
    pub fn function(&self) -> Option<String> {
        self.0.instruction.code().function
    }

    /// The source line of the call, `file:line:column`, as far as the master can tell: only
    /// where the program made it itself, not through a library.
    pub fn location(&self) -> Option<String> {
        self.0.instruction.code().line
    }
}

impl fmt::Display for ForbiddenCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "child {} called ", self.child())?;
        match (self.name(), names::usage(self.number())) {
            (Some(name), Some((arguments, _))) => {
                write!(f, "{name}(")?;
                for (i, &argument) in self.0.call.args.iter().take(arguments).enumerate() {
                    write!(f, "{}{}", if i > 0 { ", " } else { "" }, Argument(argument))?;
                }
                f.write_str(")")
            }
            (Some(name), None) => f.write_str(name),
            (None, _) => write!(f, "system call {}", self.number()),
        }?;
        let phrase = self.0.instruction.phrase();
        write!(f, "{phrase}, which confinement refuses: {}", self.remedy())
    }
}

/// A number; or a pointer without its value, which is not the same in every run.
struct Argument(u64);

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signed = self.0 as i64;
        match (self.0 as i32, u32::try_from(self.0)) {
            (small, _) if (-4096..0).contains(&signed) => write!(f, "{small}"),
            // A 32-bit register holds small negative numbers without their upper half.
            (small, Ok(_)) if (-4096..0).contains(&small) => write!(f, "{small}"),
            (_, Ok(number)) if number < 1 << 16 => write!(f, "{number}"),
            (_, Ok(number)) => write!(f, "{number:#x}"),
            _ => f.write_str("ptr"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(nr: i64, args: [u64; 6]) -> String {
        ForbiddenCall::new(1, Forbidden { nr, args, ip: 0 }).to_string()
    }

    #[test]
    fn texts() {
        assert_eq!(
            text(libc::SYS_clock_gettime, [1, 0x7fff_1234_5678, 9, 9, 9, 9]),
            "child 1 called clock_gettime(1, ptr), which confinement refuses: read clocks in \
             the master and pass the value"
        );
        let openat = text(libc::SYS_openat, [0xffff_ff9c, 1 << 40, 0x8_0000, 0, 0, 0]);
        assert!(openat.starts_with("child 1 called openat(-100, ptr, 0x80000, 0), "), "{openat}");
        let mmap = text(libc::SYS_mmap, [0, 4096, 3, 0x22, u64::MAX, 0]);
        assert!(mmap.contains("mmap(0, 4096, 3, 34, -1, 0)"), "{mmap}");
        assert!(text(libc::SYS_fork, [0; 6]).contains("called fork(), "));
        assert!(text(libc::SYS_swapoff, [0; 6]).contains("called swapoff, which"));
        assert!(text(5000, [0; 6]).contains("called system call 5000, which"));
        assert!(text(-1, [0; 6]).contains("make the call in the master"));
    }
}
