//! Chapter 8: files of children, and a list that all of them append to.
use crate::{Random, Verdict, wrong};
use detpar::fs;

/// A child for each piece of the reports.
pub const CHILDREN: usize = 10;

/// Writes a file for each report, and the list of all.
pub type Publish = fn(&[(String, String)]);

/// What the reader writes.
pub struct Attempt {
    /// Publishes reports.
    pub publish: Publish,
}

/// Publishes a few reports and many.
///
/// # Errors
///
/// What is wrong.
pub fn check(attempt: &Attempt, random: &mut Random) -> Verdict {
    let mut answers = Vec::new();
    for reports in [2, 3, 40] {
        let from = random.within(100..900);
        // The alphabet has them in another order than the reports are in.
        let name = |i: u64| format!("r{}", from + i * 7919 % 101);
        let text = |lines| "a line\n".repeat(lines as usize);
        let reports: Vec<_> = (0..reports).map(|i| (name(i), text(random.within(0..30)))).collect();
        fs::remove("/out").ok();
        fs::create_dir_all("/out").expect("the tree");
        (attempt.publish)(&reports);
        let read = |name: &str| fs::read_to_string(format!("/out/{name}")).unwrap_or_default();
        let line = |(name, text): &(String, String)| format!("{name} {}\n", text.lines().count());
        let all: String = reports.iter().map(line).collect();
        if read("all") != all {
            let (found, n) = (read("all"), reports.len());
            return wrong(
                format!("{n} reports: /out/all is {found:?}, not {all:?}"),
                "what several children append to a file is kept, in which order?",
            );
        }
        for (name, text) in &reports {
            let (found, lines) = (read(name), text.lines().count());
            if found.trim() != lines.to_string() {
                return wrong(
                    format!("/out/{name} has {found:?}, its report {lines} lines"),
                    "after a conflict nothing has happened: no file of any child is there",
                );
            }
        }
        answers.push(all);
    }
    Ok(format!("{answers:?}"))
}
