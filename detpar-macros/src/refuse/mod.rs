//! Finds in a piece of code what it names that is nondeterministic.
//!
//! It works on tokens, so that the arguments of macros are searched like all other code, and
//! knows names only: of a path, an end is enough that tells it from others (`Instant::now`,
//! `Mutex`); names that the piece itself imports or defines are looked through. So a type of
//! one's own by the name `Mutex` is written `self::Mutex` or imported in the function; and what
//! hides behind a type's methods is left to clippy and to confinement, which sees everything.
//!
//! - `table.rs` has the names, with reasons.
//! - `names.rs` says what a name stands for.
//! - `scan.rs` walks the tokens.
pub(crate) mod names;
mod scan;
pub(crate) mod table;

pub(crate) use scan::search;
use table::{GROUPS, Group, Kind, ROWS, Row};

/// An identifier as it is meant: `r#type` is `type`.
fn text(word: &proc_macro2::Ident) -> String {
    let text = word.to_string();
    text.strip_prefix("r#").map(String::from).unwrap_or(text)
}

/// The group that `allow(...)` knows by a name.
///
/// # Errors
/// A message that lists all names, where there is none.
pub(crate) fn group(name: &str) -> Result<&'static Group, String> {
    GROUPS.iter().find(|group| group.name == name).copied().ok_or_else(|| {
        let known: Vec<_> = GROUPS.iter().map(|g| format!("`{}`", g.name)).collect();
        format!("nothing is called `{name}` here; known: {}", known.join(", "))
    })
}

/// The row that a path means, for paths from their beginning.
fn row(path: &[String]) -> Option<&'static Row> {
    const HERE: &[&str] = &["crate", "self", "super", "Self"];
    let first = path.first()?;
    if HERE.contains(&first.as_str()) {
        return None;
    }
    // What `core` and `alloc` define, `std` re-exports.
    let head = if first == "core" || first == "alloc" { "std" } else { first };
    let path: Vec<&str> =
        std::iter::once(head).chain(path[1..].iter().map(String::as_str)).collect();
    ROWS.iter().find(|row| row.names.iter().any(|name| means(&path, row, name)))
}

/// Whether a path is, or goes on from, an end of the row's path that holds the name.
fn means(path: &[&str], row: &Row, name: &str) -> bool {
    let within = row.within.split("::").filter(|s| !s.is_empty());
    let mut whole: Vec<&str> = within.collect();
    let mut name: Vec<&str> = name.split("::").collect();
    // The name may repeat the last module, where the name alone would say too little.
    if whole.last() == name.first() {
        whole.pop();
    }
    let longest_cut = whole.len();
    whole.append(&mut name);
    (0..=longest_cut).any(|cut| {
        let end = &whole[cut..];
        match row.kind {
            // A module's name alone may be anything.
            Kind::Module => path.len() > end.len() && path.starts_with(end),
            _ => path.starts_with(end),
        }
    })
}
