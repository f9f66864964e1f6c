//! `std::fs` in children, and how what they change comes together.
use detpar_tests::harness::{Program, Run, WORKERS};

fn program(case: &str) -> Program {
    Program::new(env!("CARGO_BIN_EXE_files")).arg(case)
}

fn run(case: &str, workers: usize) -> Run {
    program(case).workers(workers).run().expect(0)
}

#[track_caller]
fn assert_out(case: &str, expected: &str) {
    for workers in WORKERS {
        assert_eq!(run(case, workers).text(), expected, "{case} with {workers} workers");
    }
}

/// The same at any number of workers, under perturbed schedules and in checking mode.
#[track_caller]
fn assert_same(case: &str) -> String {
    let text = run(case, 1).text();
    assert_out(case, &text);
    for seed in 1..=5 {
        let run = program(case).workers(3).env("DETPAR_CHAOS", &seed.to_string()).run();
        assert_eq!(run.expect(0).text(), text, "{case} with seed {seed}");
    }
    let checked = program(case).workers(2).env("DETPAR_CHECK", "1").run().expect(0);
    assert_eq!(checked.text(), text, "{case} in checking mode");
    text
}

/// Each answer in a child is compared with that of the host's file system.
#[test]
fn as_on_the_host() {
    assert_eq!(assert_same("same_as_host"), "120 answers\n");
}

#[test]
fn siblings() {
    let text = assert_same("merged");
    let tree = "/in/\n/in/a: changed\n/left/\n/left/x: 1\n/right: relative to the root\n";
    assert_eq!(text, format!("second first\n{tree}"));
}

#[test]
fn appends_in_program_order() {
    let text = assert_same("appended");
    let round = |i: u32| format!("{i} a|{i} b|{i} ab|{i} c|");
    assert_eq!(text, format!("/log: start|{}{}{}\n", round(0), round(1), round(2)));
}

#[test]
fn conflicts() {
    let text = assert_same("conflicts");
    let f = "\"/d/f\" (Some(0), 1)\n";
    let (x, d) = ("\"/d/x\" (Some(0), 1)\n", "\"/d\" (Some(0), 1)\n");
    let both = "both\n";
    let all = [f, f, both, f, f, x, both, x, both, d, f, both].concat();
    let says = "children 0 and 1 both changed the file /d/f since the snapshot; give each child a \
                file or directory of its own, make directories before they start, or only append\n";
    assert_eq!(text, all + says);
}

#[test]
fn a_failed_join_changes_no_file() {
    let text = assert_same("rolled_back");
    let panic = "child 1 panicked at tests/programs/files.rs:";
    assert!(text.starts_with(panic), "{text}");
    let rest = "/f: before\ntrue\n/f: before\n/f: before\n/g: kept\n/f: after\n/g: kept\n";
    assert!(text.ends_with(rest), "{text}");
}

#[test]
fn nesting() {
    let text = assert_same("nested");
    assert!(text.starts_with("15 7\n/deep") || text.starts_with("15 7\n/t/\n"), "{text}");
    assert!(text.contains("/t/x/c/c/sum: 1 1 0\n") && text.contains("/t/x/a/own: 2!\n"), "{text}");
    assert!(text.ends_with("\"/deep\" (Some(0), 1)\n1\n"), "{text}");
}

#[test]
fn children_beside_their_parent() {
    let text = assert_same("open_children");
    let first = "/a: a\n/b: b\n/c: c\n/f: 0\n/g: 0\n";
    let second = "/a: a\n/b: b\n/c: c\n/f: first\n/g: child\n";
    let met = "\"/f\" (None, 0)\n";
    assert_eq!(text, [first, met, met, second].concat());
}

#[test]
fn barriers() {
    let text = assert_same("phases");
    let tree = "/f: 123\n/g: g\n";
    assert_eq!(text, [tree, "\"/f\" (Some(0), 1)\n", tree].concat());
}

#[test]
fn many_files() {
    let text = assert_same("many");
    let log = "0 50 100 150 200 250 ".repeat(3);
    assert_eq!(text, format!("900\n{log}\n"));
}

#[test]
fn files_of_a_parent() {
    assert_eq!(assert_same("inherited"), "true\n");
}

#[test]
fn what_is_not_answered() {
    let text = assert_same("refused");
    assert!(text.contains("give children a tree of files in memory (detpar::fs)"), "{text}");
    assert!(text.ends_with("\nfalse\n"), "{text}");
}

#[test]
fn in_and_out() {
    assert_eq!(assert_same("import_export"), "17500000 a\nchanged\n2500000\nchanged\n");
}

#[test]
fn checking_mode_finds_nothing() {
    let text = assert_same("checked");
    assert!(text.starts_with("((2, 2), (2, 2))\n"), "{text}");
}

#[test]
fn little_stack() {
    assert_eq!(assert_same("deep_stack"), "100000\n");
}

#[test]
fn an_image_in_memory_takes_what_it_holds() {
    assert_out("image_in_memory", "text 10000\n");
}

#[test]
fn more_than_there_was_room_for() {
    assert_out("overfull", "room was made\n");
}

/// What children do to one file by several names meets.
#[test]
fn files_with_several_names() {
    let text = assert_same("links");
    let met = |path: &str| format!("\"{path}\" (Some(0), 1)");
    let (was, new) = ("as it was", "newit was");
    let expected = [
        ("one writes", format!("a={new}(2) b={new}(2) other=(1)")),
        ("both write", met("/d/b")),
        ("both append", format!("a={was}, 1, 2(2) b={was}, 1, 2(2) other=(1)")),
        ("write, append", met("/d/a")),
        ("permit, cut", met("/d/b")),
        ("remove, write", format!("b={new}(1) other=(1)")),
        ("remove both", "other=(1)".into()),
        ("rename, write", format!("b={new}(2) c={new}(2) other=(1)")),
        ("rename over", format!("a={new}(1) b=(1)")),
        ("rename to itself", format!("a={new}(2) b={new}(2) other=(1)")),
        ("link twice", format!("a={was}(4) b={was}(4) c={was}(4) e={was}(4) other=(1)")),
        ("link the same", met("/d/c")),
        ("link, remove", met("/d/a")),
        ("link, write", format!("a={was}(2) b={was}(2) c=new(2) other=new(2)")),
        ("link and write, write", met("/d/other")),
        ("link and write, append", met("/d/c")),
        ("number used again", "new=newer(2) newer=newer(2) other=new(1)".into()),
        ("name lost while open", format!("e=(1) x={was}, 1, 2, 3, 4(1)")),
        ("all names lost while open", "a=(1)".into()),
    ];
    let lines: Vec<_> = text.lines().collect();
    for (line, (what, answer)) in lines.iter().zip(&expected) {
        assert_eq!(*line, format!("{what}: {answer}"));
    }
    let denied = "PermissionDenied Some(1)";
    let (none, there) = ("NotFound Some(2)", "AlreadyExists Some(17)");
    let answers = format!("{denied}; {none}; {there}; {none}; (); a link");
    assert_eq!(lines[expected.len()..], [answers]);
}

/// What becomes of a file that two changed, by its policy.
#[test]
fn policies_of_files() {
    let text = assert_same("policies");
    let (f, g) = ("\"/d/f\" (Some(0), 1)", "\"/d/g\" (Some(0), 1)");
    let (was, log) = ("f: as it was", "\"/d/log\" (Some(0), 1)");
    let last = [
        ("both write", "f: b".into()),
        ("part of it", "f: as IT was".into()),
        ("parts", "f: as IT was".into()),
        ("write, cut", "f: as it".into()),
        ("write, grow", "f: as it was\0".into()),
        ("write, empty", "f: ".into()),
        ("empty what was empty", "f: ".into()),
        ("both append", format!("{was}, 1, 2")),
        ("write, append", f.into()),
        ("both make", format!("{was}\n/d/g: b")),
        ("both make to append", format!("{was}\n/d/g: b")),
        ("make, make a directory", g.into()),
        ("write, remove", f.into()),
        ("write, rename", f.into()),
        ("below", format!("e/\n/d/e/e/\n/d/e/e/f: 2\n/d/{was}")),
        ("copies", format!("{was}\n/d/g: as it was")),
        ("permissions", format!("{was}\n/d/g: text")),
    ];
    let append = [
        ("write, append", "f: new, 2".into()),
        ("append, write", f.into()),
        ("both write", f.into()),
        ("both make", format!("{was}\n/d/log: 12")),
        ("make, make to append", format!("{was}\n/d/log: 12")),
        ("make to append, make", log.into()),
    ];
    let line = |(what, answer): &(&str, String)| match answer.starts_with('"') {
        true => format!("{what}: {answer}\n"),
        false => format!("{what}:\n/d/\n/d/{answer}\n"),
    };
    let lines = |cases: &[(&str, String)]| cases.iter().map(line).collect::<String>();
    let holes = "bytes, and blocks of 512: (1073741825, 32)\n";
    let deeper = "/d/\n/d/f: as 6t 5as\n/d/\n/d/f: child 5as\n";
    let policy = "policy, write: \"/d/f\" (None, 0)\n";
    assert_eq!(
        text,
        [lines(&last), "640\n".into(), lines(&append), [holes, deeper, policy].concat()].concat()
    );
}

/// Also of files that a child has made, whose numbers are those of its siblings' files.
#[test]
fn files_with_several_names_within() {
    let text = assert_same("links_within");
    let each = |d: &str| format!("\"/{d}/b\" (Some(0), 1) \"/{d}/b\" (None, 0)\n");
    let tree = "/d/\n/one/\n/one/a: parent\n/one/b: parent\n/other/\n/other/a: parent\n/other/b: \
                parent\n";
    let beside = "\"/d/b\" (None, 0)\n";
    assert_eq!(text, [&each("one"), &each("other"), tree, beside, beside, "parent\n"].concat());
}

/// The system's devices and standard streams by name, with and without a tree.
#[test]
fn devices() {
    let input = "1\n2\n3\n4\n5\n";
    let run = |workers: usize| program("devices").workers(workers).input(input).run().expect(0);
    let (first, text) = (run(1), run(1).text());
    for workers in WORKERS {
        let run = run(workers);
        assert_eq!(
            (run.text(), run.err_text()),
            (first.text(), first.err_text()),
            "{workers} workers"
        );
    }
    let printed = "a 1\na 2\na 3\na 4\nb 1\nb 2\nb 3\nb 4\n\
                   (\"PermissionDenied Some(13)\", \"PermissionDenied Some(13)\")\n";
    assert_eq!(text.matches(printed).count(), 2, "{text}");
    assert!(text.starts_with("63 answers\n((([0], [0]), true), (([0], [0]), true))\n"), "{text}");
    assert!(text.contains("(\"1\\n\", \"2\\n\")\ntrue\n63 answers\n"), "{text}");
    assert!(text.ends_with("(\"3\\n\", \"4\\n\")\n"), "{text}");
    assert_eq!(first.err_text(), "a to stderr\nb to stderr\n".repeat(2));
}

/// Random operations of children, beside the same ones done by one program on the host.
#[test]
fn random_operations() {
    let text = |workers| program("random").args(&["150"]).workers(workers).run().expect(0).text();
    let expected = text(1);
    assert!(expected.starts_with("150 cases, 2"), "some tens are in conflict: {expected}");
    for workers in [2, 8] {
        assert_eq!(text(workers), expected, "{workers} workers");
    }
}
