//! What a process started by a test is told and tells: the *mark* in its environment, and the
//! *report* on a pipe that it finds as its standard input.
//!
//! Nothing of either is left for the program to see: the mark is taken out of the environment,
//! the pipe moves to a high descriptor, and standard input becomes `/dev/null`, before any code
//! of the program runs in the master.
use std::ffi::{CStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Mutex, OnceLock};

/// The variable that holds the mark.
const NAME: &CStr = c"DETPAR_TEST";

/// What a process started by a test is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Process id of who waits for it.
    pub parent: u32,
    /// Place of the test's entry relative to the program; `None`: the program's own main.
    pub entry: Option<usize>,
    /// Number of the determinism check at which it ends; `None`: it runs to its end.
    pub stop_at: Option<u32>,
    /// The test's name.
    pub test: String,
}

impl Mark {
    /// `parent entry stop name`, with `-` for what is missing.
    fn text(&self) -> String {
        let entry = self.entry.map_or("-".into(), |e| format!("{e:x}"));
        let stop = self.stop_at.map_or("-".into(), |n| n.to_string());
        format!("{} {entry} {stop} {}", self.parent, self.test)
    }

    fn parse(text: &str) -> Option<Mark> {
        let mut words = text.splitn(4, ' ');
        let mut word = || words.next();
        let parent = word()?.parse().ok()?;
        let entry = match word()? {
            "-" => None,
            hex => Some(usize::from_str_radix(hex, 16).ok()?),
        };
        let stop_at = match word()? {
            "-" => None,
            n => Some(n.parse().ok()?),
        };
        Some(Mark { parent, entry, stop_at, test: word()?.into() })
    }

    /// The variable to start the process with.
    pub fn variable(&self) -> (OsString, OsString) {
        (std::ffi::OsStr::from_bytes(NAME.to_bytes()).into(), self.text().into())
    }

    /// This process's own, if it has one; without allocating where there is none.
    pub fn read() -> Option<Mark> {
        // SAFETY: a constructor or the start of main: no other thread changes the environment.
        let value = unsafe { libc::getenv(NAME.as_ptr()) };
        if value.is_null() {
            return None;
        }
        // SAFETY: the environment's values are C strings.
        Mark::parse(unsafe { CStr::from_ptr(value) }.to_str().ok()?)
    }

    /// Whether this process was started by a test and has not taken the mark yet.
    pub fn is_set() -> bool {
        std::env::var_os(std::ffi::OsStr::from_bytes(NAME.to_bytes())).is_some()
    }

    /// Takes mark and report pipe, and makes sure that this process ends with its parent.
    ///
    /// # Safety
    /// At the start of the program, while there is one thread.
    pub unsafe fn take() -> Option<Mark> {
        let mark = Mark::read()?;
        // SAFETY: invariant `one-thread`, the caller's contract; the other calls have no memory
        // operands.
        unsafe {
            std::env::remove_var(std::ffi::OsStr::from_bytes(NAME.to_bytes()));
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            if libc::getppid() as u32 != mark.parent {
                // Nobody is left to report to.
                libc::_exit(1);
            }
        }
        match take_report() {
            Ok(file) => {
                let report = Some((file, std::process::id()));
                *REPORT.lock().unwrap_or_else(|e| e.into_inner()) = report;
            }
            Err(e) => {
                eprintln!("detpar: a test's process without a report pipe: {e}");
                std::process::exit(70)
            }
        }
        TAKEN.set(mark.clone()).expect("the mark is taken once");
        Some(mark)
    }

    /// The mark that was taken.
    pub fn taken() -> Option<&'static Mark> {
        TAKEN.get()
    }
}

static TAKEN: OnceLock<Mark> = OnceLock::new();
/// The report pipe, and the process that it belongs to.
static REPORT: Mutex<Option<(File, u32)>> = Mutex::new(None);

/// Moves standard input away from the program's sight.
fn take_report() -> io::Result<File> {
    let fd = [900, 200, 50, 3].into_iter().find_map(|at| {
        // SAFETY: has no memory operands.
        let fd = unsafe { libc::fcntl(0, libc::F_DUPFD_CLOEXEC, at) };
        (fd >= 0).then_some(fd)
    });
    let fd = fd.ok_or_else(io::Error::last_os_error)?;
    // SAFETY: just made, and nobody else's.
    let report = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    let nothing = File::open("/dev/null")?;
    // SAFETY: both are open descriptors.
    if unsafe { libc::dup2(nothing.as_raw_fd(), 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(report)
}

/// What a process started by a test tells, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// The test passed, or the run came to its end without meeting its check.
    Passed,
    /// It panicked, with this message.
    Panicked(String),
    /// It returned a failure.
    Returned,
    /// The checked closure came to its end.
    Checked {
        /// Digest of the value and its text, or the message of a panic.
        value: Result<(u128, String), String>,
        /// Where in the outputs the closure began.
        began: [u64; 2],
    },
}

impl Report {
    /// A letter, numbers, a text.
    fn bytes(&self) -> Vec<u8> {
        let (letter, numbers, text): (u8, Vec<u128>, &str) = match self {
            Report::Passed => (b'P', vec![], ""),
            Report::Panicked(message) => (b'F', vec![], message),
            Report::Returned => (b'R', vec![], ""),
            Report::Checked { value: Ok((digest, text)), began: [out, err] } => {
                (b'V', vec![(*out).into(), (*err).into(), *digest], text)
            }
            Report::Checked { value: Err(message), began: [out, err] } => {
                (b'X', vec![(*out).into(), (*err).into()], message)
            }
        };
        let mut bytes = vec![letter];
        numbers.iter().for_each(|n| bytes.extend(n.to_le_bytes()));
        bytes.extend(text.as_bytes());
        bytes.push(END);
        bytes
    }

    /// Reads a report; `None` where it is not complete.
    pub fn parse(bytes: &[u8]) -> Option<Report> {
        let (&letter, rest) = bytes.split_first()?;
        let (&END, rest) = rest.split_last()? else { return None };
        let number = |i: usize| -> Option<u128> {
            Some(u128::from_le_bytes(rest.get(16 * i..16 * (i + 1))?.try_into().ok()?))
        };
        let text = |from: usize| Some(String::from_utf8_lossy(rest.get(from..)?).into_owned());
        let began = || Some([number(0)? as u64, number(1)? as u64]);
        Some(match letter {
            b'P' => Report::Passed,
            b'F' => Report::Panicked(text(0)?),
            b'R' => Report::Returned,
            b'V' => Report::Checked { value: Ok((number(2)?, text(48)?)), began: began()? },
            b'X' => Report::Checked { value: Err(text(32)?), began: began()? },
            _ => return None,
        })
    }

    /// Sends it to who waits for this process. The first counts, and nothing that a process
    /// forked by the program says.
    pub fn send(&self) {
        let taken = REPORT.lock().unwrap_or_else(|e| e.into_inner()).take();
        if let Some((mut file, id)) = taken
            && id == std::process::id()
        {
            // Where nobody listens any more there is nobody to tell either.
            let _ = file.write_all(&self.bytes());
        }
    }
}

/// Last byte of a report: one that a process's death cut short is none.
const END: u8 = 0xff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        for (entry, stop_at) in [(None, None), (Some(0x12_3450), Some(3))] {
            let test = "tests::a name".to_owned();
            let mark = Mark { parent: 17, entry, stop_at, test };
            assert_eq!(Mark::parse(&mark.text()), Some(mark));
        }
        for wrong in ["", "1", "1 -", "1 - -", "x - - n", "1 zz - n", "1 - z n"] {
            assert_eq!(Mark::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn reports() {
        let began = [5, u64::MAX];
        for report in [
            Report::Passed,
            Report::Panicked("at\nfour: ä".into()),
            Report::Returned,
            Report::Checked { value: Ok((1 << 100, "[1]".into())), began },
            Report::Checked { value: Err(String::new()), began },
        ] {
            let bytes = report.bytes();
            assert_eq!(Report::parse(&bytes), Some(report));
            for cut in 0..bytes.len() {
                assert_eq!(Report::parse(&bytes[..cut]), None, "{cut}");
            }
        }
    }
}
