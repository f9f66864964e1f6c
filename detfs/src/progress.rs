//! A progress bar, where standard error is a terminal.

use crate::show;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Between two pictures.
const PAUSE: Duration = Duration::from_millis(100);
/// Characters of the bar.
const WIDTH: u64 = 24;

/// How far a copy is.
pub(crate) struct Progress {
    on: bool,
    total: u64,
    done: u64,
    drawn: Option<Instant>,
}

impl Progress {
    /// For a command that was not told to be quiet. `total` counts bytes, if anybody looks.
    pub fn new(quiet: bool, total: impl FnOnce() -> u64) -> Progress {
        let on = !quiet && io::stderr().is_terminal();
        Progress { on, total: if on { total() } else { 0 }, done: 0, drawn: None }
    }

    /// So many bytes more.
    pub fn add(&mut self, bytes: u64) {
        self.done = self.done.saturating_add(bytes);
        if self.on && self.drawn.is_none_or(|drawn| drawn.elapsed() >= PAUSE) {
            self.drawn = Some(Instant::now());
            // Who looks at standard error is gone: nobody to tell.
            let _ = write!(io::stderr(), "\r{}\x1b[K", bar(self.done, self.total));
        }
    }
}

impl Drop for Progress {
    /// Takes the bar away.
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// A picture of a bar. A file that grows while it is read makes more of it than all.
fn bar(done: u64, total: u64) -> String {
    let of =
        |whole: u64| u128::from(done.min(total)) * u128::from(whole) / u128::from(total.max(1));
    let full = "#".repeat(of(WIDTH) as usize);
    let rest = WIDTH as usize;
    format!("[{full:.<rest$}] {:>3}% {} of {}", of(100), show::size(done), show::size(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow() {
        assert_eq!(bar(0, 0), "[........................]   0% 0 B of 0 B");
        assert_eq!(bar(1, 2), "[############............]  50% 1 B of 2 B");
        assert_eq!(bar(u64::MAX, 1), "[########################] 100% 16.0 EiB of 1 B");
    }
}
