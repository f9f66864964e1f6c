//! Findings as text, the way the compiler shows its own, and as JSON.
use super::{Finding, Report};
use crate::style::{Colours, Style};
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

impl Report {
    /// For people.
    pub(super) fn text(&self) -> String {
        let colours = Colours::of_stdout();
        let mut text = String::new();
        for finding in &self.findings {
            let file = self.files.iter().find(|f| f.path == finding.file);
            let line = file.and_then(|f| f.lines.get(finding.line - 1));
            show(finding, line.map_or("", String::as_str), colours, &mut text);
        }
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let looked = format!("{} of deterministic code", count(self.pieces, "piece"));
        let _ = match (self.pieces, self.findings.len()) {
            (0, _) => writeln!(text, "no deterministic code: nothing is marked #[deterministic]"),
            (_, 0) => writeln!(text, "no findings in {looked}"),
            (_, n) => writeln!(text, "{} in {looked}", count(n, "finding")),
        };
        if let Some(why) = self.without_clippy.filter(|_| self.pieces > 0) {
            let _ = writeln!(text, "by names only: {why}");
        }
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        let finding = |f: &Finding| {
            json!({
                "file": shown(&f.file),
                "line": f.line,
                "column": f.columns.0,
                "end_column": f.columns.1,
                "group": f.group,
                "name": f.name,
                "message": f.message,
                "help": f.help,
                "reached": f.chain,
            })
        };
        let findings: Vec<_> = self.findings.iter().map(finding).collect();
        let report = json!({
            "findings": findings,
            "pieces": self.pieces,
            "clippy": self.without_clippy.is_none(),
        });
        format!("{report:#}\n")
    }
}

/// A path as seen from the working directory.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|dir| dir.canonicalize());
    let inside = here.ok().and_then(|here| path.strip_prefix(here).ok());
    inside.unwrap_or(path).display().to_string()
}

fn show(f: &Finding, line: &str, colours: Colours, text: &mut String) {
    let number = f.line.to_string();
    let margin = " ".repeat(number.len());
    let bar = colours.paint(Style::Blue, "|");
    let arrow = colours.paint(Style::Blue, "-->");
    let (first, end) = f.columns;
    let before: String = line.chars().take(first - 1).map(blank).collect();
    let marks = "^".repeat(end.saturating_sub(first).max(1));
    let _ = writeln!(
        text,
        "{}{}\n{margin}{arrow} {}:{}:{first}\n{margin} {bar}\n{} {bar} {line}\n{margin} {bar} \
         {before}{}",
        colours.paint(Style::Red, &format!("error[{}]", f.group)),
        colours.paint(Style::Bold, &format!(": {}", f.message)),
        shown(&f.file),
        f.line,
        colours.paint(Style::Blue, &number),
        colours.paint(Style::Red, &marks),
    );
    let equals = colours.paint(Style::Blue, "=");
    let _ = writeln!(text, "{margin} {bar}\n{margin} {equals} help: {}", f.help);
    let way = f.chain.join(", which calls ");
    let _ = writeln!(text, "{margin} {equals} note: runs in a child: {way}\n");
}

/// What stands in for a character to the left of the marks.
fn blank(c: char) -> char {
    if c == '\t' { '\t' } else { ' ' }
}
