//! How things are shown.

use crate::Exit;
use crate::failure::Failure;
use detpar_fs::Kind;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

/// A path, without what could confuse a terminal.
pub(crate) fn path(path: &Path) -> String {
    let mut text = String::new();
    for c in path.to_string_lossy().chars() {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}

/// Writes to standard output. A reader that is gone has seen enough: the command ends.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failure> {
    io::stdout().write_all(bytes).map_err(|e| match e.kind() {
        io::ErrorKind::BrokenPipe => Failure::new(Exit::Fine, ""),
        _ => Failure::output("standard output", &e),
    })
}

/// A word for a kind.
pub(crate) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Dir => "directory",
        Kind::Symlink => "link",
    }
}

/// Kind and permissions as `ls -l` shows them.
pub(crate) fn mode(kind: Kind, mode: u32) -> String {
    let mut text = String::from(match kind {
        Kind::File => "-",
        Kind::Dir => "d",
        Kind::Symlink => "l",
    });
    for (shift, special, letters) in [(6, 0o4000, "sS"), (3, 0o2000, "sS"), (0, 0o1000, "tT")] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push_str(match (mode & special != 0, bits & 1 != 0) {
            (false, false) => "-",
            (false, true) => "x",
            (true, true) => &letters[..1],
            (true, false) => &letters[1..],
        });
    }
    text
}

/// Bytes in a unit that fits.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < units.len() {
        (value, unit) = (value / 1024.0, unit + 1);
    }
    format!("{value:.1} {}", units[unit])
}

/// A time in seconds since 1970, rounded down, and the nanoseconds after it.
pub(crate) fn since_1970(time: SystemTime) -> (i64, u32) {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => (after.as_secs() as i64, after.subsec_nanos()),
        Err(e) => {
            let before = e.duration();
            let seconds = -(before.as_secs() as i64);
            match before.subsec_nanos() {
                0 => (seconds, 0),
                n => (seconds - 1, 1_000_000_000 - n),
            }
        }
    }
}

/// A time in UTC: `2026-01-31 23:59:59`.
pub(crate) fn time(time: SystemTime) -> String {
    let (seconds, _) = since_1970(time);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let (hours, minutes) = (rest / 3600, rest / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{:02}", rest % 60)
}

/// The date of a day, counted from 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date
/// algorithms", `civil_from_days`).
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_those_of_the_calendar() {
        let at = |s| SystemTime::UNIX_EPOCH + Duration::from_secs(s);
        assert_eq!(time(at(0)), "1970-01-01 00:00:00");
        assert_eq!(time(at(951_782_399)), "2000-02-28 23:59:59");
        assert_eq!(time(at(951_782_400)), "2000-02-29 00:00:00");
        assert_eq!(time(at(4_107_542_399)), "2100-02-28 23:59:59");
        let before = SystemTime::UNIX_EPOCH - Duration::from_millis(500);
        assert_eq!(time(before), "1969-12-31 23:59:59");
        assert_eq!(since_1970(before), (-1, 500_000_000));
    }

    #[test]
    fn modes_are_those_of_ls() {
        assert_eq!(mode(Kind::File, 0o644), "-rw-r--r--");
        assert_eq!(mode(Kind::Dir, 0o1777), "drwxrwxrwt");
        assert_eq!(mode(Kind::File, 0o6711), "-rws--s--x");
        assert_eq!(mode(Kind::Symlink, 0o5600), "lrwS-----T");
    }

    #[test]
    fn sizes_and_paths() {
        assert_eq!((size(1023), size(1536)), ("1023 B".into(), "1.5 KiB".into()));
        assert_eq!(size(u64::MAX), "16.0 EiB");
        assert_eq!(path(Path::new("a\x1b[1mb\n")), "a\\u{1b}[1mb\\n");
    }
}
