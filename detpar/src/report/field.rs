//! What part of a variable a byte belongs to, by the types in debug information: the way from the
//! variable to the field or element, and how the value there is to be read.
use super::types::{Unit, string};
use addr2line::gimli::{
    self, AttributeValue, DebuggingInformationEntry, EndianSlice, LittleEndian, UnitOffset,
};

type Slice<'a> = EndianSlice<'a, LittleEndian>;
type Entry<'a> = DebuggingInformationEntry<Slice<'a>>;

/// Most steps into a type: more are a loop in broken debug information.
const STEPS: usize = 64;

/// A field or an element, as far as types tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// As it is written after the variable: `.items[3].count`.
    pub path: String,
    /// Name of its type.
    pub ty: String,
    /// Bytes from the start of the variable.
    pub start: u64,
    /// Bytes.
    pub len: u64,
    /// How its bytes are read, where it is one value.
    pub scalar: Option<Scalar>,
}

/// A kind of value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Unsigned,
    Signed,
    Float,
    Bool,
    Char,
    Pointer,
    /// Of an enumeration without data.
    Names(Vec<(u64, String)>),
}

impl Scalar {
    /// The value of these bytes, lowest first.
    pub fn show(&self, bytes: &[u8]) -> String {
        let mut all = [0; 8];
        all[..bytes.len().min(8)].copy_from_slice(&bytes[..bytes.len().min(8)]);
        let n = u64::from_le_bytes(all);
        let unused = 64 - 8 * bytes.len().min(8) as u32;
        match self {
            Scalar::Signed => ((n << (unused % 64)) as i64 >> (unused % 64)).to_string(),
            Scalar::Float if bytes.len() == 4 => format!("{:?}", f32::from_bits(n as u32)),
            Scalar::Float if bytes.len() == 8 => format!("{:?}", f64::from_bits(n)),
            Scalar::Bool if n < 2 => (n == 1).to_string(),
            Scalar::Char => char::from_u32(n as u32).map_or(n.to_string(), |c| format!("{c:?}")),
            Scalar::Pointer => format!("{n:#x}"),
            Scalar::Names(names) => {
                let named = names.iter().find(|(value, _)| *value == n);
                named.map_or(n.to_string(), |(_, name)| name.clone())
            }
            _ => n.to_string(),
        }
    }
}

/// Size of a type in bytes.
pub(super) fn size(unit: &Unit<'_, '_>, ty: UnitOffset) -> Option<u64> {
    let mut ty = ty;
    for _ in 0..STEPS {
        let entry = unit.at.entry(ty).ok()?;
        if let Some(n) = number(&entry, gimli::DW_AT_byte_size) {
            return Some(n);
        }
        match entry.tag() {
            gimli::DW_TAG_array_type => {
                return size(unit, type_of(&entry)?)?.checked_mul(count(unit, &entry)?);
            }
            gimli::DW_TAG_pointer_type => return Some(8),
            _ => ty = type_of(&entry)?,
        }
    }
    None
}

/// The field or element of a variable of this type around a byte.
pub(super) fn at(unit: &Unit<'_, '_>, ty: UnitOffset, byte: u64) -> Option<Field> {
    let mut at = Walk { path: String::new(), ty, start: 0, byte };
    for _ in 0..STEPS {
        let entry = unit.at.entry(at.ty).ok()?;
        // Kept in a byte of another type.
        let is_bool = name(unit, &entry).is_some_and(|n| n == "Atomic<bool>" || n == "AtomicBool");
        if is_bool && unit.is_of_std(at.ty) {
            let (path, scalar) = (at.path, Some(Scalar::Bool));
            return Some(Field { path, ty: "bool".into(), start: at.start, len: 1, scalar });
        }
        let next = match entry.tag() {
            gimli::DW_TAG_array_type => at.element(unit, &entry),
            gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type | gimli::DW_TAG_class_type => {
                at.member(unit, &entry)
            }
            gimli::DW_TAG_typedef | gimli::DW_TAG_const_type | gimli::DW_TAG_volatile_type => {
                type_of(&entry).map(|ty| at.ty = ty)
            }
            _ => None,
        };
        if next.is_none() {
            let (len, scalar) = (size(unit, at.ty)?, scalar(unit, &entry));
            let ty = name(unit, &entry).unwrap_or_default();
            return Some(Field { path: at.path, ty, start: at.start, len, scalar });
        }
    }
    None
}

/// On the way into a variable.
struct Walk {
    path: String,
    ty: UnitOffset,
    /// Bytes from the variable's start to here.
    start: u64,
    /// The same of the byte that is looked for.
    byte: u64,
}

impl Walk {
    fn element<'d>(&mut self, unit: &Unit<'_, 'd>, array: &Entry<'d>) -> Option<()> {
        let ty = type_of(array)?;
        let len = size(unit, ty).filter(|n| *n > 0)?;
        let i = (self.byte - self.start) / len;
        self.path.push_str(&format!("[{i}]"));
        (self.ty, self.start) = (ty, self.start + i * len);
        Some(())
    }

    fn member<'d>(&mut self, unit: &Unit<'_, 'd>, whole: &Entry<'d>) -> Option<()> {
        let children = children(unit, whole.offset())?;
        if let Some(part) = children.iter().find(|c| c.tag() == gimli::DW_TAG_variant_part) {
            return self.variant(unit, part);
        }
        let found = self.around(unit, &children)?;
        // What a cell, an atomic and the like are made of is of no interest.
        let alone = found.len == number(whole, gimli::DW_AT_byte_size)? || found.name == "val";
        if !(alone && unit.is_of_std(whole.offset())) {
            self.path.push('.');
            self.path.push_str(&found.name);
        }
        (self.ty, self.start) = (found.ty, self.start + found.offset);
        Some(())
    }

    /// The variant of an enumeration, where only one has a field there.
    fn variant<'d>(&mut self, unit: &Unit<'_, 'd>, part: &Entry<'d>) -> Option<()> {
        let mut found = None;
        for v in children(unit, part.offset())?.iter().filter(|c| c.tag() == gimli::DW_TAG_variant)
        {
            let members = children(unit, v.offset())?;
            let Some(whole) = self.around(unit, &members) else { continue };
            let fields = children(unit, whole.ty)?;
            if self.around(unit, &fields).is_some() && found.replace(whole).is_some() {
                return None;
            }
        }
        let whole = found?;
        self.path.push('.');
        self.path.push_str(&whole.name);
        (self.ty, self.start) = (whole.ty, self.start + whole.offset);
        Some(())
    }

    /// The one member around the byte.
    fn around<'d>(&self, unit: &Unit<'_, 'd>, entries: &[Entry<'d>]) -> Option<Member> {
        let members = entries.iter().filter(|c| c.tag() == gimli::DW_TAG_member);
        let mut around = members.filter_map(|m| {
            let offset = number(m, gimli::DW_AT_data_member_location).unwrap_or(0);
            let ty = type_of(m)?;
            let len = size(unit, ty)?;
            let holds = self.byte.checked_sub(self.start + offset)? < len;
            let name = name(unit, m)?;
            let name = name.strip_prefix("__").map_or(name.clone(), str::to_owned);
            holds.then_some(Member { name, ty, offset, len })
        });
        let first = around.next()?;
        // Several: a union.
        around.next().is_none().then_some(first)
    }
}

struct Member {
    name: String,
    ty: UnitOffset,
    offset: u64,
    len: u64,
}

fn scalar<'d>(unit: &Unit<'_, 'd>, entry: &Entry<'d>) -> Option<Scalar> {
    match entry.tag() {
        gimli::DW_TAG_pointer_type | gimli::DW_TAG_reference_type => Some(Scalar::Pointer),
        gimli::DW_TAG_enumeration_type => {
            let all = children(unit, entry.offset())?;
            let names = all.iter().filter_map(|c| {
                let value = number(c, gimli::DW_AT_const_value)?;
                Some((value, name(unit, c)?))
            });
            Some(Scalar::Names(names.collect()))
        }
        gimli::DW_TAG_base_type => match entry.attr_value(gimli::DW_AT_encoding)? {
            AttributeValue::Encoding(e) => match e {
                gimli::DW_ATE_unsigned | gimli::DW_ATE_unsigned_char => Some(Scalar::Unsigned),
                gimli::DW_ATE_signed | gimli::DW_ATE_signed_char => Some(Scalar::Signed),
                gimli::DW_ATE_float => Some(Scalar::Float),
                gimli::DW_ATE_boolean => Some(Scalar::Bool),
                gimli::DW_ATE_UTF => Some(Scalar::Char),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// How many elements an array has.
fn count<'d>(unit: &Unit<'_, 'd>, array: &Entry<'d>) -> Option<u64> {
    let ranges = children(unit, array.offset())?;
    let of = |r: &Entry<'_>| {
        let bound = || number(r, gimli::DW_AT_upper_bound).map(|n| n.wrapping_add(1));
        number(r, gimli::DW_AT_count).or_else(bound)
    };
    ranges.iter().filter(|c| c.tag() == gimli::DW_TAG_subrange_type).map(of).product()
}

fn children<'d>(unit: &Unit<'_, 'd>, of: UnitOffset) -> Option<Vec<Entry<'d>>> {
    let mut all = Vec::new();
    let mut entries = unit.at.entries_at_offset(of).ok()?;
    let depth = entries.next_dfs().ok()??.depth();
    while let Ok(Some(entry)) = entries.next_dfs() {
        match entry.depth() - depth {
            ..=0 => break,
            1 => all.push(entry.clone()),
            _ => {}
        }
    }
    Some(all)
}

fn number(entry: &Entry<'_>, name: gimli::DwAt) -> Option<u64> {
    entry.attr_value(name)?.udata_value()
}

fn name<'d>(unit: &Unit<'_, 'd>, entry: &Entry<'d>) -> Option<String> {
    string(&unit.at, entry.attr_value(gimli::DW_AT_name)?)
}

/// The type that an entry names.
pub(super) fn type_of(entry: &Entry<'_>) -> Option<UnitOffset> {
    match entry.attr_value(gimli::DW_AT_type)? {
        AttributeValue::UnitRef(ty) => Some(ty),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_their_kind() {
        assert_eq!(Scalar::Unsigned.show(&[1, 1]), "257");
        assert_eq!(Scalar::Signed.show(&[0xff, 0xff]), "-1");
        assert_eq!(Scalar::Signed.show(&(-7i64).to_le_bytes()), "-7");
        assert_eq!(Scalar::Float.show(&1.5f32.to_le_bytes()), "1.5");
        assert_eq!(Scalar::Float.show(&0.1f64.to_le_bytes()), "0.1");
        assert_eq!((Scalar::Bool.show(&[1]), Scalar::Bool.show(&[7])), ("true".into(), "7".into()));
        assert_eq!(Scalar::Char.show(&('ä' as u32).to_le_bytes()), "'ä'");
        assert_eq!(Scalar::Char.show(&u32::MAX.to_le_bytes()), "4294967295");
        assert_eq!(Scalar::Pointer.show(&[0x10, 0, 0, 0, 0, 0, 0, 0]), "0x10");
        let names = Scalar::Names(vec![(0, "Red".into()), (3, "Blue".into())]);
        assert_eq!((names.show(&[3]), names.show(&[2])), ("Blue".into(), "2".into()));
    }
}
