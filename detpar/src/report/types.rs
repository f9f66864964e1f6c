//! The type of a static variable, from debug information.
use super::symbols;
use addr2line::gimli::{
    self, AttributeValue, EndianSlice, LittleEndian, Operation, UnitOffset, UnitRef,
};

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// Path of the type of the static at an address of an object whose file has these bytes, without
/// parameters: `std::sync::once_lock::OnceLock`. Looked for in what was compiled of the crate that
/// the static's own path begins with.
pub(super) fn of_static(bytes: &[u8], address: usize, name: &str) -> Option<String> {
    let start = name.trim_start_matches(['<', '&']);
    let krate = &start[..start.find("::")?];
    let dwarf = symbols::dwarf(bytes)?;
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        let Ok(unit) = dwarf.unit(header) else { continue };
        let of_crate = unit.name.is_some_and(|name| name.to_string_lossy().contains(krate));
        if of_crate && let Some(path) = in_unit(&unit.unit_ref(&dwarf), address as u64) {
            return Some(path);
        }
    }
    None
}

fn in_unit(unit: &UnitRef<'_, Slice<'_>>, address: u64) -> Option<String> {
    let mut entries = unit.entries();
    let mut found = None;
    while let Ok(Some(entry)) = entries.next_dfs() {
        if entry.tag() == gimli::DW_TAG_variable
            && let Some(AttributeValue::Exprloc(place)) = entry.attr_value(gimli::DW_AT_location)
            && let Ok(Some(Operation::Address { address: at })) =
                place.operations(unit.encoding()).next()
            && at == address
            && let Some(AttributeValue::UnitRef(ty)) = entry.attr_value(gimli::DW_AT_type)
        {
            found = Some(ty);
            break;
        }
    }
    path(unit, found?)
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
            of_static(&symbols::read(&found)?, found.offset, name)
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
