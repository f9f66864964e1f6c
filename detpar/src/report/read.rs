//! The warning that a child read what a sibling wrote (`DETPAR_WARN=reads`).
use super::conflict::MergeConflict;
use super::describe::Instruction;
use super::image::Keep;
use super::json::Json;
use super::render::{Kind, Mark, Report};
use kernel::abi::{Read, Writer};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// What to do about it.
const HELP: &str = "if the reader is to see what was written, let it run after the join; if not, \
                    read the value before the fork and give it to the child";

/// A child read a byte that a sibling wrote: what the two did, told as a conflict is.
pub(super) struct ReadWarning {
    bytes: MergeConflict,
    by_higher: bool,
}

/// The two places, the lower child's first: their lines, or where those are not known their
/// instructions.
type Pair = [Option<String>; 2];

/// Of which it was told.
static TOLD: Mutex<BTreeSet<(Pair, bool)>> = Mutex::new(BTreeSet::new());

/// Whether nothing was told yet of these two places.
pub(super) fn is_new(warning: &ReadWarning) -> bool {
    let _files = Keep::new();
    let name = |place: &Instruction| place.code().line.unwrap_or(format!("{:#x}", place.get()));
    let places = warning.bytes.written().map(|w| w.map(|(place, _)| name(place)));
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    told.insert((places, warning.by_higher))
}

impl ReadWarning {
    /// Of children of the running space, on whose stack the frames are still live that they used.
    pub fn new(read: Read, places: [Option<Writer>; 2]) -> ReadWarning {
        let by_higher = read.by_higher;
        ReadWarning { bytes: MergeConflict::new(read.bytes, places), by_higher }
    }

    /// The one that read and the one that wrote.
    fn names(&self) -> [String; 2] {
        let (lower, higher) = self.bytes.names();
        if self.by_higher { [higher, lower] } else { [lower, higher] }
    }

    fn title(&self) -> String {
        let [reader, writer] = self.names();
        format!("{reader} read {}, which {writer} wrote", self.bytes.target())
    }

    /// The warning for people.
    pub fn told(&self) -> Report {
        let _files = Keep::new();
        let mut report = Report { kind: Kind::Read, title: self.title(), ..Report::default() };
        let sides = self.bytes.tasks().into_iter().zip(self.bytes.written()).enumerate();
        for (i, (task, place)) in sides {
            let reads = (i == 1) == self.by_higher;
            let who = format!("child {}", task.unwrap_or_default());
            let code = place.map(|(place, _): (&Instruction, bool)| place.code());
            match code.and_then(|c| Some((c.source?, c.line?))) {
                Some((source, shown)) => {
                    let did = if reads { "read" } else { "wrote" };
                    let label = format!("{who} {did} it here");
                    report.marks.push(Mark { shown, source, label });
                }
                None => report.notes.push(format!("no source line is known for {who}")),
            }
        }
        let [reader, writer] = self.names();
        report.notes.push(format!(
            "{reader} saw what was there before the two began; with threads it would depend on \
             which of them is faster whether it sees what {writer} writes"
        ));
        report.help = Some(HELP.to_owned());
        report
    }

    /// The warning for programs: docs/reports.md.
    pub fn json(&self) -> String {
        let mut fields = self.bytes.object("read", self.title(), Some(HELP.to_owned()));
        fields.push(("reader", Json::Number(self.by_higher.into())));
        Json::Object(fields).line()
    }
}
