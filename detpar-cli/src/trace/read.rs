//! Reads a timeline: a JSON array of events, or an object that has one as `traceEvents`.

use serde_json::Value;
use std::collections::BTreeMap;

/// A track: the master or a worker.
pub(super) struct Track {
    pub id: u64,
    pub name: String,
}

/// Something that lasted. Times are microseconds since the start.
pub(super) struct Slice {
    pub track: u64,
    pub from: f64,
    pub lasts: f64,
    pub category: String,
    pub name: String,
    /// The space that it is about, where it says so.
    pub space: Option<String>,
}

/// Something that happened at one time.
pub(super) struct Mark {
    pub track: u64,
    pub at: f64,
    pub category: String,
    pub name: String,
}

/// What is known of one space.
#[derive(Default)]
pub(super) struct Space {
    pub name: String,
    /// From, how long, in which track: more than once where it stopped in between.
    pub runs: Vec<(f64, f64, u64)>,
    pub dirty_pages: u64,
    pub merged_bytes: u64,
    pub page_faults: u64,
    /// Microseconds spent looking for changed pages.
    pub scan: f64,
    /// How its last run ended.
    pub end: String,
}

impl Space {
    /// How deep it lies in the tree.
    pub fn depth(&self) -> usize {
        self.name.matches('/').count()
    }
}

/// A timeline.
pub(super) struct Trace {
    pub tracks: Vec<Track>,
    pub slices: Vec<Slice>,
    pub marks: Vec<Mark>,
    /// In the order of the tree.
    pub spaces: Vec<Space>,
    /// When the last thing ended.
    pub end: f64,
    /// Records that the run could not keep.
    pub lost: u64,
}

impl Trace {
    /// Reads the bytes of a file.
    pub fn parse(bytes: &[u8]) -> Result<Trace, String> {
        let value: Value =
            serde_json::from_slice(bytes).map_err(|e| format!("this is no JSON: {e}"))?;
        let events = value.as_array().or_else(|| value["traceEvents"].as_array());
        let events = events.ok_or("this is no trace: an array of events is missing")?;
        let mut trace = Trace {
            tracks: Vec::new(),
            slices: Vec::new(),
            marks: Vec::new(),
            spaces: Vec::new(),
            end: 0.0,
            lost: 0,
        };
        let mut spaces = BTreeMap::new();
        for (i, event) in events.iter().enumerate() {
            let taken = trace.take(event, &mut spaces);
            taken.map_err(|why| format!("event {i} {why}"))?;
        }
        if spaces.is_empty() {
            return Err("no space ran in it: is it a file that DETPAR_TRACE named?".into());
        }
        trace.tracks.sort_by_key(|l| l.id);
        trace.spaces = spaces.into_values().collect();
        Ok(trace)
    }

    fn take(&mut self, e: &Value, spaces: &mut BTreeMap<Key, Space>) -> Result<(), String> {
        let text = |name: &str| e[name].as_str().unwrap_or_default().to_owned();
        let track = e["tid"].as_u64().unwrap_or(0);
        let args = &e["args"];
        let space = args["space"].as_str().map(str::to_owned);
        match e["ph"].as_str() {
            Some("M") if e["name"] == "thread_name" => {
                let name = args["name"].as_str().unwrap_or_default().to_owned();
                self.tracks.push(Track { id: track, name });
            }
            Some("X") => {
                let (from, lasts) = (time(e, "ts")?, time(e, "dur")?);
                let slice =
                    Slice { track, from, lasts, category: text("cat"), name: text("name"), space };
                self.end = self.end.max(from + lasts);
                if slice.category == "space" {
                    let name = slice.space.as_deref().ok_or("is a space without a name")?;
                    let s = entry(spaces, name);
                    s.runs.push((from, lasts, track));
                    s.dirty_pages += number(args, "dirty_pages");
                    s.page_faults += number(args, "page_faults");
                    s.scan += args["scan_us"].as_f64().unwrap_or(0.0);
                    s.end = args["end"].as_str().unwrap_or_default().to_owned();
                }
                self.slices.push(slice);
            }
            Some("i" | "I") => {
                let at = time(e, "ts")?;
                self.end = self.end.max(at);
                let mark = Mark { track, at, category: text("cat"), name: text("name") };
                match (mark.category.as_str(), space) {
                    ("merged", Some(name)) => {
                        entry(spaces, &name).merged_bytes += number(args, "merged_bytes");
                    }
                    ("lost", _) => self.lost = number(args, "records"),
                    _ => {}
                }
                self.marks.push(mark);
            }
            Some(_) => {}
            None => return Err("has no phase (`ph`)".into()),
        }
        Ok(())
    }
}

/// Spaces in the order of the tree: by the numbers of their paths.
type Key = (String, Vec<(u64, u64)>);

fn entry<'s>(spaces: &'s mut BTreeMap<Key, Space>, name: &str) -> &'s mut Space {
    let mut parts = name.split('/');
    let root = parts.next().unwrap_or_default().to_owned();
    let number = |s: &str| s.parse().unwrap_or(u64::MAX);
    let step = |part: &str| {
        let (construct, child) = part.split_once('.').unwrap_or((part, ""));
        (number(construct), number(child))
    };
    let space = spaces.entry((root, parts.map(step).collect())).or_default();
    if space.name.is_empty() {
        space.name = name.to_owned();
    }
    space
}

fn number(args: &Value, name: &str) -> u64 {
    args[name].as_u64().unwrap_or(0)
}

fn time(e: &Value, name: &str) -> Result<f64, String> {
    let time = e[name].as_f64().ok_or(format!("has no time `{name}`"))?;
    if (0.0..1e15).contains(&time) { Ok(time) } else { Err(format!("has a wrong time `{name}`")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"{"ph":"M","name":"thread_name","tid":0,"args":{"name":"master"}}"#;

    fn space(name: &str, from: f64) -> String {
        format!(
            r#"{{"ph":"X","tid":1,"cat":"space","ts":{from},"dur":2,"name":"x",
               "args":{{"space":"{name}","dirty_pages":3,"page_faults":4,"scan_us":0.5}}}}"#
        )
    }

    fn parse(events: &[String]) -> Result<Trace, String> {
        Trace::parse(format!("[{HEAD},{}]", events.join(",")).as_bytes())
    }

    #[test]
    fn spaces_come_in_the_order_of_the_tree() {
        let names = ["main/10.0", "main/2.1/1.0", "main", "main/2.1", "main/2.0", "main/2.1"];
        let events: Vec<_> = names.iter().map(|n| space(n, 1.0)).collect();
        let trace = parse(&events).expect("a trace");
        let found: Vec<_> = trace.spaces.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(found, ["main", "main/2.0", "main/2.1", "main/2.1/1.0", "main/10.0"]);
        let twice = &trace.spaces[2];
        assert_eq!((twice.runs.len(), twice.dirty_pages, twice.page_faults), (2, 6, 8));
        assert_eq!((twice.depth(), trace.end, trace.tracks.len()), (1, 3.0, 1));
    }

    #[test]
    fn bad_files_are_named() {
        let table = [
            ("", "no JSON"),
            ("[{]", "no JSON"),
            ("{}", "an array of events is missing"),
            ("[]", "no space ran in it"),
            ("[7]", "event 0 has no phase"),
            (r#"[{"ph":"X","cat":"space","dur":1}]"#, "event 0 has no time `ts`"),
            (r#"[{"ph":"X","ts":1,"dur":-1}]"#, "event 0 has a wrong time `dur`"),
            (r#"[{"ph":"X","cat":"space","ts":1,"dur":1}]"#, "event 0 is a space without a name"),
        ];
        for (text, why) in table {
            let e = Trace::parse(text.as_bytes()).err().expect(text);
            assert!(e.contains(why), "{text}: {e}");
        }
    }
}
