//! Colours, and output to a reader that may be gone.
use std::io::{self, IsTerminal, Write};

/// How text is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    /// Headings and names.
    Bold,
    /// What is fine.
    Green,
    /// What is worth a look.
    Yellow,
    /// What is wrong.
    Red,
    /// What surrounds code.
    Blue,
}

/// Whether standard output takes colours (<https://no-color.org>).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colours(bool);

impl Colours {
    /// As the terminal and the environment want it.
    pub fn of_stdout() -> Colours {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Colours(wanted && io::stdout().is_terminal())
    }

    /// Text in a style, where colours are wanted.
    pub fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Bold => "1",
            Style::Green => "32",
            Style::Yellow => "33",
            Style::Red => "1;31",
            Style::Blue => "1;34",
        };
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }
}

/// Writes to standard output. A reader that is gone has seen enough.
pub(crate) fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
