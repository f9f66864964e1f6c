//! Conflict reports: the right names, values and lines, the same in every run, in every form.
use detpar_tests::harness::{Program, check};
use serde_json::Value;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Each kind of memory, and of children that write it.
const KINDS: [&str; 17] = [
    "a_static",
    "an_element",
    "a_field",
    "in_a_mutex",
    "in_an_enum",
    "a_local",
    "a_field_of_a_local",
    "a_local_further_up",
    "a_heap_block",
    "a_thread_local",
    "a_grandchild",
    "in_a_child",
    "in_a_grant",
    "spawned",
    "many_children",
    "by_a_library",
    "a_free",
];

/// Those in which the children lock something.
const LOCKS: [&str; 2] = ["in_a_mutex", "in_an_enum"];

const PROGRAM: &str = env!("CARGO_BIN_EXE_reports");

fn program() -> Program {
    Program::new(PROGRAM).limit(Duration::from_secs(180)).without("NO_COLOR")
}

/// What the program prints of all kinds, which the program itself checks.
fn told(program: Program) -> String {
    let run = program.args(&KINDS).run().expect(0);
    let text = run.text();
    KINDS.iter().for_each(|k| assert!(text.contains(&format!("\n{k}: ok\n")), "{k}\n{text}"));
    text
}

#[test]
fn the_same_at_any_number_of_workers() {
    let first = told(program().workers(2));
    for workers in [1, 64] {
        assert_eq!(told(program().workers(workers)), first, "{workers} workers");
    }
    assert_eq!(told(program().chaos(3).workers(3)), first);
}

/// One report in full, but for the address.
#[test]
fn a_report() {
    let source = include_str!("../src/reports.rs");
    let at = |side: &str| {
        let mark = format!("// a_field: {side}");
        let line = source.lines().position(|l| l.ends_with(&mark)).expect("a marked line");
        (line + 1, source.lines().nth(line).expect("it is there"))
    };
    let ((lower, first), (higher, second)) = (at("lower"), at("higher"));
    let text = program().arg("a_field").run().expect(0).text();
    let (before, rest) = text.split_once(", address 0x").expect("an address");
    let text = format!("{before}, address ...{}", rest.trim_start_matches(char::is_alphanumeric));
    let offset = before.rsplit("byte ").next().and_then(|t| t.split(' ').next());
    let column = first.find("store").expect("the call") + 1;
    let expected = format!(
        "\
error[conflict]: children 0 and 1 both wrote `reports::STATE.items[3].count`
   --> tests/reports/src/reports.rs:{lower}:{column}
    |
{lower} | {first}
    |                           ^ child 0 wrote 8 here
{higher} | {second}
    |                           ^ child 1 wrote 9 here
    |
    = note: u32: was 7, child 0 wrote 8, child 1 wrote 9
    = note: byte {} of `reports::STATE`, address ...; the aligned 8 bytes around it:
            was      07 00 00 00 03 00 00 00  = 12884901895 as u64
            child 0  08 00 00 00 03 00 00 00  = 12884901896 as u64
            child 1  09 00 00 00 03 00 00 00  = 12884901897 as u64
                     ^^
    = help: return each child's value and combine the values after the join
a_field: ok
",
        offset.expect("an offset")
    );
    assert_eq!(text, expected);
}

/// In checking mode as well; there a lock is what conflicts first.
#[test]
fn in_checking_mode() {
    let kinds: Vec<&str> = KINDS.into_iter().filter(|k| !LOCKS.contains(k)).collect();
    program().env("DETPAR_CHECK", "1").args(&kinds).run().expect(0);
}

/// Where the program allocated a block: known where that is asked for, in either mode.
#[test]
fn blocks_have_an_origin() {
    for workers in [1, 3] {
        let known = program().env("DETPAR_ORIGINS", "on").workers(workers);
        known.arg("allocated").run().expect(0);
    }
    let both = program().env("DETPAR_ORIGINS", "on").env("DETPAR_CHECK", "1");
    both.arg("allocated").run().expect(0);
    program().arg("allocated").run().expect(0);
    let wrong = program().env("DETPAR_ORIGINS", "1").run().expect(78);
    assert!(wrong.err_text().contains("DETPAR_ORIGINS=1: give on or off"));
}

#[test]
fn children_that_write_much_are_watched_for_a_while() {
    for workers in [1, 2] {
        program().arg("many_writes").workers(workers).run().expect(0);
    }
}

/// A conflict in each kind of memory, a thousand times: always the right lines.
#[test]
#[ignore = "takes long"]
fn a_thousand_times() {
    let all = program().env("ROUNDS", "1000").limit(Duration::from_secs(4000));
    assert_eq!(told(all).matches("error[conflict]").count(), KINDS.len() + 3);
}

/// A program of which nothing is known but addresses.
#[test]
fn a_stripped_program() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports-stripped");
    let strip = Command::new("strip").arg("-o").arg(&path).arg(PROGRAM).status();
    assert!(strip.expect("binutils").success());
    let text = told(Program::new(&path).limit(Duration::from_secs(120)).env("STRIPPED", "1"));
    for part in [
        "both wrote a static variable at offset 0x",
        "both wrote byte 200 of a heap block of ",
        "both wrote a local variable on the stack at 0x",
        "both wrote byte 0 of the thread-local variables",
        "no source line is known for child 0, who wrote it at offset 0x",
        "no source line is known for child 0.1.0, who wrote it at offset 0x",
        "was 50, child 0 wrote 1000, child 1 wrote 2",
        "child 1 freed the block",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("reports::"), "{text}");
    let run = Program::new(&path).env("UNHANDLED", "1").arg("unhandled").run().expect(101);
    assert!(run.err_text().contains("\nerror[conflict]: children 0 and 1 both wrote a static"));
}

#[test]
fn no_child_runs_again_where_that_is_switched_off() {
    let run = program().env("DETPAR_LINES", "off").arg("a_free").run();
    assert!(run.err_text().contains("no source line is known for child 0"), "{}", run.err_text());
    let run = program().env("DETPAR_LINES", "off").arg("a_static").run().expect(101);
    assert!(run.err_text().contains("a line"), "{}", run.err_text());
    let wrong = program().env("DETPAR_LINES", "maybe").run().expect(78);
    assert!(wrong.err_text().contains("DETPAR_LINES=maybe: give on or off"));
}

/// The fields that docs/reports.md describes, and their types.
#[test]
fn objects_for_programs() {
    let docs = include_str!("../../../docs/reports.md");
    let is_documented = |name: &str| docs.contains(&format!("| `{name}` |"));
    let text = told(program().env("JSON", "1"));
    let mut kinds = Vec::new();
    for line in text.lines().filter(|l| l.starts_with('{')) {
        let all: Value = serde_json::from_str(line).expect("JSON");
        for (name, value) in all.as_object().expect("an object") {
            assert!(is_documented(name), "{name} is not in docs/reports.md");
            let fine = match name.as_str() {
                "version" => value == 1,
                "kind" => value == "conflict",
                "message" => value.is_string(),
                "address" => value.as_str().is_some_and(|a| a.starts_with("0x")),
                "children" => has(value, 2, |v| v.is_u64()),
                "tasks" => has(value, 2, |v| v.is_string()),
                "place" => {
                    kinds.push(value["kind"].as_str().expect("a kind").to_owned());
                    value.as_object().expect("an object").keys().all(|k| is_documented(k))
                }
                "variable" | "function" | "field" | "type" | "help" => {
                    value.is_null() || value.is_string()
                }
                "values" => value.is_null() || has(value, 3, |v| v.is_string()),
                "bytes" => has(value, 3, |v| has(v, 8, |b| b.as_u64().is_some_and(|b| b < 256))),
                "freed" => has(value, 2, |v| v.is_boolean()),
                "writers" => has(value, 2, |w| is_writer(w, is_documented)),
                // Not asked for.
                "allocated" => value.is_null(),
                _ => false,
            };
            assert!(fine, "{name}: {value}");
        }
        assert_eq!(all.as_object().map(|o| o.len()), Some(17));
    }
    for kind in ["static", "thread_local", "heap", "stack"] {
        assert!(kinds.iter().any(|k| k == kind), "{kind}");
    }
}

fn has(list: &Value, n: usize, each: impl Fn(&Value) -> bool) -> bool {
    list.as_array().is_some_and(|all| all.len() == n && all.iter().all(each))
}

fn is_writer(writer: &Value, is_documented: impl Fn(&str) -> bool) -> bool {
    let fields = writer.as_object().expect("an object");
    fields.keys().all(|k| is_documented(k))
        && writer["file"] == "tests/reports/src/reports.rs"
        && writer["line"].as_u64().is_some_and(|l| l > 1)
        && writer["column"].is_u64()
        && writer["function"].as_str().is_some_and(|f| f.starts_with("reports::"))
        && writer["instruction"].is_string()
        && writer["last"] == true
}

/// A conflict that ends the program is reported behind the panic's message, as it is asked for.
#[test]
fn unhandled() {
    let run = |format: Option<&str>| {
        let program = program().env("UNHANDLED", "1").arg("unhandled");
        let program = format.iter().fold(program, |p, f| p.env("DETPAR_REPORT", f));
        program.run().expect(101).err_text()
    };
    for (format, text) in [(None, true), (Some("text"), true), (Some("off"), false)] {
        let err = run(format);
        let title = "\nerror[conflict]: children 0 and 1 both wrote `reports::TOTAL`\n";
        assert_eq!(err.contains(title), text, "{err}");
        assert!(err.contains("\nchildren 0 and 1 both wrote byte 0 of `reports::TOTAL`"), "{err}");
        assert!(!err.contains('\x1b'), "{err}");
    }
    let err = run(Some("json"));
    let line = err.lines().find(|l| l.starts_with('{')).expect("an object");
    let all: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(all["values"], serde_json::json!(["7", "8", "9"]));
    assert!(!err.contains("error[conflict]"), "{err}");
    let wrong = program().env("DETPAR_REPORT", "xml").run().expect(78);
    assert!(wrong.err_text().contains("DETPAR_REPORT=xml: give text, json or off"));
}

/// Colours go to a terminal only, and only where nobody refuses them.
#[test]
fn colours() {
    let (mut outer, mut inner) = (0, 0);
    let none = std::ptr::null_mut();
    // SAFETY: the two numbers are written; nothing else is asked for.
    check(unsafe { libc::openpty(&mut outer, &mut inner, none, none.cast(), none.cast()) })
        .expect("a terminal");
    // SAFETY: both were just opened, and are nobody else's.
    let (mut terminal, inner) = unsafe { (File::from_raw_fd(outer), File::from_raw_fd(inner)) };
    let to = inner.as_raw_fd();
    let mut written = |program: Program| {
        let program = program.env("UNHANDLED", "1").env("TERM", "xterm").arg("unhandled");
        program
            .before(move || {
                // SAFETY: has no memory operands.
                check(unsafe { libc::dup2(to, 2) })
            })
            .run()
            .expect(101);
        let mut text = vec![0; 1 << 16];
        let n = terminal.read(&mut text).expect("what it wrote");
        String::from_utf8_lossy(&text[..n]).into_owned()
    };
    let text = written(program());
    assert!(text.contains("\x1b[1;31merror[conflict]\x1b[0m"), "{text}");
    let text = written(program().env("NO_COLOR", "1"));
    assert!(text.contains("error[conflict]: children") && !text.contains('\x1b'), "{text}");
}
