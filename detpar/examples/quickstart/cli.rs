//! The command line.
use crate::corpus;
use std::ffi::OsString;
use std::path::PathBuf;

pub const HELP: &str = "\
Words, near-duplicates and statistics of the text files below a directory.

usage: quickstart [DIR] [--words N] [--race | --compare [N]]

  DIR            where to look; the texts that come with the example by default
  --words N      how many of the most frequent words to print (default 10)
  --race         first count the words in two children that add to one counter
  --compare [N]  run the job N times (default 10) with plain threads and with
                 detpar: distinct digests and median times
  --help         print this text

exit codes: 0 success, 1 error, 2 conflict, 64 usage
";

/// What to do with the corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Print the report.
    Report,
    /// Count with a race first.
    Race,
    /// Run it this many times both ways.
    Compare(usize),
}

/// A valid command line.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Print the help.
    Help,
    /// Run the job.
    Run {
        /// Where the texts are.
        dir: PathBuf,
        /// How many words to print.
        words: usize,
        /// What to do.
        mode: Mode,
    },
}

/// Reads the arguments; the error is the complaint.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut args = args.into_iter().peekable();
    let mut dir: Option<PathBuf> = None;
    let mut words = 10;
    let mut mode = Mode::Report;
    let mut flags = true;
    while let Some(arg) = args.next() {
        let text = arg.to_str().filter(|text| flags && text.starts_with('-') && *text != "-");
        let (flag, inline) = match text {
            Some(text) => match text.split_once('=') {
                Some((flag, value)) => (Some(flag), Some(value)),
                None => (Some(text), None),
            },
            None => (None, None),
        };
        match (flag, inline) {
            (Some("--help" | "-h"), None) => return Ok(Command::Help),
            (Some("--"), None) => flags = false,
            (Some("--race"), None) => set(&mut mode, Mode::Race)?,
            (Some("--compare"), Some(n)) => set(&mut mode, Mode::Compare(runs(n)?))?,
            (Some("--compare"), None) => {
                let n = args.next_if(|next| next.to_str().is_some_and(is_number));
                let n = n.map_or(Ok(10), |n| runs(&n.to_string_lossy()))?;
                set(&mut mode, Mode::Compare(n))?;
            }
            (Some("--words"), Some(n)) => words = number("--words", n)?,
            (Some("--words"), None) => {
                let n = args.next().ok_or("--words needs a number")?;
                words = number("--words", &n.to_string_lossy())?;
            }
            (Some(_), _) => return Err(format!("unknown option {}", arg.display())),
            (None, _) if dir.is_some() => {
                return Err(format!("a second directory: {}", arg.display()));
            }
            (None, _) => dir = Some(arg.into()),
        }
    }
    let dir = dir.unwrap_or_else(|| corpus::DEFAULT.into());
    Ok(Command::Run { dir, words, mode })
}

fn set(mode: &mut Mode, to: Mode) -> Result<(), String> {
    if *mode != Mode::Report && std::mem::discriminant(mode) != std::mem::discriminant(&to) {
        return Err("--race and --compare exclude each other".to_owned());
    }
    *mode = to;
    Ok(())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(flag: &str, text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{flag} needs a number, not {text:?}"))
}

fn runs(text: &str) -> Result<usize, String> {
    match number("--compare", text)? {
        0 => Err("--compare needs at least one run".to_owned()),
        n => Ok(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn run(dir: &str, words: usize, mode: Mode) -> Result<Command, String> {
        Ok(Command::Run { dir: dir.into(), words, mode })
    }

    #[test]
    fn what_it_takes() {
        assert_eq!(of(""), run(corpus::DEFAULT, 10, Mode::Report));
        assert_eq!(of("--race dir"), run("dir", 10, Mode::Race));
        assert_eq!(of("--compare dir"), run("dir", 10, Mode::Compare(10)));
        assert_eq!(of("--compare 3 dir --words 0"), run("dir", 0, Mode::Compare(3)));
        assert_eq!(of("--compare=4 --words=5 7"), run("7", 5, Mode::Compare(4)));
        assert_eq!(of("-- --race"), run("--race", 10, Mode::Report));
        assert_eq!(of("dir --help"), Ok(Command::Help));
    }

    #[test]
    fn what_it_refuses() {
        for line in [
            "--rice",
            "-x",
            "a b",
            "--words",
            "--words many",
            "--words=-1",
            "--compare 0",
            "--compare=x",
            "--race=yes",
            "--race --compare",
        ] {
            assert!(of(line).is_err(), "{line}");
        }
    }
}
