//! Random trees reconciled beside a naive way (`detpar-fs/tests/reconcile`), each case in a leaf of a
//! parallel call; prints what came of each. `DETPAR_FS_CASES` and `DETPAR_FS_SEED` say how many, and
//! from which on.
#[path = "../../detpar-fs/tests/reconcile/cases.rs"]
mod cases;

use cases::random::setting;
use detpar::prelude::*;

#[detpar::main]
fn main() {
    let (first, count) = (setting("DETPAR_FS_SEED", 1), setting("DETPAR_FS_CASES", 300));
    let outcomes = (first..first + count).into_par_iter().map(|seed| (seed, cases::case(seed)));
    for (seed, outcome) in outcomes.collect::<Vec<_>>() {
        println!("{seed}: {outcome:?}");
    }
}
