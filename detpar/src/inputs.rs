//! `DETPAR_RECORD` and `DETPAR_REPLAY`: which run a record is of, and what of the environment it
//! brings along.

use crate::start::stop;
use kernel::replay::{Failure, Inputs, Mode};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{File, OpenOptions, Permissions};
use std::io::Read;
use std::os::fd::IntoRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const RECORD: &str = "DETPAR_RECORD";
const REPLAY: &str = "DETPAR_REPLAY";

/// Variables of the run itself: results do not depend on them, so they are not recorded, and the
/// program does not see them.
const OWN: [&str; 10] = [
    RECORD,
    REPLAY,
    "DETPAR_WORKERS",
    "DETPAR_CHAOS",
    "DETPAR_TRACE",
    "DETPAR_SCAN",
    "DETPAR_HUGE",
    "DETPAR_ASLR",
    "DETPAR_ENGINE",
    "DETPAR_PROFILE",
];

/// Why the inputs are neither recorded nor replayed.
#[derive(Debug)]
enum Refused {
    Both,
    Engine,
    File { variable: &'static str, path: PathBuf, why: String },
    Record { path: PathBuf, failure: Failure },
    Program { recorded: String, now: String },
    Arguments { recorded: String, now: String },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Both => write!(f, "{RECORD} and {REPLAY} are both set: give one of them"),
            Refused::Engine => {
                write!(f, "{RECORD} and {REPLAY} need the engine spaces: do without DETPAR_ENGINE")
            }
            Refused::File { variable, path, why } => {
                write!(f, "{variable}={}: {why}", path.display())
            }
            Refused::Record { path, failure } => {
                write!(f, "{REPLAY}={}: {failure}", path.display())
            }
            Refused::Program { recorded, now } => write!(
                f,
                "{REPLAY}: recorded was another program: its build was {recorded}, this one's is \
                 {now}; replay with the program that was recorded, or record the run again"
            ),
            Refused::Arguments { recorded, now } => write!(
                f,
                "{REPLAY}: the run was recorded with other arguments: {recorded}, now {now}; give \
                 the recorded ones"
            ),
        }
    }
}

fn asked(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from)
}

/// Ends a program that cannot have its inputs recorded since it has no spaces.
pub(crate) fn refuse_without_spaces() {
    if asked(RECORD).or(asked(REPLAY)).is_some() {
        stop(&Refused::Engine.to_string());
    }
}

/// Opens what the environment asks for. In a replay the environment is the recorded one
/// afterwards, except for what concerns the run itself; see [`hide_own`].
///
/// # Safety
/// On the only thread.
pub(crate) unsafe fn open() -> Result<Option<Inputs>, String> {
    // SAFETY: the caller's contract.
    unsafe { opened() }.map_err(|e| e.to_string())
}

/// # Safety
/// On the only thread.
unsafe fn opened() -> Result<Option<Inputs>, Refused> {
    let (path, mode) = match (asked(RECORD), asked(REPLAY)) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(Refused::Both),
        (Some(path), None) => (path, Mode::Record),
        (None, Some(path)) => (path, Mode::Replay),
    };
    let now = About::now();
    let of_record = |failure| Refused::Record { path: path.clone(), failure };
    let file = file(&path, mode)?.into_raw_fd();
    let inputs = match mode {
        Mode::Record => Inputs::record(file, &now.to_bytes()),
        Mode::Replay => Inputs::replay(file),
    }
    .map_err(of_record)?;
    let recorded = About::from_bytes(&inputs.about().map_err(of_record)?)
        .ok_or(of_record(Failure::NotARecord))?;
    if recorded.build != now.build {
        return Err(Refused::Program { recorded: recorded.build(), now: now.build() });
    }
    if recorded.arguments != now.arguments {
        let text = |about: &About| format!("{:?}", about.arguments);
        return Err(Refused::Arguments { recorded: text(&recorded), now: text(&now) });
    }
    // In both modes, so that the program's memory is the same in both.
    // SAFETY: the caller's contract.
    unsafe {
        for (name, _) in &now.environment {
            std::env::remove_var(name);
        }
        for (name, value) in &recorded.environment {
            std::env::set_var(name, value);
        }
    }
    Ok(Some(inputs))
}

/// Takes the variables of the run itself out of the environment, when they have been read.
///
/// # Safety
/// On the only thread.
pub(crate) unsafe fn hide_own() {
    for name in OWN {
        // SAFETY: the caller's contract.
        unsafe { std::env::remove_var(name) };
    }
}

fn file(path: &Path, mode: Mode) -> Result<File, Refused> {
    let record = mode == Mode::Record;
    let variable = if record { RECORD } else { REPLAY };
    let wrong = |why: &dyn fmt::Display| Refused::File {
        variable,
        path: path.into(),
        why: why.to_string(),
    };
    // A pipe that nobody reads is an error, not a wait. Inputs may be secret.
    let mut how = OpenOptions::new();
    how.custom_flags(libc::O_NONBLOCK).mode(0o600).read(true);
    how.write(record).create(record).truncate(record);
    let file = how.open(path).map_err(|e| wrong(&e))?;
    if !file.metadata().is_ok_and(|m| m.is_file()) {
        return Err(wrong(&"give the name of a file; this is none"));
    }
    if record {
        // One that was there before may be open to others.
        file.set_permissions(Permissions::from_mode(0o600)).map_err(|e| wrong(&e))?;
    }
    Ok(file)
}

/// Which run it is.
struct About {
    /// Length and hash of the program's file.
    build: [u64; 2],
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl About {
    fn now() -> About {
        let environment =
            std::env::vars_os().filter(|(name, _)| OWN.iter().all(|own| name != own)).collect();
        About { build: build(), arguments: std::env::args_os().collect(), environment }
    }

    fn build(&self) -> String {
        format!("{:016x} of {} bytes", self.build[1], self.build[0])
    }

    /// Numbers and strings with their lengths, as [`Cursor`] takes them.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let number = |bytes: &mut Vec<u8>, n: u64| bytes.extend(n.to_le_bytes());
        for n in self.build {
            number(&mut bytes, n);
        }
        let pairs = self.environment.iter().flat_map(|(name, value)| [name, value]);
        let lists = [self.arguments.iter().collect::<Vec<_>>(), pairs.collect()];
        for list in lists {
            number(&mut bytes, list.len() as u64);
            for text in list {
                number(&mut bytes, text.len() as u64);
                bytes.extend(text.as_bytes());
            }
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<About> {
        let mut from = Cursor(bytes);
        let build = [from.number()?, from.number()?];
        let arguments = from.list()?;
        let pairs = from.list()?;
        let valid = |name: &OsStr| {
            !name.is_empty() && !name.as_bytes().iter().any(|b| matches!(b, b'=' | 0))
        };
        let mut environment = Vec::new();
        for pair in pairs.chunks(2) {
            let [name, value] = pair else { return None };
            if !valid(name) || value.as_bytes().contains(&0) {
                return None;
            }
            environment.push((name.clone(), value.clone()));
        }
        from.0.is_empty().then_some(About { build, arguments, environment })
    }
}

/// What is left of the bytes.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn list(&mut self) -> Option<Vec<OsString>> {
        let mut list = Vec::new();
        for _ in 0..self.number()? {
            let len = usize::try_from(self.number()?).ok()?;
            let (text, rest) = self.0.split_at_checked(len)?;
            self.0 = rest;
            list.push(OsString::from_vec(text.into()));
        }
        Some(list)
    }
}

/// Length and hash of the program's own file, eight bytes at a time: programs are large.
fn build() -> [u64; 2] {
    let mut build = [0, 0xcbf2_9ce4_8422_2325];
    let Ok(mut file) = File::open("/proc/self/exe") else { return build };
    let mut piece = [0; 1 << 14];
    loop {
        match file.read(&mut piece) {
            Ok(0) | Err(_) => return build,
            Ok(n) => {
                build[0] += n as u64;
                for word in piece[..n].chunks(8) {
                    let mut bytes = [0; 8];
                    bytes[..word.len()].copy_from_slice(word);
                    let mixed =
                        (build[1] ^ u64::from_le_bytes(bytes)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    build[1] = mixed ^ (mixed >> 29);
                }
            }
        }
    }
}
