//! What is known of the byte of a conflict: variable, field, and the values there as the type
//! has them. Looked up when a report is wanted, by the master only.
use super::describe::Place;
use super::field::{self, Field, Scalar};
use super::image::Image;
use super::locals::{self, Frame};
use super::symbols::Code;
use super::types::{self, Static};
use super::{objects, unwind};
use kernel::abi::{Conflict, Writer};

/// What is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Details {
    /// Path of the static, or name of the local variable.
    pub variable: Option<String>,
    /// The function that a local variable belongs to.
    pub function: Option<String>,
    /// The way into the variable, as it is written after it; empty: it is one value.
    pub field: Option<String>,
    /// Name of the type of the field.
    pub ty: Option<String>,
    /// At the snapshot, as the lower and as the higher child left it.
    pub values: Option<[String; 3]>,
    /// For memory of the heap: where the program allocated the block.
    pub allocated: Option<Code>,
}

impl Details {
    pub fn new(
        conflict: &Conflict,
        place: &Place,
        frame: Option<&Frame>,
        calls: &[usize],
        writers: &[Option<Writer>; 2],
    ) -> Details {
        let address = conflict.address as usize;
        let mut details = Details { allocated: unwind::own(calls), ..Details::default() };
        let found = match place {
            Place::Static { name: Some(name), offset, .. } => {
                details.variable = Some(shown(name));
                of_static(address, name, *offset, false)
            }
            Place::ThreadLocal { name: Some(name), offset } => {
                details.variable = Some(shown(name));
                of_static(address, name, *offset, true)
            }
            Place::Stack { .. } => {
                let local = frame.and_then(|frame| locals::local(frame, address));
                local.and_then(|local| {
                    details.variable = Some(local.name);
                    details.function = local.function.as_deref().map(shown);
                    Some((local.start, local.field?))
                })
            }
            _ => None,
        };
        if let Some((start, field)) = found {
            let unit = (start + field.start as usize, field.len as usize);
            details.values = field.scalar.and_then(|scalar| values(conflict, unit, &scalar));
            details.field = Some(field.path);
            details.ty = Some(field.ty).filter(|name| !name.is_empty());
        } else if let Some(unit) = written(address, writers) {
            details.values = values(conflict, unit, &Scalar::Unsigned);
        }
        details
    }
}

/// Start of a static and the field around an address in it.
fn of_static(
    address: usize,
    name: &str,
    offset: usize,
    thread_local: bool,
) -> Option<(usize, Field)> {
    let found = objects::find(address)?;
    let image = Image::of(&found)?;
    let wanted = Static { address: found.offset.wrapping_sub(offset), thread_local, name };
    let field = types::with_static(&image, wanted, |unit, ty| field::at(unit, ty, offset as u64));
    Some((address - offset, field?))
}

/// Start and length of what both children wrote at an address, by their instructions: one value,
/// as far as they agree.
fn written(address: usize, writers: &[Option<Writer>; 2]) -> Option<(usize, usize)> {
    let mut known = writers.iter().flatten().map(|w| (w.start as usize, w.len as usize));
    let first = known.next()?;
    let is_value = matches!(first.1, 1 | 2 | 4 | 8) && first.0.is_multiple_of(first.1);
    let holds = (first.0..first.0.saturating_add(first.1)).contains(&address);
    (is_value && holds && known.all(|other| other == first)).then_some(first)
}

/// The three values of some bytes, where the record has them all.
fn values(c: &Conflict, (start, len): (usize, usize), scalar: &Scalar) -> Option<[String; 3]> {
    let from = start.checked_sub(c.address as usize & !7)?;
    let versions = [c.reference, c.lower_value, c.higher_value];
    let part = |bytes: [u8; 8]| bytes.get(from..from.checked_add(len)?).map(|b| scalar.show(b));
    let [was, lower, higher] = versions.map(part);
    Some([was?, lower?, higher?]).filter(|_| len > 0)
}

/// A path without what `#[detpar::main]` adds to it.
fn shown(path: &str) -> String {
    path.replace("::main::__detpar_user_main", "::main")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::abi::{Freed, REGISTERS, TRAIL, Trace};

    #[test]
    fn values_lie_in_the_record() {
        let mut c = Conflict {
            address: 0x14,
            lower: 0,
            higher: 1,
            reference: [0; 8],
            lower_value: [0, 0, 0, 0, 1, 1, 0, 0],
            higher_value: [0, 0, 0, 0, 0, 2, 0, 0],
            freed: Freed::Neither,
        };
        let of = |c: &Conflict, unit| values(c, unit, &Scalar::Unsigned);
        assert_eq!(of(&c, (0x14, 4)), Some(["0", "257", "512"].map(String::from)));
        assert_eq!(of(&c, (0x14, 8)), None);
        assert_eq!(of(&c, (0x14, 0)), None);
        c.address = 0x24;
        assert_eq!(of(&c, (0x14, 4)), None);
    }

    #[test]
    fn instructions_tell_the_width_where_they_agree() {
        let wrote = |start, len| {
            let trace = Trace { registers: [0; REGISTERS], stack: Vec::new() };
            Some(Writer { trace, start, len, last: true, below: [0; TRAIL], depth: 0 })
        };
        assert_eq!(written(0x13, &[wrote(0x10, 4), wrote(0x10, 4)]), Some((0x10, 4)));
        assert_eq!(written(0x13, &[None, wrote(0x10, 8)]), Some((0x10, 8)));
        assert_eq!(written(0x13, &[wrote(0x10, 4), wrote(0x10, 8)]), None);
        assert_eq!(written(0x13, &[wrote(0x10, 64), None]), None);
        assert_eq!(written(0x15, &[wrote(0x10, 4), None]), None);
        assert_eq!(written(0x13, &[None, None]), None);
    }
}
