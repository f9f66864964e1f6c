//! Graders accept what is right and reject the broken exercise and the plausible wrong ways.
use detpar_grader::EXERCISES;
use detpar_tutorials::{difference, pages};
use std::process::{Command, Output};

fn grade(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grade"));
    command.args(arguments).env_remove("RUST_BACKTRACE").env("NO_COLOR", "1");
    command.output().expect("the grader starts")
}

#[test]
fn what_is_right_passes_and_what_is_wrong_does_not() {
    for exercise in EXERCISES {
        for seed in ["1", "774411"] {
            let run = |more: &[&str]| {
                let output = grade(&[&[exercise.number, "--seed", seed], more].concat());
                (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
            };
            let (code, said) = run(&["--solution"]);
            assert_eq!(code, Some(0), "the solution of {}: {said}", exercise.number);
            for more in [&[][..], &["--wrong", "a"], &["--wrong", "b"], &["--wrong", "c"]] {
                let (code, said) = run(more);
                assert_eq!(code, Some(1), "{} {more:?}: {said}", exercise.number);
                assert!(said.contains("not right yet") && said.contains("--seed"), "{said}");
            }
        }
    }
}

#[test]
fn wrong_arguments_are_refused() {
    for arguments in [&[][..], &["77"], &["02", "--wrong", "z"], &["02", "--seed", "x"]] {
        assert_eq!(grade(arguments).status.code(), Some(64), "{arguments:?}");
    }
}

/// `cargo xtask grade` passes its arguments on, so what the book shows of it is this program's.
#[test]
fn the_book_shows_what_graders_say() {
    let mut graded = Vec::new();
    for page in pages().unwrap() {
        for shown in page.commands().unwrap() {
            let Some(rest) = shown.typed.strip_prefix("cargo xtask grade ") else { continue };
            let arguments: Vec<&str> = rest.split_whitespace().collect();
            let output = grade(&arguments);
            let printed = String::from_utf8_lossy(&output.stdout);
            if let Some(difference) = difference(&shown.output, &printed) {
                let page = page.path.display();
                panic!("{page}:{}: $ {}\n{difference}", shown.line, shown.typed);
            }
            graded.push(arguments[0].to_string());
        }
    }
    for exercise in EXERCISES {
        assert!(graded.contains(&exercise.number.into()), "{} is in no page", exercise.number);
    }
}
