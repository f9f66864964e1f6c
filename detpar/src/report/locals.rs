//! Local variables on the stack: whose frame an address lies in, and which variable of it.
use super::field::{self, Field};
use super::image::Image;
use super::objects;
use super::symbols::{self, Lines};
use super::types::{Unit, string};
use addr2line::gimli::{
    self, AttributeValue, DebuggingInformationEntry, EndianSlice, Expression, LittleEndian,
    Operation, UnitOffset, UnitRef,
};
use std::ffi::{c_int, c_void};

type Slice<'a> = EndianSlice<'a, LittleEndian>;
type Entry<'a> = DebuggingInformationEntry<Slice<'a>>;

const RBP: u16 = 6;
const RSP: u16 = 7;

/// A function's frame on the stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Where the function's call returns to.
    ip: usize,
    rbp: usize,
    rsp: usize,
    /// The frame's end: the caller's stack pointer.
    end: usize,
}

/// The part of libgcc's unwinder that walks without changing anything.
mod unwinder {
    use super::*;

    pub(super) enum Context {}

    unsafe extern "C" {
        pub(super) fn _Unwind_Backtrace(
            each: unsafe extern "C" fn(*mut Context, *mut c_void) -> c_int,
            arg: *mut c_void,
        ) -> c_int;
        pub(super) fn _Unwind_GetIP(context: *mut Context) -> usize;
        pub(super) fn _Unwind_GetCFA(context: *mut Context) -> usize;
        pub(super) fn _Unwind_GetGR(context: *mut Context, register: c_int) -> usize;
    }
}

struct Search {
    address: usize,
    inner: Option<Frame>,
    found: Option<Frame>,
}

/// The live frame around an address on this stack. Reads no file and allocates nothing.
pub(super) fn frame_around(address: usize) -> Option<Frame> {
    let mut search = Search { address, inner: None, found: None };
    // SAFETY: `look` has the type that the unwinder calls, and is given this record.
    unsafe { unwinder::_Unwind_Backtrace(look, (&raw mut search).cast()) };
    search.found
}

/// Looks at one frame, from the innermost on; not 0 ends the walk.
///
/// # Safety
/// `context` must be the unwinder's, `search` a [`Search`] that nothing else uses.
unsafe extern "C" fn look(context: *mut unwinder::Context, search: *mut c_void) -> c_int {
    // SAFETY: the caller's contract; the calls read what the unwinder has restored.
    let (search, ip, rsp, rbp) = unsafe {
        (
            &mut *search.cast::<Search>(),
            unwinder::_Unwind_GetIP(context),
            unwinder::_Unwind_GetCFA(context),
            unwinder::_Unwind_GetGR(context, RBP.into()),
        )
    };
    if let Some(inner) = search.inner
        && (inner.rsp..rsp).contains(&search.address)
    {
        search.found = Some(Frame { end: rsp, ..inner });
        return 1;
    }
    search.inner = Some(Frame { ip, rbp, rsp, end: 0 });
    0
}

/// A local variable.
#[derive(Clone, Debug)]
pub(super) struct Local {
    pub name: String,
    /// The function that it belongs to.
    pub function: Option<String>,
    /// The part of it that was looked for, and where that begins.
    pub field: Option<Field>,
    pub start: usize,
}

/// The variable of a frame around an address, where debug information tells.
pub(super) fn local(frame: &Frame, address: usize) -> Option<Local> {
    // The call itself, not what follows it.
    let found = objects::find(frame.ip - 1)?;
    let image = Image::of(&found)?;
    let dwarf = image.dwarf()?;
    let ip = found.offset as u64;
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        let Ok(unit) = dwarf.unit(header) else { continue };
        let unit = unit.unit_ref(&dwarf);
        let Ok(mut ranges) = unit.unit_ranges() else { continue };
        let mut holds = false;
        while let Ok(Some(range)) = ranges.next() {
            holds |= (range.begin..range.end).contains(&ip);
        }
        if holds {
            let Found { name, ty, start, owner } = in_unit(&unit, frame, ip, address)?;
            let field = field::at(&Unit::new(unit), ty, (address - start) as u64);
            let code = || symbols::code_in(&found, Some((&*image, &Lines::new(&image)))).0.function;
            return Some(Local { name, function: owner.or_else(code), field, start });
        }
    }
    None
}

/// A variable, its type and address, and the function that declares it: that of a call which was
/// inlined is another than its caller.
struct Found {
    name: String,
    ty: UnitOffset,
    start: usize,
    owner: Option<String>,
}

/// The innermost variable around an address.
fn in_unit(unit: &UnitRef<'_, Slice<'_>>, frame: &Frame, ip: u64, address: usize) -> Option<Found> {
    let types = Unit::new(*unit);
    let mut found = None;
    // The function around the instruction: where it is, and what its variables count from.
    let mut function: Option<(isize, usize)> = None;
    // Below this depth the instruction does not lie.
    let mut outside: Option<isize> = None;
    // Functions around the entry, with their depth: names where there are any.
    let mut owners: Vec<(isize, Option<String>)> = Vec::new();
    let mut entries = unit.entries();
    while let Ok(Some(entry)) = entries.next_dfs() {
        let depth = entry.depth();
        if outside.is_some_and(|d| depth > d) {
            continue;
        }
        outside = None;
        owners.retain(|(d, _)| *d < depth);
        if function.is_some_and(|(d, _)| depth <= d) {
            break;
        }
        match entry.tag() {
            gimli::DW_TAG_subprogram => {
                if !holds(unit, entry, ip) {
                    outside = Some(depth);
                } else if let Some(base) = base(unit, entry, frame) {
                    function = Some((depth, base));
                    owners.push((depth, function_name(unit, entry)));
                }
            }
            gimli::DW_TAG_lexical_block | gimli::DW_TAG_inlined_subroutine
                if function.is_some() && !holds(unit, entry, ip) =>
            {
                outside = Some(depth);
            }
            gimli::DW_TAG_inlined_subroutine => owners.push((depth, function_name(unit, entry))),
            gimli::DW_TAG_variable | gimli::DW_TAG_formal_parameter => {
                let Some((_, base)) = function else { continue };
                let start = place(unit, entry, frame, base, ip);
                let around = start.and_then(|start| {
                    let (name, ty) = named(unit, entry)?;
                    let len = field::size(&types, ty)? as usize;
                    let holds = (start..start.checked_add(len)?).contains(&address);
                    let owner = owners.last().and_then(|(_, owner)| owner.clone());
                    holds.then_some(Found { name, ty, start, owner })
                });
                found = around.or(found);
            }
            _ => {}
        }
    }
    found
}

/// Name of a function, which one that was inlined or declared before has elsewhere.
fn function_name<'d>(unit: &UnitRef<'_, Slice<'d>>, entry: &Entry<'d>) -> Option<String> {
    let mut origin = None;
    for _ in 0..4 {
        let entry = origin.as_ref().unwrap_or(entry);
        if let Some(value) = entry.attr_value(gimli::DW_AT_linkage_name) {
            return Some(symbols::demangle(&string(unit, value)?));
        }
        let elsewhere = [gimli::DW_AT_abstract_origin, gimli::DW_AT_specification];
        let AttributeValue::UnitRef(at) = elsewhere.iter().find_map(|&a| entry.attr_value(a))?
        else {
            return None;
        };
        origin = Some(unit.entry(at).ok()?);
    }
    None
}

/// Whether an entry's code has the instruction.
fn holds<'d>(unit: &UnitRef<'_, Slice<'d>>, entry: &Entry<'d>, ip: u64) -> bool {
    let Ok(mut ranges) = unit.die_ranges(entry) else { return false };
    while let Ok(Some(range)) = ranges.next() {
        if (range.begin..range.end).contains(&ip) {
            return true;
        }
    }
    false
}

/// What a function's variables count from.
fn base<'d>(unit: &UnitRef<'_, Slice<'d>>, function: &Entry<'d>, frame: &Frame) -> Option<usize> {
    let place = function.attr_value(gimli::DW_AT_frame_base)?.exprloc_value()?;
    match only(unit, place)? {
        Operation::Register { register } => in_register(frame, register.0),
        Operation::CallFrameCFA => Some(frame.end),
        _ => None,
    }
}

fn in_register(frame: &Frame, register: u16) -> Option<usize> {
    match register {
        RBP => Some(frame.rbp),
        RSP => Some(frame.rsp),
        _ => None,
    }
}

/// Where a variable lies, if it lies on the stack.
fn place<'d>(
    unit: &UnitRef<'_, Slice<'d>>,
    variable: &Entry<'d>,
    frame: &Frame,
    base: usize,
    ip: u64,
) -> Option<usize> {
    let value = variable.attr_value(gimli::DW_AT_location)?;
    let place = match value.exprloc_value() {
        Some(place) => place,
        None => {
            let mut list = unit.attr_locations(value).ok()??;
            loop {
                let entry = list.next().ok()??;
                if (entry.range.begin..entry.range.end).contains(&ip) {
                    break entry.data;
                }
            }
        }
    };
    match only(unit, place)? {
        Operation::FrameOffset { offset } => Some(base.wrapping_add_signed(offset as isize)),
        Operation::RegisterOffset { register, offset, .. } => {
            Some(in_register(frame, register.0)?.wrapping_add_signed(offset as isize))
        }
        _ => None,
    }
}

/// The operation of an expression that has one.
fn only<'d>(
    unit: &UnitRef<'_, Slice<'_>>,
    place: Expression<Slice<'d>>,
) -> Option<Operation<Slice<'d>>> {
    let mut steps = place.operations(unit.encoding());
    let first = steps.next().ok()??;
    steps.next().ok()?.is_none().then_some(first)
}

/// Name and type of a variable, which an inlined one has elsewhere.
fn named<'d>(unit: &UnitRef<'_, Slice<'d>>, entry: &Entry<'d>) -> Option<(String, UnitOffset)> {
    let origin = match entry.attr_value(gimli::DW_AT_abstract_origin) {
        Some(AttributeValue::UnitRef(at)) => Some(unit.entry(at).ok()?),
        _ => None,
    };
    let entry = origin.as_ref().unwrap_or(entry);
    let name = string(unit, entry.attr_value(gimli::DW_AT_name)?)?;
    Some((name, field::type_of(entry)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Item {
        id: u16,
        count: u32,
    }

    #[inline(never)]
    fn search(address: usize) -> Option<Local> {
        local(&frame_around(address)?, address)
    }

    #[test]
    fn locals_and_their_fields() {
        let mut items = (7u8, [const { Item { id: 1, count: 2 } }; 4]);
        let at = (&raw const items.1[3].count).addr();
        let found = search(at).expect("debug information");
        assert_eq!(found.name, "items");
        assert!(found.function.is_some_and(|f| f.ends_with("locals_and_their_fields")));
        let field = found.field.expect("types");
        assert_eq!((field.path.as_str(), field.ty.as_str(), field.len), (".1[3].count", "u32", 4));
        assert_eq!(found.start + field.start as usize, at);
        let id = search((&raw const items.1[0].id).addr() + 1).and_then(|l| l.field);
        assert_eq!(id.map(|f| (f.path, f.ty)), Some((".1[0].id".into(), "u16".into())));
        std::hint::black_box(&mut items);
        assert!(search(Vec::<u8>::with_capacity(9).as_ptr().addr()).is_none());
    }
}
