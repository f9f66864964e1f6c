//! Examples in documentation, which all are programs of the same frame.

/// A program whose main consists of the given lines.
macro_rules! example {
    ($($line:literal)+) => {
        concat!(
            "```\nuse detpar::prelude::*;\n\n#[detpar::main]\nfn main() {\n",
            $("    ", $line, "\n",)+
            "}\n```"
        )
    };
}

pub(super) use example;
