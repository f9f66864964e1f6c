//! A conflict as it is told: to people as the compiler tells of errors, to programs as an object
//! in one line.
use super::conflict::{MergeConflict, block};
use super::describe::{Instruction, Place};
use super::image::Keep;
use super::json::Json;
use super::objects;
use super::render::{Mark, Report};
use super::symbols::Code;
use kernel::abi::Freed;

/// Version of the object's fields, as docs/reports.md has them.
const VERSION: u64 = 1;

impl MergeConflict {
    /// Several lines, as the compiler reports errors: what was written by whom, the source lines
    /// where either child wrote it, the values, the bytes around it, and what to do. The same in
    /// every run.
    ///
    /// ```
    /// use detpar::testing::expect_conflict;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// static SEEN: AtomicU32 = AtomicU32::new(7);
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let run = detpar::try_join(|| SEEN.store(8, Relaxed), || SEEN.store(9, Relaxed));
    ///     let report = expect_conflict(run, None).report();
    ///     assert!(report.starts_with("error[conflict]: children 0 and 1 both wrote `"));
    ///     assert!(report.contains("was 7, child 0 wrote 8, child 1 wrote 9"));
    /// }
    /// ```
    pub fn report(&self) -> String {
        self.told().render(false)
    }

    /// The report, with colours or without.
    pub(super) fn told(&self) -> Report {
        let _files = Keep::new();
        let (lower, higher) = self.names();
        let details = self.details();
        let values = details.values.as_ref();
        let mut report = Report { title: self.title(), ..Report::default() };
        let c = self.record();
        let freed = self.freed();
        let sides = [(&lower, 1, freed.0), (&higher, 2, freed.1)];
        let tasks = self.tasks();
        for ((i, (name, at, freed)), place) in sides.iter().enumerate().zip(self.written()) {
            let who = tasks[i].as_ref().map_or((*name).clone(), |path| format!("child {path}"));
            let what = match (values, place) {
                (_, Some((_, false))) => "wrote it here, perhaps not for the last time".to_owned(),
                (Some(values), _) => format!("wrote {} here", values[*at]),
                _ => "wrote it here".to_owned(),
            };
            let code = place.map(|(p, _)| p.code());
            match code.as_ref().and_then(|c| Some((c.source.clone()?, c.line.clone()?))) {
                Some((source, shown)) => {
                    report.marks.push(Mark { shown, source, label: format!("{who} {what}") });
                }
                None if *freed => report.notes.push(format!("{name} freed the block")),
                None => {
                    let place = place.map(|(p, _)| where_about(p)).unwrap_or_default();
                    report.notes.push(format!("no source line is known for {who}{place}"));
                }
            }
        }
        if let Some(Code { source: Some(source), line: Some(shown), .. }) = details.allocated {
            let label = "the block was allocated here".to_owned();
            report.marks.push(Mark { shown, source, label });
        }
        if let Some([was, low, high]) = values.filter(|_| c.freed == Freed::Neither) {
            let ty = details.ty.map(|ty| format!("{ty}: ")).unwrap_or_default();
            let equal = if low == high { " (equal values conflict as well)" } else { "" };
            report
                .notes
                .push(format!("{ty}was {was}, {lower} wrote {low}, {higher} wrote {high}{equal}"));
        }
        report.notes.push(self.bytes(&lower, &higher));
        let usual = "return each child's value and combine the values after the join";
        report.help = Some(self.remedy().unwrap_or_else(|| usual.to_owned()));
        report
    }

    /// Variable, field and function, as far as they are known; else the byte.
    pub(super) fn target(&self) -> String {
        let details = self.details();
        let Some(variable) = details.variable else { return self.what().to_string() };
        let field = details.field.unwrap_or_default();
        match details.function {
            Some(function) => format!("`{variable}{field}` of `{function}`"),
            None => format!("`{variable}{field}`"),
        }
    }

    fn title(&self) -> String {
        let (both, target) = (self.both(), self.target());
        let (lower, higher) = self.names();
        if let Place::Descriptor { .. } = self.what() {
            return format!("{both} both closed {target}");
        }
        match self.freed() {
            (false, false) => format!("{both} both wrote {target}"),
            (true, true) => format!("{both} both freed {}", block(&self.what())),
            (true, _) => format!("{lower} freed {}, {higher} wrote to it", block(&self.what())),
            (_, true) => format!("{higher} freed {}, {lower} wrote to it", block(&self.what())),
        }
    }

    /// Where it is, and the bytes around it as each side left them.
    fn bytes(&self, lower: &str, higher: &str) -> String {
        let (c, address) = (self.record(), self.address());
        let mut text = match self.what() {
            Place::Unknown { .. } => format!("address {address:#x}"),
            Place::Stack { .. } => format!("on the stack, address {address:#x}"),
            place => format!("{place}, address {address:#x}"),
        };
        text.push_str("; the aligned 8 bytes around it:");
        let names = ["was", lower, higher];
        let width = names.iter().map(|n| n.len()).max().unwrap_or(0);
        for (name, bytes) in names.iter().zip([c.reference, c.lower_value, c.higher_value]) {
            let hex = bytes.map(|b| format!("{b:02x}")).join(" ");
            let number = u64::from_ne_bytes(bytes);
            text.push_str(&format!("\n{name:width$}  {hex}  = {number} as u64"));
        }
        let column = width + 2 + 3 * (address % 8);
        text.push_str(&format!("\n{:column$}^^", ""));
        text
    }

    /// The report as one JSON object in one line, for programs. Its fields: `docs/reports.md`.
    ///
    /// ```
    /// use detpar::testing::expect_conflict;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// static SEEN: AtomicU32 = AtomicU32::new(7);
    ///
    /// #[detpar::main]
    /// fn main() {
    ///     let run = detpar::try_join(|| SEEN.store(8, Relaxed), || SEEN.store(9, Relaxed));
    ///     let json = expect_conflict(run, None).json();
    ///     assert!(json.starts_with(r#"{"version":1,"kind":"conflict","#) && !json.contains('\n'));
    ///     assert!(json.contains(r#""values":["7","8","9"]"#));
    /// }
    /// ```
    pub fn json(&self) -> String {
        Json::Object(self.object("conflict", self.title(), self.remedy())).line()
    }

    /// The object of this kind.
    pub(super) fn object(
        &self,
        kind: &str,
        message: String,
        help: Option<String>,
    ) -> Vec<(&'static str, Json)> {
        let _files = Keep::new();
        let details = self.details();
        let (lower, higher) = self.children();
        let index = |i| if i == Self::PARENT { Json::Null } else { Json::Number(i as u64) };
        let c = self.record();
        let bytes = [c.reference, c.lower_value, c.higher_value]
            .map(|b| Json::List(b.iter().map(|b| Json::Number(u64::from(*b))).collect()));
        let writers = self.written().map(|w| {
            let Some((place, last)) = w else { return Json::Null };
            let mut fields = code_json(place.code());
            fields.extend([
                ("instruction", Json::Text(format!("{:#x}", place.get()))),
                ("offset", Json::text(in_object(place))),
                ("last", Json::Bool(last)),
            ]);
            Json::Object(fields)
        });
        let freed = self.freed();
        let allocated = details.allocated.map(|code| Json::Object(code_json(code)));
        let values = details.values.map(|v| Json::List(v.map(Json::Text).into()));
        vec![
            ("version", Json::Number(VERSION)),
            ("kind", Json::Text(kind.into())),
            ("message", Json::Text(message)),
            ("children", Json::List(vec![index(lower), index(higher)])),
            ("tasks", Json::List(self.tasks().map(Json::text).into())),
            ("address", Json::Text(format!("{:#x}", self.address()))),
            ("place", self.place_json()),
            ("variable", Json::text(details.variable)),
            ("function", Json::text(details.function)),
            ("field", Json::text(details.field)),
            ("type", Json::text(details.ty)),
            ("values", values.unwrap_or(Json::Null)),
            ("bytes", Json::List(bytes.into())),
            ("freed", Json::List(vec![Json::Bool(freed.0), Json::Bool(freed.1)])),
            ("writers", Json::List(writers.into())),
            ("help", Json::text(help)),
            ("allocated", allocated.unwrap_or(Json::Null)),
        ]
    }

    fn place_json(&self) -> Json {
        let number = |n: usize| Json::Number(n as u64);
        let kind = |kind: &str| ("kind", Json::Text(kind.into()));
        Json::Object(match self.what() {
            Place::Static { name, library, offset } => vec![
                kind("static"),
                ("name", Json::text(name)),
                ("library", Json::text(library)),
                ("offset", number(offset)),
            ],
            Place::ThreadLocal { name, offset } => {
                vec![kind("thread_local"), ("name", Json::text(name)), ("offset", number(offset))]
            }
            Place::Heap { offset, len } => {
                vec![kind("heap"), ("offset", number(offset)), ("len", number(len))]
            }
            Place::Stack { .. } => vec![kind("stack")],
            Place::Descriptor { number } => {
                vec![kind("descriptor"), ("number", Json::Number(number as u64))]
            }
            Place::Unknown { .. } => vec![kind("unknown")],
        })
    }
}

/// Where code is in the source.
fn code_json(code: Code) -> Vec<(&'static str, Json)> {
    let (path, line, column) = match (code.source, &code.line) {
        (Some(s), Some(shown)) => {
            let file = shown.split(':').next().map(str::to_owned);
            (file, Json::Number(s.line.into()), Json::Number(s.column.into()))
        }
        _ => (None, Json::Null, Json::Null),
    };
    vec![
        ("file", Json::text(path)),
        ("line", line),
        ("column", column),
        ("function", Json::text(code.function)),
        ("library", Json::text(code.library)),
    ]
}

/// What is known of a place without a source line.
fn where_about(place: &Instruction) -> String {
    match (place.phrase(), in_object(place)) {
        (phrase, _) if !phrase.is_empty() => format!(", who wrote it{phrase}"),
        (_, Some(at)) => format!(", who wrote it at offset {at} of the program"),
        (_, None) => format!(", who wrote it at {:#x}", place.get()),
    }
}

/// Where an instruction lies in the file of the program or library, as tools for such files count.
fn in_object(place: &Instruction) -> Option<String> {
    objects::find(place.get()).map(|found| format!("{:#x}", found.offset))
}

#[cfg(test)]
mod tests {
    use super::super::conflict::tests::conflict;
    use super::*;

    #[test]
    fn what_is_not_known_is_left_out() {
        let expected = "\
error[conflict]: children 2 and 10 both wrote the byte at 0x13
  = note: no source line is known for child 2
  = note: no source line is known for child 10
  = note: address 0x13; the aligned 8 bytes around it:
          was       00 00 00 00 00 00 00 00  = 0 as u64
          child 2   00 00 00 07 00 00 00 00  = 117440512 as u64
          child 10  00 00 00 09 01 00 00 00  = 4445962240 as u64
                             ^^
  = help: return each child's value and combine the values after the join";
        assert_eq!(conflict(Freed::Neither).report(), expected);
        assert_eq!(conflict(Freed::Neither).words(), (0, 7 << 24, (9 << 24) + (1 << 32)));
        let freed = conflict(Freed::Higher).report();
        assert!(freed.starts_with(
            "error[conflict]: child 10 freed the block of the byte at 0x13, child 2 wrote to it\n"
        ));
        assert!(freed.contains("\n  = note: child 10 freed the block\n"));
    }

    #[test]
    fn one_object_in_one_line() {
        let json = conflict(Freed::Lower).json();
        let wanted = r#"{"version":1,"kind":"conflict","message":"child 2 freed the block of the byte at 0x13, child 10 wrote to it","children":[2,10],"tasks":["2","10"],"address":"0x13","place":{"kind":"unknown"},"variable":null,"function":null,"field":null,"type":null,"values":null,"bytes":[[0,0,0,0,0,0,0,0],[0,0,0,7,0,0,0,0],[0,0,0,9,1,0,0,0]],"freed":[true,false],"writers":[null,null],"help":null,"allocated":null}"#;
        assert_eq!(json, wanted);
    }
}
