//! Every step of our machine is right, no step of the reader's skeleton is, and the book shows what
//! the program says of both.
use detpar_side::attempt::{snapshots::Mine, tables::Mine as MyTables};
use detpar_side::checks::{STEPS, step};
use detpar_side::solution::{snapshots::Ours, tables::Ours as OurTables};
use detpar_side::tables::classic::Classic;
use detpar_side::tables::{ENTRIES, Forks, Pid, System, checks as tables};
use detpar_tutorials::{difference, pages, root};
use std::process::Command;

const TABLES: &str = env!("CARGO_BIN_EXE_tables");

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
    // Where the book's commands leave files.
    std::fs::create_dir_all(root().join("target")).unwrap();
    let mut shown_steps = 0;
    for page in pages().unwrap() {
        for shown in page.commands().unwrap() {
            let Some((program, arguments)) = program_of(&shown.typed) else { continue };
            let mut command = Command::new(program);
            let output = command.args(&arguments).current_dir(root()).output().unwrap();
            let printed = String::from_utf8_lossy(&output.stdout);
            // What prints nothing has failed silently where it has.
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() || !printed.is_empty(), "{}: {said}", shown.typed);
            if let Some(difference) = difference(&shown.output, &printed) {
                panic!("{}:{}: $ {}\n{difference}", page.path.display(), shown.line, shown.typed);
            }
            let is_step = arguments.len() == 1;
            shown_steps += usize::from(is_step);
        }
    }
    // The last step of each is shown of ours alone, or not.
    assert_eq!(shown_steps, STEPS + tables::STEPS - 1);
}

/// The program that a line of the book runs, and its arguments.
fn program_of(typed: &str) -> Option<(&'static str, Vec<&str>)> {
    let (_, rest) = typed.split_once("-p detpar-side ")?;
    let (program, rest) = match rest.strip_prefix("--bin tables") {
        Some(rest) => (TABLES, rest),
        None => (env!("CARGO_BIN_EXE_side"), rest),
    };
    Some((program, rest.trim_start().trim_start_matches("-- ").split_whitespace().collect()))
}

#[test]
fn our_tables_pass_and_those_that_copy_all_do_not() {
    for number in 1..=tables::STEPS {
        assert_eq!(tables::step::<OurTables>(number), Ok(()), "step {number}");
        assert!(
            tables::step::<MyTables>(number).is_err(),
            "step {number} of the skeleton is right"
        );
    }
    for (arguments, code) in [
        (&["3", "--solution"][..], 0),
        (&["3"], 1),
        (&["5"], 64),
        (&["--svg"], 64),
        (&["--svg", "/proc/none"], 1),
    ] {
        let output = Command::new(TABLES).args(arguments).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

/// What a plausible mistake does, in place of our fork on demand.
macro_rules! wrong {
    ($name:ident, $fork:expr, $fault:expr, $exit:expr) => {
        struct $name;
        impl Forks for $name {
            fn fork(system: &mut System, parent: Pid) -> Pid {
                $fork(system, parent)
            }
            fn fault(system: &mut System, process: Pid, page: usize) {
                $fault(system, process, page);
            }
            fn exit(system: &mut System, process: Pid) {
                $exit(system, process);
            }
        }
    };
}

// The parent may go on writing.
wrong!(
    WritableParent,
    |system: &mut System, parent| {
        let child = OurTables::fork(system, parent);
        system.directory(parent).iter_mut().for_each(|region| region.writable = true);
        child
    },
    OurTables::fault,
    OurTables::exit
);
// The entries of the table that the parent keeps stay writable.
wrong!(
    WritableEntries,
    OurTables::fork,
    |system: &mut System, process, page: usize| {
        let table = system.directory(process)[page / ENTRIES].table;
        let before = system.table(table).pages.clone();
        OurTables::fault(system, process, page);
        if system.directory(process)[page / ENTRIES].table != table {
            system.table(table).pages = before;
        }
    },
    OurTables::exit
);
// The frames of a table that was copied do not count the copy.
wrong!(
    NotCounted,
    OurTables::fork,
    |system: &mut System, process: Pid, page: usize| {
        let region = system.directory(process)[page / ENTRIES];
        OurTables::fault(system, process, page);
        let after = system.directory(process)[page / ENTRIES];
        if after.table != region.table {
            let pages = system.table(region.table).pages.clone();
            let shared = pages.into_iter().flatten().map(|p| p.frame);
            shared.for_each(|f| {
                let count = &mut system.frame(f).count;
                *count = (*count - 1).max(1);
            });
        }
    },
    OurTables::exit
);
// A process that ends takes shared tables along.
wrong!(TakesAll, OurTables::fork, OurTables::fault, Classic::exit);

#[test]
fn plausible_mistakes_are_found() {
    assert!(tables::step::<WritableParent>(1).is_err());
    assert!(tables::step::<WritableEntries>(2).is_err());
    assert!(tables::step::<NotCounted>(2).is_err());
    assert!(tables::step::<TakesAll>(3).is_err());
    for all in [
        tables::step::<WritableParent>,
        tables::step::<WritableEntries>,
        tables::step::<NotCounted>,
        tables::step::<TakesAll>,
    ] {
        assert!(all(tables::STEPS).is_err());
    }
}

#[test]
fn the_picture_of_the_book_is_what_is_drawn() {
    let picture = root().join("tutorials/src/img/side-tables.svg");
    assert_eq!(
        std::fs::read_to_string(picture).unwrap(),
        detpar_side::tables::draw::svg().unwrap()
    );
}
