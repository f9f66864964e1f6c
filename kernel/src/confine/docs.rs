//! `docs/confine.md`, made from the table: `cargo xtask docs` writes it, the test below fails
//! where it is not what the table says.

use super::policy::{Action, Arg, LAST, Row, UNASSIGNED, UNKNOWN, topics};
use std::fmt::Write;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/confine.md");
/// The part that no row says.
const BEFORE: &str = include_str!("docs.md");

fn kind(arg: &Arg) -> &'static str {
    match arg {
        Arg::Fd => "fd",
        Arg::Dir => "dirfd",
        Arg::Path => "name",
        Arg::Ptr => "pointer",
        Arg::Num => "number",
        Arg::Bits => "flags",
    }
}

fn line(row: &Row) -> String {
    let args: Vec<&str> = row.args.iter().map(kind).collect();
    let action = match row.action {
        Action::Refuse => "refused",
        Action::Tree => "answered in a tree",
        Action::Passes => "not filtered",
        Action::Constant(n) => &n.to_string(),
        _ => "answered",
    };
    format!("| {} | `{}`({}) | {action} | {} |\n", row.nr, row.name, args.join(", "), row.why)
}

fn render() -> String {
    let mut text = BEFORE.to_owned();
    for topic in topics() {
        let _ = write!(text, "\n## {}\n\n{}\n\n", topic.title, topic.intro);
        text.push_str("| number | call | in a child | why |\n|---:|---|---|---|\n");
        topic.rows.iter().for_each(|r| text.push_str(&line(r)));
    }
    text.push_str("\n## All other numbers\n\n");
    for (first, last) in UNASSIGNED {
        let _ = writeln!(text, "{first} to {last} have no call.");
    }
    let _ =
        writeln!(text, "What is above {LAST}, and every other entry into the system (`int 0x80`,");
    let _ = writeln!(text, "`sysenter`, x32 numbers), is refused as {UNKNOWN}.");
    text
}

#[test]
fn docs_are_current() {
    let text = render();
    if std::env::var_os("DETPAR_UPDATE_DOCS").is_some() {
        std::fs::write(FILE, &text).expect("docs/confine.md can be written");
    }
    let there = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(there == text, "docs/confine.md is not what the table says: run `cargo xtask docs`");
}
