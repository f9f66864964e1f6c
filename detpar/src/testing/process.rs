//! Starting this program once more for a test, and waiting for it.
//!
//! What it writes goes to memory files, so that no reader must keep up with it; the report
//! pipe's end says that it is over.
use super::mark::{Mark, Report};
use crate::report::signal_name;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The variable with the most seconds that a process of a test may take.
pub(crate) const LIMIT: &str = "DETPAR_TEST_LIMIT";

/// How long to wait for news before looking whether the process still lives.
const TICK: Duration = Duration::from_millis(20);

/// A process that was started.
pub(crate) struct Process {
    child: Child,
    pipe: PipeReader,
    written: Vec<File>,
    said: Vec<u8>,
    started: Instant,
    limit: Option<Duration>,
}

/// Where a process writes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Streams {
    /// Standard output and standard error into one file, in the order of its writes.
    Together,
    /// Each into a file of its own.
    Apart,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What it said of itself, if it came to that.
    pub report: Option<Report>,
    /// What it wrote: to standard output and standard error, or to both.
    pub written: Vec<Vec<u8>>,
    /// Its status; nothing where it was ended for its time.
    pub status: Option<ExitStatus>,
    limit: Option<Duration>,
}

impl Process {
    /// Starts this program with a mark, arguments, and variables set or removed.
    pub fn start(
        mark: &Mark,
        arguments: &[OsString],
        streams: Streams,
        variables: &[(&str, Option<&OsStr>)],
    ) -> io::Result<Process> {
        let limit = limit().map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        let (pipe, theirs) = io::pipe()?;
        let mut written = vec![memory_file(c"stdout")?];
        if streams == Streams::Apart {
            written.push(memory_file(c"stderr")?);
        }
        let mut command = Command::new("/proc/self/exe");
        // As `exec` of a shell would name it.
        if let Some(name) = std::env::args_os().next() {
            command.arg0(name);
        }
        command.args(arguments).stdin(Stdio::from(theirs));
        command.stdout(written[0].try_clone()?);
        command.stderr(written[written.len() - 1].try_clone()?);
        let (name, value) = mark.variable();
        command.env(name, value);
        for (name, value) in variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let child = command.spawn()?;
        // The command goes here, and with it our end of the pipe that it writes to.
        drop(command);
        Ok(Process { child, pipe, written, said: Vec::new(), started: Instant::now(), limit })
    }

    /// Waits until it has ended. `news` is called with what it wrote to standard output, or to
    /// both streams, as it comes.
    pub fn wait(mut self, mut news: impl FnMut(&[u8])) -> io::Result<Ended> {
        let mut ended = Ended {
            report: None,
            written: vec![Vec::new(); self.written.len()],
            status: None,
            limit: self.limit,
        };
        let mut open = true;
        let mut pause = Duration::from_micros(50);
        loop {
            if open {
                open = self.listen(TICK)?;
            } else {
                std::thread::sleep(pause);
                pause = (pause * 2).min(TICK);
            }
            let status = self.child.try_wait()?;
            let late = self.limit.is_some_and(|l| self.started.elapsed() > l);
            if status.is_none() && late {
                self.child.kill()?;
                self.child.wait()?;
            }
            if status.is_some() || late {
                // What it said at the very end.
                while open && self.listen(Duration::ZERO)? {
                    open = self.has_news(Duration::ZERO)?;
                }
                ended.status = status;
                ended.report = Report::parse(&self.said);
            }
            self.collect(&mut ended.written, &mut news)?;
            if status.is_some() || late {
                return Ok(ended);
            }
        }
    }

    fn has_news(&self, wait: Duration) -> io::Result<bool> {
        let mut poll = libc::pollfd { fd: self.pipe.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one record, alive during the call.
        match unsafe { libc::poll(&raw mut poll, 1, wait.as_millis() as i32) } {
            -1 if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted => {
                Err(io::Error::last_os_error())
            }
            n => Ok(n > 0),
        }
    }

    /// Reads what it says within some time; whether it may say more.
    fn listen(&mut self, wait: Duration) -> io::Result<bool> {
        if !self.has_news(wait)? {
            return Ok(true);
        }
        let mut part = [0; 4096];
        match self.pipe.read(&mut part) {
            Ok(0) => Ok(false),
            Ok(n) => {
                self.said.extend(&part[..n]);
                Ok(true)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(e) => Err(e),
        }
    }

    /// Takes what it wrote since the last time.
    fn collect(&self, all: &mut [Vec<u8>], news: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let before = all[0].len();
        for (file, all) in self.written.iter().zip(all.iter_mut()) {
            let start = all.len();
            let end = file.metadata()?.len() as usize;
            all.resize(end.max(start), 0);
            file.read_exact_at(&mut all[start..], start as u64)?;
        }
        news(&all[0][before..]);
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only where waiting failed is it still alive: no process outlives its test.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Ended {
    /// How it ended, for an end that no report explains.
    pub fn how(&self) -> String {
        let Some(status) = self.status else {
            let seconds = self.limit.unwrap_or_default().as_secs_f64();
            return format!("was still running after {seconds} s ({LIMIT}) and was ended");
        };
        if let Some(signal) = status.signal() {
            return format!("was ended by {}", signal_name(signal));
        }
        format!("ended with exit code {}, not by the end of the test", status.code().unwrap_or(-1))
    }
}

/// What [`LIMIT`] says.
fn limit() -> Result<Option<Duration>, String> {
    let Ok(text) = std::env::var(LIMIT) else { return Ok(None) };
    match text.trim().parse::<f64>().ok().map(Duration::try_from_secs_f64) {
        Some(Ok(Duration::ZERO)) => Ok(None),
        Some(Ok(limit)) => Ok(Some(limit)),
        _ => Err(format!("{LIMIT}={text}: give a number of seconds; 0: no limit")),
    }
}

fn memory_file(name: &std::ffi::CStr) -> io::Result<File> {
    // SAFETY: the name is a C string.
    let fd = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(fd) }))
}
