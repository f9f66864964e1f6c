//! `detpar trace` on small files; the timeline's own tests are beside the programs that make them.
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A directory with a timeline in it.
struct Place(tempfile::TempDir);

const EVENTS: &str = r#"[
{"name":"thread_name","ph":"M","pid":1,"tid":0,"args":{"name":"master"}},
{"name":"thread_name","ph":"M","pid":1,"tid":1,"args":{"name":"worker <0>"}},
{"ph":"X","tid":0,"cat":"space","ts":0,"dur":9000,"name":"main","args":{"space":"main"}},
{"ph":"X","tid":0,"cat":"construct","ts":10,"dur":5000,"name":"2 children","args":{"space":"main"}},
{"ph":"X","tid":1,"cat":"space","ts":20,"dur":1000,"name":"main/1.0",
 "args":{"space":"main/1.0","end":"returned","dirty_pages":3,"page_faults":40,"scan_us":2.5}},
{"ph":"X","tid":1,"cat":"step","ts":20,"dur":100,"name":"snapshot","args":{}},
{"ph":"X","tid":1,"cat":"step","ts":120,"dur":700,"name":"run","args":{}},
{"ph":"X","tid":1,"cat":"space","ts":2000,"dur":1000,"name":"main/1.1",
 "args":{"space":"main/1.1","end":"panic","dirty_pages":0,"page_faults":2,"scan_us":0}},
{"ph":"i","s":"t","tid":1,"cat":"fault","ts":3000,"name":"panic","args":{"space":"main/1.1"}},
{"ph":"i","s":"t","tid":0,"cat":"merged","ts":4000,"name":"merged",
 "args":{"space":"main/1.0","merged_bytes":77}}
]"#;

impl Place {
    fn new(events: &str) -> Place {
        let place = Place(tempfile::tempdir().expect("a temporary directory"));
        fs::write(place.file("run.json"), events).expect("a file");
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn trace(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_detpar"));
        command.arg("trace").args(arguments).current_dir(self.0.path());
        command.output().expect("detpar")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[track_caller]
fn fails(output: &Output, code: i32, why: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.starts_with("detpar: ") && said.contains(why), "{said}");
}

#[test]
fn totals() {
    let place = Place::new(EVENTS);
    let output = place.trace(&["run.json"]);
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stdout);
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<_> = said.lines().map(words).collect();
    for line in [
        "3 spaces in 1 closed constructs, 2 tracks, 1 faults and conflicts",
        "the whole run 9.000 ms",
        "children's code 0.700 ms",
        "dirty pages 3",
        "merged bytes 77",
        "page faults 42",
    ] {
        assert!(lines.iter().any(|l| l == line), "{line} is missing in\n{said}");
    }
}

#[test]
fn picture() {
    let place = Place::new(EVENTS);
    let output = place.trace(&["run.json", "--svg", "run.svg"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    let svg = fs::read_to_string(place.file("run.svg")).expect("the picture");
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{svg}");
    for part in [
        "prefers-color-scheme:dark",
        ">3 spaces, 2 tracks, 9 ms</text>",
        ">worker &lt;0&gt;</text>",
        "<title>main/1.0: 1 ms at 20 us</title>",
        "<title>main/1.0: returned; 3 dirty pages, 77 merged bytes, 40 page faults, 2.5 us of scans",
        "<title>main/1.1: panic; ",
        "<title>2 children of main: 5 ms at 10 us</title>",
        "<title>panic</title></line>",
        ">1.1</text>",
    ] {
        assert!(svg.contains(part), "{part} is missing in\n{svg}");
    }
    let few = place.trace(&["run.json", "--svg", "few.svg", "--spaces", "2"]);
    assert_eq!(few.status.code(), Some(0));
    let svg = fs::read_to_string(place.file("few.svg")).expect("the picture");
    assert!(svg.contains(">and 1 more (--spaces)</text>"), "{svg}");
}

#[test]
fn part_of_a_run() {
    let place = Place::new(EVENTS);
    let output = place.trace(&["run.json", "--svg", "cut.svg", "--from", "0.5", "--to", "2.5"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    let svg = fs::read_to_string(place.file("cut.svg")).expect("the picture");
    // From x = 200 to 985 for 2 ms.
    for part in [
        ">3 spaces, 2 tracks, 9 ms; shown: 500 us to 2.5 ms</text>",
        // Begins before, ends within: 0.52 of the 2 ms.
        "class=\"d1\" x=\"200.00\" y=\"88.0\" width=\"204.10\"",
        // Begins within, ends behind.
        "class=\"d1\" x=\"788.75\" y=\"88.0\" width=\"196.25\"",
        ">1 ms</text>",
    ] {
        assert!(svg.contains(part), "{part} is missing in\n{svg}");
    }
    // The snapshot and the panic lie outside.
    assert!(!svg.contains("<title>snapshot") && !svg.contains("<title>panic</title>"), "{svg}");
    for cut in [["--from", "9"], ["--to", "0"], ["--from", "NaN"], ["--to", "-1"]] {
        let [option, value] = cut;
        let value = format!("{option}={value}");
        let output = place.trace(&["run.json", "--svg", "no.svg", &value]);
        fails(&output, 64, "leave nothing of this run, which took 9 ms");
    }
    assert_eq!(place.trace(&["run.json", "--from", "1"]).status.code(), Some(64));
}

#[test]
fn bad_files_and_arguments() {
    let place = Place::new("[{]");
    fails(&place.trace(&["run.json"]), 66, "run.json: this is no JSON: ");
    fails(&place.trace(&["missing.json"]), 66, "missing.json: No such file");
    let cut = Place::new(&EVENTS[..EVENTS.len() / 2]);
    fails(&cut.trace(&["run.json"]), 66, "run.json: this is no JSON: EOF");
    let other = Place::new(r#"{"traceEvents":[{"ph":"M","name":"process_name"}]}"#);
    fails(&other.trace(&["run.json"]), 66, "is it a file that DETPAR_TRACE named?");
    let good = Place::new(EVENTS);
    fails(&good.trace(&["run.json", "--svg", "no/such/place.svg"]), 73, "no/such/place.svg: ");
    assert_eq!(good.trace(&["--svg", "run.svg"]).status.code(), Some(64));
    let help = good.trace(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("detpar trace run.json --svg run.svg"));
}
