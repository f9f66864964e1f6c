//! What the harness runs of a test: start its process, wait, show what it wrote, fail as it did.
use super::entry::{Entry, keep};
use super::mark::{Mark, Report};
use super::process::{Ended, Process, Streams};
use std::ffi::{OsStr, OsString};
use std::panic::resume_unwind;

/// Runs a test in a process of its own.
///
/// # Panics
/// As the test does.
pub fn run(entry: &'static Entry) {
    keep();
    let name = entry.name();
    assert!(
        !Mark::is_set(),
        "the process of test {name} did not leave the harness out; remedy: build detpar's kernel \
         with the feature `interpose`, and link the C library dynamically"
    );
    let what = match start(entry).and_then(|process| {
        let mut shown = Shown::default();
        let ended = process.wait(|news| shown.text(news, |text| print!("{text}")));
        shown.rest(|text| print!("{text}"));
        ended
    }) {
        Err(e) => return fail(entry, format!("the process of test {name} did not start: {e}")),
        Ok(Ended { report: Some(Report::Passed), status: Some(s), .. }) if s.success() => return,
        Ok(Ended { report: Some(Report::Panicked(message)), .. }) => {
            // The process has printed it; as the payload it is what `should_panic` looks at.
            resume_unwind(Box::new(message))
        }
        Ok(Ended { report: Some(Report::Returned), .. }) => "returned a failure".into(),
        Ok(ended) => ended.how(),
    };
    fail(entry, format!("the process of test {name} {what}"));
}

/// Fails for something that is no panic of the test, and so nothing that a test hopes for that
/// should panic: the harness takes a return as the failure then.
fn fail(entry: &Entry, message: String) {
    eprintln!("{message}");
    if !entry.should_panic {
        resume_unwind(Box::new(message));
    }
}

fn start(entry: &'static Entry) -> std::io::Result<Process> {
    let place = entry.place().ok_or_else(|| {
        std::io::Error::other("the test is part of a library that is loaded dynamically")
    })?;
    let test = entry.name().to_owned();
    // For who lists processes; the harness that would read them is left out.
    let arguments = [OsString::from("--exact"), OsString::from(&test)];
    let mark = Mark { parent: std::process::id(), entry: Some(place), stop_at: None, test };
    let check = (std::env::var_os("DETPAR_CHECK").is_none())
        .then_some(("DETPAR_CHECK", Some(OsStr::new("1"))));
    Process::start(&mark, &arguments, Streams::Together, check.as_slice())
}

/// Output that is shown as text, as it comes: a character may come in parts.
#[derive(Default)]
struct Shown(Vec<u8>);

impl Shown {
    fn text(&mut self, bytes: &[u8], show: impl FnOnce(&str)) {
        self.0.extend(bytes);
        let whole = match std::str::from_utf8(&self.0) {
            Err(e) if e.error_len().is_none() => e.valid_up_to(),
            _ => self.0.len(),
        };
        let rest = self.0.split_off(whole);
        if !self.0.is_empty() {
            show(&String::from_utf8_lossy(&self.0));
        }
        self.0 = rest;
    }

    fn rest(self, show: impl FnOnce(&str)) {
        if !self.0.is_empty() {
            show(&String::from_utf8_lossy(&self.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Shown;

    #[test]
    fn output_in_parts() {
        let bytes = "aä€😀\u{fffd}".as_bytes().to_vec();
        for cut in 0..bytes.len() {
            let (mut shown, mut all) = (Shown::default(), String::new());
            shown.text(&bytes[..cut], |t| all.push_str(t));
            shown.text(&bytes[cut..], |t| all.push_str(t));
            shown.rest(|t| all.push_str(t));
            assert_eq!(all.as_bytes(), bytes, "{cut}");
        }
        let (mut shown, mut all) = (Shown::default(), String::new());
        shown.text(b"a\xff\xc3", |t| all.push_str(t));
        shown.rest(|t| all.push_str(t));
        assert_eq!(all, "a\u{fffd}\u{fffd}");
    }
}
