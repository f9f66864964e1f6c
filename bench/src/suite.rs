//! Names: suites, their cases, and who is compared with whom.

use crate::work::{self, PAGE};

/// Which program measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The one that links detpar.
    Detpar,
    /// The one that does not.
    Baseline,
    /// The one of its case in C that links libdet-c.
    C,
    /// The twin of that one, with threads.
    CThreads,
}

impl Program {
    /// Whether it takes over malloc, as what links detpar does.
    pub fn owns_malloc(self) -> bool {
        matches!(self, Program::Detpar | Program::C)
    }
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

/// What the numbers of a case are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Time of one turn.
    Microseconds,
    /// Memory in use, in units of 2^20 bytes.
    Megabytes,
}

impl Unit {
    /// As in the names of fields.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Microseconds => "us",
            Unit::Megabytes => "mb",
        }
    }
}

/// What the size of a case counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Bytes.
    Bytes,
    /// Items of eight bytes.
    Items,
    /// Rows of a square matrix of such items.
    Rows,
}

/// One piece of work. Cases of one name differ in size.
#[derive(Debug)]
pub struct Case {
    /// Name in the results.
    pub name: &'static str,
    /// Bytes that it works on, or that were touched before; or items.
    pub size: u64,
    /// What the size counts.
    pub of: Of,
    /// What is measured.
    pub unit: Unit,
    /// How many workers or threads those get who would get the usual number.
    pub workers: Workers,
    /// Whom it is compared with besides the baselines of its suite.
    pub baselines: &'static [Contender],
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

const fn in_c(name: &'static str, program: Program) -> Contender {
    Contender { name, program, workers: TWO }
}

const fn case(name: &'static str, size: usize, about: &'static str) -> Case {
    Case {
        name,
        size: size as u64,
        of: Of::Bytes,
        unit: Unit::Microseconds,
        workers: Workers::Usual,
        baselines: &[],
        about,
    }
}

const fn beside(baselines: &'static [Contender], case: Case) -> Case {
    Case { baselines, ..case }
}

const fn items(name: &'static str, size: usize, about: &'static str) -> Case {
    Case { of: Of::Items, ..case(name, size, about) }
}

const fn rows(name: &'static str, size: usize, about: &'static str) -> Case {
    Case { of: Of::Rows, ..case(name, size, about) }
}

const QSORT: &str = "partition, then both parts by one join";
const MATMULT: &str = "product of two square matrices of f64, by two bands of rows";
const LU: &str = "LU decomposition in place: 7 joins, one after another";

const LIGHT: &str = "some nanoseconds an item, into a vector that was written before";
const HEAVY: &str = "a microsecond an item, into a vector that was written before";
const COLLECT: &str = "the light one, collected into a new vector, dropped at once";
const FRESH: &str = "the light one, collected into memory never touched before";
const IN_PLACE: &str = "the light one, by for_each on par_iter_mut";

const STABLE: &str = "par_sort of u64 without a pattern";
const UNSTABLE: &str = "par_sort_unstable of the same";
const BY_KEY: &str = "par_sort_by_key of the same, 65536 keys: equal ones keep their order";

const SUM: &str = "sum of f64";
const MIN_MAX: &str = "the least and the greatest f64, by reduce_with";
const HISTOGRAM: &str = "how many bytes have each value, by fold and reduce";
const WORD_COUNT: &str = "how often each of 10000 words occurs, by fold and reduce of hash maps";

const WRITE: &str = "a file written from its beginning, in pieces of 64 KiB";
const READ: &str = "such a file read";
const JOIN: &str = "a join of two children that change ten files, where so many others are";

const FILES_100: &[Contender] = &[detpar("files_100", TWO)];
const TMPFS: &[Contender] = &[plain("tmpfs", Workers::Exactly(1))];

const PAR_ITER: &str = "par_iter within map: as many rows as each has items";
const QUICKSORT: &str = "quicksort by joins, 8 levels: 256 leaves";

const TWO: Workers = Workers::Exactly(2);

const RAYON_AND_ONE: &[Contender] =
    &[plain("rayon", TWO), plain("sequential", Workers::Exactly(1))];

/// The programs that deterministic Linux was measured with.
const FOUR: &[Case] = &[
    items("md5", 300_000, "which of so many numbers has this digest"),
    items("qsort", 1_000, QSORT),
    items("qsort", 10_000, QSORT),
    items("qsort", 100_000, QSORT),
    items("qsort", 1_000_000, QSORT),
    items("qsort", 10_000_000, QSORT),
    rows("matmult", 16, MATMULT),
    rows("matmult", 64, MATMULT),
    rows("matmult", 128, MATMULT),
    rows("matmult", 256, MATMULT),
    rows("matmult", 512, MATMULT),
    rows("matmult", 1024, MATMULT),
    rows("lu", 16, LU),
    rows("lu", 64, LU),
    rows("lu", 256, LU),
    rows("lu", 512, LU),
    rows("lu", 1024, LU),
];

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
                "each child writes one page, after workers read 512 MiB",
            ),
            Case {
                baselines: &[detpar("in_master", Workers::Usual)],
                ..case(
                    "nested_256mb",
                    work::join::BUILT,
                    "two children of a child that wrote 256 MiB; each writes one local",
                )
            },
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
        cases: &[
            case(
                "hash",
                work::data::BLOCKS * work::data::BLOCK,
                "par_iter over blocks, each of which is hashed byte by byte",
            ),
            items("light", 10_000, LIGHT),
            items("light", 100_000, LIGHT),
            items("light", 1_000_000, LIGHT),
            items("light", 10_000_000, LIGHT),
            items("heavy", 10_000, HEAVY),
            items("heavy", 100_000, HEAVY),
            items("heavy", 1_000_000, HEAVY),
            items("heavy", 10_000_000, HEAVY),
            items("collect", 100_000, COLLECT),
            items("collect", 1_000_000, COLLECT),
            items("fresh", 100_000, FRESH),
            items("fresh", 1_000_000, FRESH),
            items("fresh", 10_000_000, FRESH),
            items("in_place", 10_000, IN_PLACE),
            items("in_place", 100_000, IN_PLACE),
            items("in_place", 1_000_000, IN_PLACE),
            items("in_place", 10_000_000, IN_PLACE),
        ],
        subject: detpar("detpar", TWO),
        baselines: &[
            detpar("workers_1", Workers::Exactly(1)),
            plain("rayon", TWO),
            plain("sequential", Workers::Exactly(1)),
        ],
    },
    Suite {
        name: "four",
        about: "the programs that deterministic Linux was measured with: joins of two",
        cases: FOUR,
        subject: detpar("detpar", TWO),
        baselines: &[
            plain("rayon", TWO),
            plain("thread_scope", TWO),
            plain("sequential", Workers::Exactly(1)),
        ],
    },
    Suite {
        name: "c-four",
        about: "the same in C: libdet-c beside pthreads",
        cases: FOUR,
        subject: in_c("detpar", Program::C),
        baselines: &[
            in_c("pthread", Program::CThreads),
            in_c("det_fork", Program::C),
            Contender { workers: Workers::Exactly(1), ..in_c("sequential", Program::CThreads) },
        ],
    },
    Suite {
        name: "sort",
        about: "sorting in place",
        cases: &[
            items("stable", 10_000, STABLE),
            items("stable", 100_000, STABLE),
            items("stable", 1_000_000, STABLE),
            items("stable", 10_000_000, STABLE),
            items("unstable", 10_000, UNSTABLE),
            items("unstable", 100_000, UNSTABLE),
            items("unstable", 1_000_000, UNSTABLE),
            items("unstable", 10_000_000, UNSTABLE),
            items("by_key", 10_000, BY_KEY),
            items("by_key", 100_000, BY_KEY),
            items("by_key", 1_000_000, BY_KEY),
            items("by_key", 10_000_000, BY_KEY),
        ],
        subject: detpar("detpar", TWO),
        baselines: RAYON_AND_ONE,
    },
    Suite {
        name: "reduce",
        about: "many items become few",
        cases: &[
            items("sum", 100_000, SUM),
            items("sum", 1_000_000, SUM),
            items("sum", 10_000_000, SUM),
            items("min_max", 100_000, MIN_MAX),
            items("min_max", 1_000_000, MIN_MAX),
            items("min_max", 10_000_000, MIN_MAX),
            items("histogram", 100_000, HISTOGRAM),
            items("histogram", 1_000_000, HISTOGRAM),
            items("histogram", 10_000_000, HISTOGRAM),
            items("words", 10_000, WORD_COUNT),
            items("words", 100_000, WORD_COUNT),
            items("words", 1_000_000, WORD_COUNT),
        ],
        subject: detpar("detpar", TWO),
        baselines: RAYON_AND_ONE,
    },
    Suite {
        name: "nested",
        about: "parallel work within parallel work",
        cases: &[
            items("par_iter", 10_000, PAR_ITER),
            items("par_iter", 1_000_000, PAR_ITER),
            items("quicksort", 100_000, QUICKSORT),
            items("quicksort", 1_000_000, QUICKSORT),
            items("quicksort", 10_000_000, QUICKSORT),
            case("fib_grain", 0, "fib(32) by joins, plain calls below fib(22)"),
        ],
        subject: detpar("detpar", TWO),
        baselines: RAYON_AND_ONE,
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
    Suite {
        name: "master",
        about: "sequential code on the memory of a program that links detpar",
        cases: &[
            case("alloc", work::master::LIVE, "blocks of mixed sizes, replaced in random order"),
            case("tree", work::master::TREE, "a BTreeMap of strings, built and dropped"),
            case("chase", work::master::CHASE, "pointers followed through 64 MiB at random"),
            case("stream", work::master::STREAM, "a[i] = b[i] + s * c[i] over 48 MiB"),
            case("first_touch", work::master::FRESH, "128 MiB allocated, written, and freed"),
        ],
        subject: detpar("detpar", Workers::Exactly(1)),
        baselines: &[plain("system", Workers::Exactly(1))],
    },
    Suite {
        name: "fan",
        about: "many children: wide, deep, with many workers, and again and again",
        cases: &[
            Case {
                baselines: &[plain("thread_scope", Workers::Usual)],
                ..case(
                    "children_1000",
                    work::fan::CHILDREN * work::fan::PART,
                    "1000 children of one construct, each of which writes 16 pages",
                )
            },
            Case {
                workers: Workers::Exactly(work::fan::WORKERS),
                baselines: &[
                    detpar("workers_2", TWO),
                    plain("thread_scope", Workers::Exactly(work::fan::WORKERS)),
                ],
                ..case(
                    "workers_64",
                    work::fan::WORKERS * work::fan::PART,
                    "64 workers, 64 children, each of which writes 16 pages",
                )
            },
            Case {
                baselines: &[plain("thread_scope", Workers::Usual)],
                ..case(
                    "open_fork64",
                    work::fan::TOUCHED,
                    "64 open forks of a parent of 64 MiB that writes 16 pages before it joins them",
                )
            },
            Case {
                baselines: &[plain("thread_scope", Workers::Usual)],
                ..case("fib", 0, "fib(12): joins within joins, 11 deep, no other work")
            },
            Case {
                unit: Unit::Megabytes,
                ..case(
                    "rss_1000",
                    8 * work::fan::ITEMS,
                    "memory in use after 1000 times mapping 100000 f64 into a new Vec",
                )
            },
        ],
        subject: detpar("detpar", Workers::Usual),
        baselines: &[plain("rayon", Workers::Usual), plain("sequential", Workers::Exactly(1))],
    },
    Suite {
        name: "fs",
        about: "files in memory beside the system's own in /dev/shm, and joins",
        cases: &[
            beside(TMPFS, case("write", 4 << 10, WRITE)),
            beside(TMPFS, case("write", 1 << 20, WRITE)),
            beside(TMPFS, case("write", 64 << 20, WRITE)),
            beside(TMPFS, case("write", 1 << 30, WRITE)),
            beside(TMPFS, case("read", 4 << 10, READ)),
            beside(TMPFS, case("read", 1 << 20, READ)),
            beside(TMPFS, case("read", 64 << 20, READ)),
            beside(TMPFS, case("read", 1 << 30, READ)),
            beside(
                TMPFS,
                case("write_random", 64 << 20, "1024 blocks of 4 KiB at random places of a file"),
            ),
            beside(TMPFS, case("read_random", 64 << 20, "the same, read")),
            beside(TMPFS, items("create", 100_000, "empty files in one directory")),
            beside(TMPFS, items("stat", 100_000, "such files looked at")),
            beside(TMPFS, items("unlink", 100_000, "such files removed")),
            beside(FILES_100, items("join", 1, JOIN)),
            beside(FILES_100, items("join", 1_000, JOIN)),
            beside(FILES_100, items("join", 100_000, JOIN)),
            beside(
                TMPFS,
                case("save", 64 << 20, "files of 64 KiB to a new image; one file of as many bytes"),
            ),
            beside(TMPFS, case("load", 64 << 20, "such an image loaded; such a file read")),
        ],
        subject: detpar("detpar", TWO),
        baselines: &[],
    },
    Suite {
        name: "odf",
        about: "fork on demand: what it costs the process that forks",
        cases: &[
            case("64mb", 64 << 20, "the first fork, 64 MiB written before"),
            case("1gb", 1 << 30, "the first fork, 1 GiB written before"),
            case("4gb", 4 << 30, "the first fork, 4 GiB written before"),
            case("1gb_repeat", 1 << 30, "fork after fork, 1 GiB read between any two"),
        ],
        subject: detpar("detpar", Workers::Usual),
        baselines: &[plain("fork_4k", Workers::Exactly(1)), plain("fork_thp", Workers::Exactly(1))],
    },
];

/// The suite of this name.
pub fn find(name: &str) -> Option<&'static Suite> {
    SUITES.iter().find(|s| s.name == name)
}

impl Case {
    /// Bytes that it works on at least.
    pub fn bytes(&self) -> u64 {
        match self.of {
            Of::Bytes => self.size,
            Of::Items => 3 * 8 * self.size,
            Of::Rows => 3 * 8 * self.size * self.size,
        }
    }
}

impl Suite {
    /// Subject and baselines of a case, in the order in which they take turns.
    pub fn contenders(&self, case: &Case) -> impl Iterator<Item = Contender> {
        let usual = case.workers;
        let all = std::iter::once(self.subject);
        let all = all.chain(self.baselines.iter().copied()).chain(case.baselines.iter().copied());
        all.map(move |c| match c.workers {
            Workers::Usual => Contender { workers: usual, ..c },
            Workers::Exactly(_) => c,
        })
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
            let cases: BTreeSet<_> = suite.cases.iter().map(|c| (c.name, c.size)).collect();
            assert_eq!(cases.len(), suite.cases.len());
            for case in suite.cases {
                let contenders: BTreeSet<_> = suite.contenders(case).map(|c| c.name).collect();
                let baselines = suite.baselines.len() + case.baselines.len();
                assert_eq!(contenders.len(), baselines + 1, "{}", case.name);
            }
            assert!(suite.subject.program.owns_malloc());
        }
    }

    /// Other tools read these names.
    #[test]
    fn names_stay() {
        let join = find("join").unwrap();
        let cases: Vec<_> = join.cases.iter().map(|c| c.name).collect();
        let expected = ["empty2", "local2", "pages16", "heap_1mb", "heap_1gb"];
        assert_eq!(cases[..5], expected);
        assert_eq!(cases[5..], ["after_read_512mb", "nested_256mb"]);
        let baselines: Vec<_> = join.baselines.iter().map(|c| c.name).collect();
        assert_eq!(baselines, ["thread_scope", "rayon_outside", "rayon_inside", "fork_wait"]);
        assert!(find("nonesuch").is_none());
    }

    #[test]
    fn a_case_may_say_what_is_usual() {
        let fan = find("fan").unwrap();
        let case = fan.cases.iter().find(|c| c.name == "workers_64").unwrap();
        let workers: Vec<_> = fan.contenders(case).map(|c| c.workers).collect();
        let exactly = [64, 64, 1, 2, 64].map(Workers::Exactly);
        assert_eq!(workers, exactly);
    }
}
