//! The calls' conformance table and random programs, on the model.
use detpar_tests::conformance::interpreter::interpret;
use detpar_tests::conformance::table::rows;

#[test]
fn the_model_does_what_the_table_says() {
    let mut wrong = 0;
    for row in rows() {
        let shown = interpret(&row.program());
        if shown.ended && shown.seen == row.shows() {
            continue;
        }
        wrong += 1;
        println!("{}: ended {}", row.name, shown.ended);
        for (i, (op, expected)) in row.steps.iter().enumerate() {
            let seen = shown.seen.get(i);
            if seen != Some(expected) {
                println!("  step {i} {op:?}: {seen:?}, not {expected:?}");
                break;
            }
        }
    }
    assert_eq!(wrong, 0);
}
