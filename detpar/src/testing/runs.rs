//! Which runs a determinism check makes.
use std::fmt;
use std::ops::RangeInclusive;

/// The runs of a determinism check: [`assert_deterministic!`](crate::assert_deterministic).
///
/// By default eleven, a few hundred milliseconds of a short test: each of 1, 2, 3, 8 and 64
/// workers, chaos seeds 1 to 5, each at another number of workers, and one with address-space
/// randomisation on.
///
/// ```
/// use detpar::testing::Runs;
///
/// #[detpar::main]
/// fn main() {
///     let runs = Runs::new().workers([1, 4]).seeds(1..=3);
///     let (sum, _) = detpar::assert_deterministic!(|| detpar::join(|| 1 + 2, || "two"), runs);
///     assert_eq!(sum, 3);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runs {
    workers: Vec<usize>,
    seeds: RangeInclusive<u64>,
    randomised: bool,
}

/// The variable with the runs to make in place of what the test says.
pub(super) const RUNS: &str = "DETPAR_TEST_RUNS";

/// One run: what differs from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub workers: usize,
    /// Seed of chaos scheduling; 0: off.
    pub chaos: u64,
    /// Address-space randomisation stays on.
    pub randomised: bool,
}

impl Default for Runs {
    fn default() -> Runs {
        Runs { workers: vec![1, 2, 3, 8, 64], seeds: 1..=5, randomised: true }
    }
}

impl Runs {
    /// The default.
    pub fn new() -> Runs {
        Runs::default()
    }

    /// Sets the numbers of workers, each from 1 to 1024.
    ///
    /// # Panics
    /// Where there is none, or another.
    #[track_caller]
    pub fn workers(mut self, workers: impl IntoIterator<Item = usize>) -> Runs {
        self.workers = workers.into_iter().collect();
        let fine = !self.workers.is_empty() && self.workers.iter().all(|w| (1..=1024).contains(w));
        assert!(fine, "numbers of workers: at least one, each from 1 to 1024");
        self
    }

    /// Sets the seeds of chaos scheduling (`DETPAR_CHAOS`): a run for each, at a number of
    /// workers that changes from run to run. `1..=0` for none.
    pub fn seeds(mut self, seeds: RangeInclusive<u64>) -> Runs {
        self.seeds = seeds;
        self
    }

    /// Sets whether one run keeps address-space randomisation. Without it, addresses of code
    /// and statics are the same in every run.
    pub fn randomised(mut self, yes: bool) -> Runs {
        self.randomised = yes;
        self
    }

    /// All of them; the others are compared with the first.
    pub(super) fn list(&self) -> Vec<Run> {
        let plain = |&workers: &usize| Run { workers, chaos: 0, randomised: false };
        let mut all: Vec<Run> = self.workers.iter().map(plain).collect();
        // Begins in the middle: few workers first is what the plain runs do.
        let around = self.workers.iter().cycle().skip(self.workers.len() / 2);
        all.extend(self.seeds.clone().zip(around).map(|(chaos, w)| Run { chaos, ..plain(w) }));
        if self.randomised {
            let middle = self.workers[self.workers.len() / 2];
            all.push(Run { randomised: true, ..plain(&middle) });
        }
        all
    }
}

impl Run {
    /// The variables that make a process this run.
    pub fn variables(&self) -> [(&'static str, Option<String>); 3] {
        [
            ("DETPAR_WORKERS", Some(self.workers.to_string())),
            ("DETPAR_CHAOS", Some(self.chaos.to_string())),
            ("DETPAR_ASLR", self.randomised.then(|| "keep".into())),
        ]
    }

    /// Reads what `Display` writes.
    fn parse(text: &str) -> Option<Run> {
        let (text, randomised) = match text.strip_suffix(":aslr") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (workers, chaos) = text.split_once(':').unwrap_or((text, "0"));
        let workers = workers.parse().ok().filter(|w| (1..=1024).contains(w))?;
        Some(Run { workers, chaos: chaos.parse().ok()?, randomised })
    }

    /// Reads a list of runs, apart by blanks.
    pub fn parse_list(text: &str) -> Result<Vec<Run>, String> {
        let list: Option<Vec<Run>> = text.split_whitespace().map(Run::parse).collect();
        list.filter(|l| !l.is_empty()).ok_or_else(|| {
            format!(
                "{RUNS}={text}: give runs as WORKERS, WORKERS:CHAOS_SEED or \
                 WORKERS:CHAOS_SEED:aslr, apart by blanks"
            )
        })
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.workers)?;
        if self.chaos != 0 || self.randomised {
            write!(f, ":{}", self.chaos)?;
        }
        if self.randomised {
            f.write_str(":aslr")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(runs: &Runs) -> String {
        runs.list().iter().map(Run::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lists() {
        assert_eq!(texts(&Runs::new()), "1 2 3 8 64 3:1 8:2 64:3 1:4 2:5 3:0:aslr");
        let few = Runs::new().workers([4]).seeds(7..=8).randomised(false);
        assert_eq!(texts(&few), "4 4:7 4:8");
        #[expect(clippy::reversed_empty_ranges)]
        let none = Runs::new().workers([1, 2]).seeds(1..=0).randomised(false);
        assert_eq!(texts(&none), "1 2");
    }

    #[test]
    fn texts_are_read_again() {
        let list = Runs::new().list();
        assert_eq!(Run::parse_list(&texts(&Runs::new())), Ok(list));
        for wrong in ["", " ", "0", "1025", "x", "1:", "1:x", "1:2:3", ":aslr", "1:2:aslr:"] {
            assert!(Run::parse_list(wrong).is_err(), "{wrong}");
        }
        let aslr = Run { workers: 1, chaos: 0, randomised: true };
        assert_eq!(Run::parse_list("1:aslr"), Ok(vec![aslr]));
    }

    #[test]
    #[should_panic(expected = "each from 1 to 1024")]
    fn workers_are_numbers_that_exist() {
        let _ = Runs::new().workers([1, 0]);
    }
}
