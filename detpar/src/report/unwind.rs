//! From the place where a child ended up its stack, to the first caller that is the program's
//! own: refused calls and faults mostly happen in a library, and it is the program's line that
//! a reader looks for.
use super::image::Image;
use super::objects::{self, Found};
use super::symbols::{self, Code, Lines};
use addr2line::gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, LittleEndian, Register, RegisterRule,
    UnwindContext, UnwindSection,
};
use kernel::abi::Trace;
use object::{Object, ObjectSection};

/// Most frames that are looked at.
const FRAMES: usize = 64;

const RSP: usize = 7;
const IP: usize = 16;
/// Registers that a function keeps for its caller: rbx, rbp, r12 to r15.
const KEPT: [usize; 6] = [3, 6, 12, 13, 14, 15];

/// What code a child ended in: that of the first frame that is the program's own, else of the
/// innermost. `back` is subtracted from the instruction pointer to lie inside the instruction.
pub(super) fn caller(trace: &Trace, back: usize) -> Code {
    let mut registers = trace.registers;
    let mut back = back;
    let mut innermost = None;
    let program = Image::of_program();
    let lines = program.as_deref().map(Lines::new);
    for _ in 0..FRAMES {
        let at = (registers[IP] as usize).wrapping_sub(back);
        let Some(found) = objects::find(at) else { break };
        let (code, next) = match found.library {
            None => look(&found, program.as_deref().zip(lines.as_ref()), &registers, trace),
            Some(_) => {
                let image = Image::of(&found);
                let lines = image.as_deref().map(Lines::new);
                look(&found, image.as_deref().zip(lines.as_ref()), &registers, trace)
            }
        };
        if let Next::Found = next {
            return code;
        }
        innermost.get_or_insert(code);
        let Next::Caller(next) = next else { break };
        registers = next;
        // From here on it is a return address, after the call.
        back = 1;
    }
    innermost.unwrap_or_default()
}

/// What code of the program called something, by return addresses in the program from the innermost
/// on: that of the first frame that is its own.
pub(super) fn own(calls: &[usize]) -> Option<Code> {
    if calls.first().is_none_or(|&at| at == 0) {
        return None;
    }
    let program = Image::of_program()?;
    let known = Some((&*program, &Lines::new(&program)));
    calls.iter().take_while(|&&at| at != 0).find_map(|at| {
        let found = objects::find(at.wrapping_sub(1)).filter(|found| found.library.is_none())?;
        let (code, own) = symbols::code_in(&found, known);
        own.then_some(code)
    })
}

/// How the way up goes on.
enum Next {
    /// This frame is the program's own.
    Found,
    /// At the caller, with these registers.
    Caller([u64; 17]),
    /// Not at all.
    End,
}

/// What code a frame is in, of an object of which so much is known.
fn look(
    found: &Found,
    known: Option<(&Image, &Lines<'_>)>,
    registers: &[u64; 17],
    trace: &Trace,
) -> (Code, Next) {
    let (code, own) = symbols::code_in(found, known);
    if own {
        return (code, Next::Found);
    }
    let next = known.and_then(|(image, _)| step(&image.bytes, found, registers, trace));
    (code, next.map_or(Next::End, Next::Caller))
}

/// The caller's registers, by the object's table of frames. None at the outermost frame, and
/// where the table or the stack does not tell.
fn step(bytes: &[u8], found: &Found, now: &[u64; 17], trace: &Trace) -> Option<[u64; 17]> {
    let file = object::File::parse(bytes).ok()?;
    let section = file.section_by_name(".eh_frame")?;
    let table = EhFrame::new(section.data().ok()?, LittleEndian);
    let text = file.section_by_name(".text").map_or(0, |s| s.address());
    let bases = BaseAddresses::default().set_eh_frame(section.address()).set_text(text);
    let mut context = UnwindContext::new();
    let at = found.offset as u64;
    let cie = EhFrame::<EndianSlice<LittleEndian>>::cie_from_offset;
    // The linker's sorted index, where there is one: the table itself is long.
    let index = file.section_by_name(".eh_frame_hdr");
    let index = index.as_ref().and_then(|s| Some((s.address(), s.data().ok()?)));
    let bases = bases.set_eh_frame_hdr(index.map_or(0, |(address, _)| address));
    let index = index.and_then(|(_, d)| EhFrameHdr::new(d, LittleEndian).parse(&bases, 8).ok());
    let row = match index.as_ref().and_then(|i| i.table()) {
        Some(sorted) => sorted.unwind_info_for_address(&table, &bases, &mut context, at, cie),
        None => table.unwind_info_for_address(&bases, &mut context, at, cie),
    };
    let row = row.ok()?;
    let CfaRule::RegisterAndOffset { register, offset } = *row.cfa() else { return None };
    let frame = now.get(register.0 as usize)?.wrapping_add_signed(offset);
    let mut before = *now;
    for r in KEPT.into_iter().chain([IP]) {
        before[r] = match row.register(Register(r as u16)) {
            Some(RegisterRule::Offset(n)) => word(trace, frame.wrapping_add_signed(n))?,
            _ if r == IP => return None,
            _ => now[r],
        };
    }
    before[RSP] = frame;
    // A stack grows towards its callers; the outermost frame returns to nowhere.
    (frame > now[RSP] && before[IP] != 0).then_some(before)
}

/// A word of the stack.
fn word(trace: &Trace, address: u64) -> Option<u64> {
    let from = usize::try_from(address.checked_sub(trace.registers[RSP])?).ok()?;
    let bytes = trace.stack.get(from..from.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames of this thread, as a child would leave them.
    #[inline(never)]
    fn here() -> Trace {
        use libc::{
            REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RAX, REG_RBP,
            REG_RBX, REG_RCX, REG_RDI, REG_RDX, REG_RIP, REG_RSI, REG_RSP, getcontext, ucontext_t,
        };
        // SAFETY: zero is a valid value of every field; the call fills the registers.
        let now = unsafe {
            let mut now: ucontext_t = std::mem::zeroed();
            getcontext(&mut now);
            now.uc_mcontext.gregs
        };
        let order = [
            REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8, REG_R9,
            REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
        ];
        let registers = order.map(|r| now[r as usize] as u64);
        let from = registers[RSP] as *const u8;
        // SAFETY: the test thread's own stack, which is longer above its innermost frame.
        let stack = unsafe { std::slice::from_raw_parts(from, 4096) }.to_vec();
        Trace { registers, stack }
    }

    #[test]
    fn the_programs_own_frame_comes_first() {
        let trace = here();
        let code = caller(&trace, 0);
        assert!(code.line.is_some_and(|l| l.starts_with("detpar/src/report/unwind.rs:")));
    }

    #[test]
    fn frames_follow_each_other() {
        let trace = here();
        let found = objects::find(trace.registers[IP] as usize).expect("this program");
        let image = Image::of(&found).expect("this program's file");
        let up = step(&image.bytes, &found, &trace.registers, &trace).expect("a caller");
        let test = objects::find(up[IP] as usize - 1).expect("this program");
        let (code, _) = symbols::code_in(&test, Some((&*image, &Lines::new(&image))));
        assert!(code.function.is_some_and(|f| f.contains("frames_follow_each_other")));
        let cut = Trace { stack: Vec::new(), ..trace };
        assert!(step(&image.bytes, &found, &cut.registers, &cut).is_none(), "without a stack");
    }
}
