//! Reads the book: the commands that it shows with their output, and the files that it quotes.
//!
//! The programs are in `src/bin`; `tests/book.rs` compares them with the book.
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// A line of the book that could not be read as meant, told with its file and line.
pub type Result<T> = std::result::Result<T, String>;

/// A page of the book.
#[derive(Debug)]
pub struct Page {
    /// Where it lies.
    pub path: PathBuf,
    text: String,
}

/// A command that the book shows in a block of the language `console`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Line of the page, from 1 on.
    pub line: usize,
    /// What is typed, without the prompt; lines that end with a backslash go on in the next.
    pub typed: String,
    /// What it prints, line by line; `[...]` stands for any number of characters.
    pub output: Vec<String>,
}

/// A quotation: `{{#include path}}` or `{{#include path:anchor}}`.
#[derive(Debug, PartialEq, Eq)]
pub struct Include {
    /// Relative to the page.
    pub path: String,
    /// Name of the part; all of the file without one.
    pub anchor: Option<String>,
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// All pages of the book and the parts of pages in `c`, in order of their names.
///
/// # Errors
///
/// A file that cannot be read.
pub fn pages() -> Result<Vec<Page>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in ["tutorials/src", "tutorials/src/c"].map(|folder| root().join(folder)) {
        let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        paths.extend(entries.filter_map(|e| Some(e.ok()?.path())));
    }
    paths.retain(|p| p.extension().is_some_and(|e| e == "md"));
    paths.sort_by_key(|p| p.file_name().map(OsStr::to_owned));
    paths.iter().map(|path| Page::at(path)).collect()
}

impl Page {
    /// A page by its path.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub fn at(path: &Path) -> Result<Page> {
        Ok(Page { path: path.into(), text: read(path)? })
    }

    /// Commands in blocks of other languages than `console` and those in the text (`cargo run ...`
    /// in back-ticks), each with its line. Comments behind them are left out.
    pub fn other_commands(&self) -> Vec<(usize, &str)> {
        let mut block = None;
        let mut found = Vec::new();
        for (i, line) in self.text.lines().enumerate() {
            if let Some(language) = line.strip_prefix("```") {
                block = if block.is_none() { Some(language.trim()) } else { None };
            } else if let Some(language) = block.filter(|l| *l != "console") {
                let typed =
                    line.trim_start_matches("$ ").split(" # ").next().unwrap_or(line).trim();
                let starts = ["cargo ", "gcc ", "target/", "DETPAR_"].iter();
                let prompted =
                    line.starts_with("$ ") || starts.into_iter().any(|s| line.starts_with(s));
                if prompted || language == "sh" && !typed.is_empty() {
                    found.push((i + 1, typed));
                }
            } else if block.is_none() {
                let code = line.split('`').skip(1).step_by(2);
                found.extend(code.filter(|c| c.starts_with("cargo run ")).map(|c| (i + 1, c)));
            }
        }
        found
    }

    /// Its name, without `.md`.
    pub fn name(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The quotations, each with its line.
    pub fn includes(&self) -> Vec<(usize, Include)> {
        let lines = self.text.lines().enumerate();
        lines.filter_map(|(i, line)| Some((i + 1, include(line)?))).collect()
    }

    /// The text of a quotation.
    ///
    /// # Errors
    ///
    /// A file that is not there, an anchor that is not in it or has nothing inside.
    pub fn quoted(&self, include: &Include) -> Result<String> {
        let folder = self.path.parent().expect("a page lies in a folder");
        let text = read(&folder.join(&include.path))?;
        let Some(name) = &include.anchor else { return Ok(text) };
        anchored(&text, name).ok_or_else(|| format!("{} has no anchor {name}", include.path))
    }

    /// The commands of all blocks of the language `console`, quotations in them filled in.
    ///
    /// # Errors
    ///
    /// A quotation that is none, or output before the first command of a block.
    pub fn commands(&self) -> Result<Vec<Command>> {
        let mut all: Vec<Command> = Vec::new();
        let (mut fenced, mut console, mut first) = (false, false, true);
        for (i, line) in self.text.lines().enumerate() {
            if let Some(language) = line.strip_prefix("```") {
                fenced = !fenced;
                console = fenced && language.trim() == "console";
                first = true;
            } else if console
                && let Some(Command { typed, .. }) = all.last_mut().filter(|_| !first)
                && let Some(begun) = typed.strip_suffix('\\')
            {
                *typed = format!("{begun}{}", line.trim_start());
            } else if console && let Some(typed) = line.strip_prefix("$ ") {
                all.push(Command { line: i + 1, typed: typed.into(), output: Vec::new() });
                first = false;
            } else if console {
                let at = || format!("{}:{}", self.path.display(), i + 1);
                if first {
                    return Err(format!("{}: output without a command", at()));
                }
                let text = match include(line) {
                    Some(quoted) => self.quoted(&quoted).map_err(|e| format!("{}: {e}", at()))?,
                    None => line.into(),
                };
                let command = all.last_mut().expect("a block begins with a command");
                command.output.extend(text.trim_end().lines().map(String::from));
            }
        }
        Ok(all)
    }
}

/// The file's text.
///
/// # Errors
///
/// With the path in the message.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn include(line: &str) -> Option<Include> {
    let inner = line.trim().strip_prefix("{{#include ")?.strip_suffix("}}")?.trim();
    let (path, anchor) = match inner.split_once(':') {
        Some((path, anchor)) => (path, Some(anchor.into())),
        None => (inner, None),
    };
    Some(Include { path: path.into(), anchor })
}

/// What stands between `ANCHOR: name` and `ANCHOR_END: name`, other anchors left out.
fn anchored(text: &str, name: &str) -> Option<String> {
    let is =
        |line: &str, mark: &str| line.split_once(mark).is_some_and(|(_, rest)| rest.trim() == name);
    let mut lines = text.lines().skip_while(|l| !is(l, "ANCHOR: ")).skip(1);
    let mut inside = Vec::new();
    loop {
        let line = lines.next()?;
        if is(line, "ANCHOR_END: ") {
            break;
        }
        if !line.contains("ANCHOR: ") && !line.contains("ANCHOR_END: ") {
            inside.push(line);
        }
    }
    (!inside.is_empty()).then(|| inside.join("\n"))
}

/// The first difference between what the book shows and what was printed.
///
/// `[...]` stands for any characters of a line; alone in a line, for any number of lines.
pub fn difference(shown: &[String], printed: &str) -> Option<String> {
    let printed: Vec<&str> = printed.trim_end().lines().collect();
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    if lines_match(&shown, &printed) {
        return None;
    }
    let same = shown.iter().zip(&printed).take_while(|(s, p)| line_matches(s, p)).count();
    let line = |lines: &[&str]| lines.get(same).map_or("(nothing)".to_string(), |l| l.to_string());
    Some(format!(
        "line {}:\n  the book has {}\n  printed was  {}\n  all of it:\n{}",
        same + 1,
        line(&shown),
        line(&printed),
        printed.join("\n"),
    ))
}

const ANYTHING: &str = "[...]";

fn lines_match(shown: &[&str], printed: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.trim() == ANYTHING => {
            (0..=printed.len()).any(|skip| lines_match(rest, &printed[skip..]))
        }
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(p, more)| line_matches(first, p) && lines_match(rest, more)),
    }
}

fn line_matches(shown: &str, printed: &str) -> bool {
    let (shown, printed) = (shown.trim_end(), printed.trim_end());
    match shown.split_once(ANYTHING) {
        None => shown == printed,
        Some((before, after)) => printed.strip_prefix(before).is_some_and(|rest| {
            let ends = (0..=rest.len()).filter(|&i| rest.is_char_boundary(i));
            ends.into_iter().any(|i| line_matches(after, &rest[i..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page { path: root().join("tutorials/src/none.md"), text: text.into() }
    }

    #[test]
    fn commands_and_their_output() {
        let page = page("```console\n$ a b\n1\n2\n$ c\n```\n```rust\n$ no\n```\n");
        let commands = page.commands().unwrap();
        assert_eq!(commands.len(), 2);
        assert_eq!((commands[0].typed.as_str(), commands[0].line), ("a b", 2));
        assert_eq!(commands[0].output, ["1", "2"]);
        assert!(commands[1].output.is_empty());
    }

    #[test]
    fn commands_of_several_lines() {
        let page = page("```console\n$ a \\\n    b \\\n  c\n1\\\n2\n$ d\n```\n");
        let commands = page.commands().unwrap();
        let typed: Vec<&str> = commands.iter().map(|c| c.typed.as_str()).collect();
        assert_eq!(typed, ["a b c", "d"]);
        assert_eq!(commands[0].output, ["1\\", "2"]);
    }

    #[test]
    fn commands_that_are_not_run() {
        let page = page(
            "```text\ncargo a\nb\n$ c\n```\n```console\n$ d\n```\n```sh\ne # f\n```\ncargo g\n\
             type `cargo run h`, or `cargo i`\n",
        );
        let found = [(2, "cargo a"), (4, "c"), (10, "e"), (13, "cargo run h")];
        assert_eq!(page.other_commands(), found);
    }

    #[test]
    fn output_alone_is_an_error() {
        assert!(page("```console\n1\n```\n").commands().unwrap_err().contains("none.md:2"));
    }

    #[test]
    fn parts_of_files() {
        let text = "a\n// ANCHOR: x\nb\n// ANCHOR: y\nc\n// ANCHOR_END: y\n// ANCHOR_END: x\nd\n";
        assert_eq!(anchored(text, "x").unwrap(), "b\nc");
        assert_eq!(anchored(text, "y").unwrap(), "c");
        assert_eq!(anchored(text, "z"), None);
        assert_eq!(anchored("// ANCHOR: open\nb\n", "open"), None);
    }

    #[test]
    fn quotations() {
        let is = |path: &str, anchor: Option<&str>| {
            Some(Include { path: path.into(), anchor: anchor.map(String::from) })
        };
        assert_eq!(include("{{#include ../a.rs:b}}"), is("../a.rs", Some("b")));
        assert_eq!(include("{{#include ../a.txt}}"), is("../a.txt", None));
        assert_eq!(include("some text"), None);
        let missing = page("").quoted(&include("{{#include ../gone.rs}}").unwrap());
        assert!(missing.unwrap_err().contains("gone.rs"));
    }

    #[test]
    fn output_is_compared_line_by_line() {
        let shown = |lines: &[&str]| lines.iter().map(|l| l.to_string()).collect::<Vec<_>>();
        assert_eq!(difference(&shown(&["a", "b"]), "a\nb\n"), None);
        assert_eq!(difference(&shown(&["took [...] ms", "b"]), "took 12 ms\nb"), None);
        assert_eq!(difference(&shown(&["a", "[...]", "z"]), "a\nb\nc\nz"), None);
        assert_eq!(difference(&shown(&["a", "[...]"]), "a"), None);
        for (lines, printed) in [
            (&["a", "b"][..], "a\nc"),
            (&["a"], "a\nb"),
            (&["a", "b"], "a"),
            (&["took [...] ms"], "took 12 s"),
        ] {
            assert!(difference(&shown(lines), printed).is_some(), "{lines:?} {printed}");
        }
    }
}
