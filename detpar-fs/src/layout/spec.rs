//! The specification's tables say what the code does.

use super::{Field, dirblock, group, inode, superblock};

/// The fields of a table of the specification.
fn table(text: &str, name: &str) -> Vec<(String, usize, usize)> {
    let (_, rest) = text.split_once(&format!("<!-- table: {name} -->")).expect(name);
    let rows = rest.trim_start().lines().take_while(|l| l.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        (cells[1].to_string(), cells[2].parse().unwrap(), cells[3].parse().unwrap())
    })
    .collect()
}

#[test]
fn tables_are_those_of_the_specification() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fs-spec.md");
    let text = std::fs::read_to_string(path).unwrap();
    let tables: [(&str, &[Field]); 5] = [
        ("superblock", superblock::FIELDS),
        ("descriptor", group::FIELDS),
        ("inode", inode::FIELDS),
        ("leaf", dirblock::FIELDS),
        ("entry", dirblock::ENTRY_FIELDS),
    ];
    for (name, fields) in tables {
        let code: Vec<_> = fields.iter().map(|f| (f.name.to_string(), f.at, f.len)).collect();
        assert_eq!(table(&text, name), code, "{name}");
        // Nor do fields lie over each other.
        assert!(fields.windows(2).all(|w| w[0].at + w[0].len <= w[1].at), "{name}");
    }
    for (said, number) in [
        ("Bytes 140 to 251", inode::INLINE_AT + inode::INLINE - 1),
        ("256 bytes", inode::SIZE),
        ("follow at byte 16", dirblock::HEAD),
        ("from byte 2048 on", dirblock::SLOTS_AT),
        ("512 slots", dirblock::SLOTS),
        ("From byte 64 on", group::SUMS_AT),
    ] {
        let last = said.split(|c: char| !c.is_ascii_digit()).rfind(|n| !n.is_empty());
        assert_eq!(last.and_then(|n| n.parse().ok()), Some(number), "{said}");
        assert!(text.contains(said), "{said}");
    }
}
