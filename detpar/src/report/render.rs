//! The look of a report: that of the compiler's own, with the source lines where the files are
//! at hand.
use super::symbols::Source;
use std::fmt::Write;
use std::io::IsTerminal;

/// A source line and what is said of it.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// `file:line:column` as it is shown.
    pub shown: String,
    pub source: Source,
    pub label: String,
}

/// What is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// The construct failed.
    #[default]
    Conflict,
    /// A child read what a sibling wrote.
    Read,
}

impl Kind {
    /// What a report begins with, and its colour.
    fn head(self) -> (&'static str, &'static str) {
        match self {
            Kind::Conflict => ("error[conflict]", ERROR),
            Kind::Read => ("warning[read]", WARNING),
        }
    }
}

/// A report.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    /// What it reports.
    pub kind: Kind,
    pub title: String,
    pub marks: Vec<Mark>,
    /// Each may have several lines.
    pub notes: Vec<String>,
    pub help: Option<String>,
}

/// Whether a report to standard error is to have colours.
pub(super) fn wants_colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
        || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
    !refused && std::io::stderr().is_terminal()
}

const ERROR: &str = "1;31";
const WARNING: &str = "1;33";
const FRAME: &str = "1;34";
const BOLD: &str = "1";

impl Report {
    pub fn render(&self, coloured: bool) -> String {
        let paint = |code: &str, text: &str| match coloured {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        };
        let mut marks: Vec<&Mark> = self.marks.iter().collect();
        // Stable: of equal lines the lower child's comes first.
        marks.sort_by_key(|m| (m.source.path != self.marks[0].source.path, m.source.line));
        let width = marks.iter().map(|m| digits(m.source.line)).max().unwrap_or(1);
        let (head, colour) = self.kind.head();
        let mut out = paint(colour, head);
        out.push_str(&paint(BOLD, &format!(": {}", self.title)));
        let bar = paint(FRAME, "|");
        let mut last: Option<&Source> = None;
        for m in marks {
            let text = line_of(m);
            let same_file = last.is_some_and(|l| l.path == m.source.path);
            if !same_file || text.is_none() {
                let arrow = paint(FRAME, if last.is_none() { "-->" } else { ":::" });
                let _ = write!(out, "\n{:width$}{arrow} {}", "", m.shown);
                let _ = write!(out, "\n{:width$} {bar}", "");
            } else if last.is_some_and(|l| l.line + 1 < m.source.line) {
                out.push_str("\n...");
            }
            let (blank, marker) = match &text {
                Some(text) => {
                    if !same_file || last.is_some_and(|l| l.line != m.source.line) {
                        let number = paint(FRAME, &format!("{:>width$} |", m.source.line));
                        let _ = write!(out, "\n{number} {text}");
                    }
                    (before(text, m.source.column), "^")
                }
                None => (0, "="),
            };
            let label = paint(colour, &format!("{marker} {}", m.label));
            let _ = write!(out, "\n{:width$} {bar} {:blank$}{label}", "", "");
            last = Some(&m.source);
        }
        if last.is_some() {
            let _ = write!(out, "\n{:width$} {bar}", "");
        }
        let notes = self.notes.iter().map(|n| ("note", n));
        for (kind, text) in notes.chain(self.help.iter().map(|h| ("help", h))) {
            let mut lines = text.lines();
            let first = lines.next().unwrap_or_default();
            let head = paint(FRAME, "=");
            let _ = write!(out, "\n{:width$} {head} {}: {first}", "", paint(BOLD, kind));
            lines.for_each(|line| {
                let _ = write!(out, "\n{:width$}         {line}", "");
            });
        }
        out
    }
}

fn digits(n: u32) -> usize {
    n.to_string().len()
}

/// The line as it is shown, if its file can be read.
fn line_of(mark: &Mark) -> Option<String> {
    let Source { path, line, .. } = &mark.source;
    // Compiled elsewhere, it may lie below this directory.
    let shown = mark.shown.split(':').next().unwrap_or_default();
    let text = std::fs::read(path).or_else(|_| std::fs::read(shown)).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let text = text.lines().nth((*line as usize).checked_sub(1)?)?;
    Some(text.trim_end().replace('\t', " "))
}

/// How many characters come before a column, which counts bytes.
fn before(text: &str, column: u32) -> usize {
    let bytes = (column as usize).saturating_sub(1);
    text.char_indices().take_while(|(at, _)| *at < bytes).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(path: &str, line: u32, column: u32, label: &str) -> Mark {
        let source = Source { path: path.into(), line, column };
        Mark { shown: format!("{path}:{line}:{column}"), source, label: label.into() }
    }

    #[test]
    fn source_lines_are_quoted() {
        let file = std::env::temp_dir().join(format!("detpar-render-{}", std::process::id()));
        std::fs::write(&file, "one\n\tläuft(two)\nthree\nfour\n").expect("a file");
        let path = file.to_str().expect("a path");
        let report = Report {
            title: "both".into(),
            marks: vec![mark(path, 4, 1, "B"), mark(path, 2, 9, "A"), mark(path, 2, 3, "C")],
            notes: vec!["a\nb".into()],
            help: Some("do".into()),
            ..Report::default()
        };
        let text = report.render(false).replace(path, "FILE");
        let wanted = [
            "error[conflict]: both",
            " --> FILE:2:9",
            "  |",
            "2 |  läuft(two)",
            "  |        ^ A",
            "  |   ^ C",
            "...",
            "4 | four",
            "  | ^ B",
            "  |",
            "  = note: a",
            "          b",
            "  = help: do",
        ];
        assert_eq!(text, wanted.join("\n"));
        let colours = report.render(true);
        assert!(colours.starts_with("\x1b[1;31merror[conflict]\x1b[0m\x1b[1m: both\x1b[0m\n"));
        std::fs::remove_file(&file).expect("it was there");
    }

    #[test]
    fn files_that_are_gone_are_named() {
        let marks = vec![mark("/gone/x.rs", 12, 5, "A"), mark("/gone/y.rs", 3, 1, "B")];
        let text = Report { title: "t".into(), marks, ..Report::default() }.render(false);
        let wanted = "error[conflict]: t\n  --> /gone/x.rs:12:5\n   |\n   | = A\n  ::: \
                      /gone/y.rs:3:1\n   |\n   | = B\n   |";
        assert_eq!(text, wanted);
        let bare = Report { title: "t".into(), notes: vec!["n".into()], ..Report::default() };
        assert_eq!(bare.render(false), "error[conflict]: t\n  = note: n");
    }
}
