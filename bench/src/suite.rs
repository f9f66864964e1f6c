//! Names: suites, their cases, and who is compared with whom.

use crate::work::{self, PAGE};

/// Which of the two programs measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The one that links detpar.
    Detpar,
    /// The one that does not.
    Baseline,
}

/// How many workers or threads somebody gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// `DETPAR_WORKERS`, else as many as there are processors to run on.
    Usual,
    /// This many.
    Exactly(usize),
}

/// Somebody who does the work of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contender {
    /// Name in the results.
    pub name: &'static str,
    /// Who measures it.
    pub program: Program,
    /// Its workers.
    pub workers: Workers,
}

/// One piece of work.
#[derive(Debug)]
pub struct Case {
    /// Name in the results.
    pub name: &'static str,
    /// Bytes that it works on, or that were touched before.
    pub size: u64,
    /// What it does.
    pub about: &'static str,
}

/// Cases that have their baselines in common.
#[derive(Debug)]
pub struct Suite {
    /// Name on the command line and in the results.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// In the order in which they run.
    pub cases: &'static [Case],
    /// Whom the baselines are compared with.
    pub subject: Contender,
    /// In the order in which they take turns.
    pub baselines: &'static [Contender],
}

const fn detpar(name: &'static str, workers: Workers) -> Contender {
    Contender { name, program: Program::Detpar, workers }
}

const fn plain(name: &'static str, workers: Workers) -> Contender {
    Contender { name, program: Program::Baseline, workers }
}

const fn case(name: &'static str, size: usize, about: &'static str) -> Case {
    Case { name, size: size as u64, about }
}

const TWO: Workers = Workers::Exactly(2);

/// All suites.
pub const SUITES: &[Suite] = &[
    Suite {
        name: "join",
        about: "one join of two children: snapshot, start, merge",
        cases: &[
            case("empty2", 0, "two empty children"),
            case("local2", 16, "each child writes one local of its parent"),
            case("pages16", 16 * PAGE, "each child writes to 8 scattered pages"),
            case("heap_1mb", 1 << 20, "two empty children, 1 MiB written before"),
            case("heap_1gb", 1 << 30, "two empty children, 1 GiB written before"),
            case(
                "after_read_512mb",
                512 << 20,
                "each child writes one page, after it read so much",
            ),
        ],
        subject: detpar("detpar", Workers::Usual),
        baselines: &[
            plain("thread_scope", Workers::Usual),
            plain("rayon_outside", Workers::Usual),
            plain("rayon_inside", Workers::Usual),
            plain("fork_wait", Workers::Usual),
        ],
    },
    Suite {
        name: "map",
        about: "computation: what a second worker brings",
        cases: &[case(
            "hash",
            work::data::BLOCKS * work::data::BLOCK,
            "par_iter over blocks, each of which is hashed byte by byte",
        )],
        subject: detpar("detpar", TWO),
        baselines: &[
            detpar("workers_1", Workers::Exactly(1)),
            plain("rayon", TWO),
            plain("sequential", Workers::Exactly(1)),
        ],
    },
    Suite {
        name: "iter",
        about: "parallel iterators over large slices: memory counts here",
        cases: &[
            case("sum_10m", 8 * work::data::SUM, "sum of 10 million f64"),
            case("map_collect_1m", 8 * work::data::MAP, "map 1 million f64 into a new Vec"),
        ],
        subject: detpar("detpar", Workers::Usual),
        baselines: &[plain("rayon", Workers::Usual), plain("sequential", Workers::Exactly(1))],
    },
];

/// The suite of this name.
pub fn find(name: &str) -> Option<&'static Suite> {
    SUITES.iter().find(|s| s.name == name)
}

impl Suite {
    /// Subject and baselines, in the order in which they take turns.
    pub fn contenders(&self) -> impl Iterator<Item = Contender> {
        std::iter::once(self.subject).chain(self.baselines.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_differ() {
        let names: BTreeSet<_> = SUITES.iter().map(|s| s.name).collect();
        assert_eq!(names.len(), SUITES.len());
        for suite in SUITES {
            let cases: BTreeSet<_> = suite.cases.iter().map(|c| c.name).collect();
            assert_eq!(cases.len(), suite.cases.len());
            let contenders: BTreeSet<_> = suite.contenders().map(|c| c.name).collect();
            assert_eq!(contenders.len(), suite.baselines.len() + 1);
            assert_eq!(suite.subject.program, Program::Detpar);
        }
    }

    /// Other tools read these names.
    #[test]
    fn names_stay() {
        let join = find("join").unwrap();
        let cases: Vec<_> = join.cases.iter().map(|c| c.name).collect();
        assert_eq!(
            cases,
            ["empty2", "local2", "pages16", "heap_1mb", "heap_1gb", "after_read_512mb"]
        );
        let baselines: Vec<_> = join.baselines.iter().map(|c| c.name).collect();
        assert_eq!(baselines, ["thread_scope", "rayon_outside", "rayon_inside", "fork_wait"]);
        assert!(find("nonesuch").is_none());
    }
}
