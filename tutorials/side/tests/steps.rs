//! Every step of our machine is right, no step of the reader's skeleton is, and the book shows what
//! the program says of both.
use detpar_side::attempt::snapshots::Mine;
use detpar_side::checks::{STEPS, step};
use detpar_side::solution::snapshots::Ours;
use detpar_tutorials::{difference, pages};
use std::process::Command;

#[test]
fn our_machine_passes_and_the_skeleton_does_not() {
    for number in 1..=STEPS {
        assert_eq!(step::<Ours>(number), Ok(()), "step {number}");
        assert!(step::<Mine>(number).is_err(), "step {number} of the skeleton is right");
    }
    for number in [0, STEPS + 1] {
        assert!(step::<Ours>(number).is_err());
    }
}

#[test]
fn the_program_says_so_by_its_exit_code() {
    for (arguments, code) in [
        (&["3", "--solution"][..], 0),
        (&["3"], 1),
        (&[], 64),
        (&["0"], 64),
        (&["7"], 64),
        (&["x"], 64),
        (&["3", "--other"], 64),
    ] {
        let mut side = Command::new(env!("CARGO_BIN_EXE_side"));
        let output = side.args(arguments).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

/// Every step is in the book, with what the program says.
#[test]
fn the_book_shows_what_the_program_says() {
    let mut shown_steps = 0;
    for page in pages().unwrap() {
        for shown in page.commands().unwrap() {
            let Some((_, arguments)) = shown.typed.split_once("-p detpar-side -- ") else {
                continue;
            };
            let mut side = Command::new(env!("CARGO_BIN_EXE_side"));
            let output = side.args(arguments.split_whitespace()).output().unwrap();
            let printed = String::from_utf8_lossy(&output.stdout);
            if let Some(difference) = difference(&shown.output, &printed) {
                panic!("{}:{}: $ {}\n{difference}", page.path.display(), shown.line, shown.typed);
            }
            shown_steps += usize::from(!arguments.contains("--solution"));
        }
    }
    assert_eq!(shown_steps, STEPS);
}
