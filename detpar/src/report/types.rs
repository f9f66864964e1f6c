//! Variables in debug information: the one that a static's address belongs to, and its type.
use super::image::Image;
use addr2line::gimli::{
    self, AttributeValue, EndianSlice, LittleEndian, Operation, UnitOffset, UnitRef,
};
use std::cell::OnceCell;
use std::ops::Range;

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// What one compiled unit says.
pub(super) struct Unit<'u, 'd> {
    pub at: UnitRef<'u, Slice<'d>>,
    /// Where the standard library's types lie in it.
    of_std: OnceCell<Vec<Range<usize>>>,
}

impl<'u, 'd> Unit<'u, 'd> {
    pub fn new(at: UnitRef<'u, Slice<'d>>) -> Unit<'u, 'd> {
        Unit { at, of_std: OnceCell::new() }
    }

    /// Whether a type is the standard library's.
    pub fn is_of_std(&self, ty: UnitOffset) -> bool {
        let all = self.of_std.get_or_init(|| namespaces(&self.at, &["core", "std", "alloc"]));
        all.iter().any(|range| range.contains(&ty.0))
    }
}

/// Where the outermost namespaces of these names lie.
fn namespaces(unit: &UnitRef<'_, Slice<'_>>, names: &[&str]) -> Vec<Range<usize>> {
    let (mut all, mut open) = (Vec::new(), None);
    let mut entries = unit.entries();
    while let Ok(Some(entry)) = entries.next_dfs() {
        if entry.depth() != 1 {
            continue;
        }
        let at = entry.offset().0;
        all.extend(open.take().map(|start| start..at));
        let name = || string(unit, entry.attr_value(gimli::DW_AT_name)?);
        let wanted = entry.tag() == gimli::DW_TAG_namespace
            && name().is_some_and(|name| names.contains(&name.as_str()));
        open = wanted.then_some(at);
    }
    all.extend(open.map(|start| start..usize::MAX));
    all
}

/// A name as it stands in debug information.
pub(super) fn string<'d>(
    unit: &UnitRef<'_, Slice<'d>>,
    value: AttributeValue<Slice<'d>>,
) -> Option<String> {
    Some(unit.attr_string(value).ok()?.to_string_lossy().into_owned())
}

/// A static that begins at an address of an object, as its file counts: of code and data, or of
/// the object's thread-local variables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Static<'a> {
    pub address: usize,
    pub thread_local: bool,
    /// Its path. It is looked for in what was compiled of the crate that this begins with.
    pub name: &'a str,
}

/// Path of the type of a static, without parameters: `std::sync::once_lock::OnceLock`.
pub(super) fn of_static(image: &Image, wanted: Static<'_>) -> Option<String> {
    with_static(image, wanted, |unit, ty| path(&unit.at, ty))
}

/// What `f` says of the type of a static of an object whose file this is.
pub(super) fn with_static<T>(
    image: &Image,
    wanted: Static<'_>,
    f: impl Fn(&Unit<'_, '_>, UnitOffset) -> Option<T>,
) -> Option<T> {
    let start = wanted.name.trim_start_matches(['<', '&']);
    // What C has no path for may be anywhere.
    let krate = start.find("::").map_or("", |end| &start[..end]);
    let dwarf = image.dwarf()?;
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        let Ok(unit) = dwarf.unit(header) else { continue };
        let of_crate = unit.name.is_some_and(|name| name.to_string_lossy().contains(krate));
        let unit = unit.unit_ref(&dwarf);
        if of_crate && let Some(ty) = in_unit(&unit, wanted) {
            return f(&Unit::new(unit), ty);
        }
    }
    None
}

fn in_unit(unit: &UnitRef<'_, Slice<'_>>, wanted: Static<'_>) -> Option<UnitOffset> {
    let mut entries = unit.entries();
    while let Ok(Some(entry)) = entries.next_dfs() {
        if entry.tag() == gimli::DW_TAG_variable
            && let Some(AttributeValue::Exprloc(place)) = entry.attr_value(gimli::DW_AT_location)
            && let Some(AttributeValue::UnitRef(ty)) = entry.attr_value(gimli::DW_AT_type)
        {
            let mut steps = place.operations(unit.encoding());
            let (first, then) = (steps.next().ok().flatten(), steps.next().ok().flatten());
            let at = match (first, then) {
                (Some(Operation::Address { address }), _) if !wanted.thread_local => address,
                (Some(Operation::UnsignedConstant { value }), Some(Operation::TLS))
                    if wanted.thread_local =>
                {
                    value
                }
                _ => continue,
            };
            if at == wanted.address as u64 {
                return Some(ty);
            }
        }
    }
    None
}

/// Path of the type at an offset of a unit.
fn path(unit: &UnitRef<'_, Slice<'_>>, ty: UnitOffset) -> Option<String> {
    let mut entries = unit.entries();
    // Names of what the entry lies in, with their depths.
    let mut around: Vec<(isize, String)> = Vec::new();
    while let Ok(Some(entry)) = entries.next_dfs() {
        let (depth, here) = (entry.depth(), entry.offset() == ty);
        around.truncate(around.partition_point(|outer| outer.0 < depth));
        if here || entry.tag() == gimli::DW_TAG_namespace {
            let name = unit.attr_string(entry.attr_value(gimli::DW_AT_name)?).ok()?;
            around.push((depth, name.to_string_lossy().into_owned()));
        }
        if here {
            let parts: Vec<&str> = around.iter().map(|outer| outer.1.as_str()).collect();
            let path = parts.join("::");
            return Some(path.split('<').next().unwrap_or_default().to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::objects;
    use super::*;
    use std::sync::{LazyLock, OnceLock, atomic::AtomicU32};

    static LAZY: LazyLock<Vec<u8>> = LazyLock::new(Vec::new);
    static ONCE: OnceLock<String> = OnceLock::new();
    static NUMBER: AtomicU32 = AtomicU32::new(1);

    #[test]
    fn types_of_statics() {
        let of = |address: usize, name: &str| {
            let found = objects::find(address).expect("the program is loaded");
            let wanted = Static { address: found.offset, thread_local: false, name };
            of_static(&*Image::of(&found)?, wanted)
        };
        let name = "detpar::report::types::tests";
        let once = (&raw const ONCE).addr();
        assert_eq!(of(once, name).as_deref(), Some("std::sync::once_lock::OnceLock"));
        let lazy = of((&raw const LAZY).addr(), name);
        assert_eq!(lazy.as_deref(), Some("std::sync::lazy_lock::LazyLock"));
        let number = of((&raw const NUMBER).addr(), name).expect("debug information");
        assert!(number.ends_with("Atomic") || number.ends_with("AtomicU32"), "{number}");
        assert_eq!(of(once + 1, name), None);
        assert_eq!(of(once, "nothing::ONCE"), None);
        assert!(LAZY.is_empty() && ONCE.get().is_none());
    }
}
