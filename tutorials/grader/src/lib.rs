//! Grades the exercises of the tutorials: a module for each chapter, with a `check` that takes
//! the functions of an attempt and draws its cases from a seed that nobody saw before.
//!
//! The program `grade` runs a check at several numbers of workers, each in a process of its own.
pub mod ch01;
pub mod ch02;
pub mod ch03;
pub mod ch04;
pub mod ch05;
pub mod ch06;
pub mod ch07;
pub mod ch08;
pub mod ch09;
pub mod ch10;

/// The numbers that a check draws its cases from (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The same numbers for the same seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of a range; its start where the range is empty.
    pub fn within(&mut self, range: std::ops::Range<u64>) -> u64 {
        range.start + self.number() % range.end.saturating_sub(range.start).max(1)
    }

    /// A number from 0 to 1, 1 excluded.
    pub fn unit(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Why an attempt is not right yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// What was seen.
    pub what: String,
    /// Where to look.
    pub hint: String,
}

/// What a check finds: what the attempt computed, to be compared between runs, or what is wrong.
pub type Verdict = Result<String, Wrong>;

/// An attempt that is wrong.
///
/// # Errors
///
/// Always.
pub fn wrong<T>(what: impl Into<String>, hint: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { what: what.into(), hint: hint.into() })
}

/// What the message of a panic says; for checks that expect one.
pub fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|s| s.to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Which version of a chapter's functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The reader's, in `tutorials/exercises`.
    Attempt,
    /// Ours, in `tutorials/solutions`.
    Solution,
    /// A plausible wrong one: `a`, `b` or `c`.
    Wrong(char),
}

/// A chapter's exercise.
pub struct Exercise {
    /// `"02"`.
    pub number: &'static str,
    /// The least number of children that a right attempt forks.
    pub children: usize,
    /// The greatest number.
    pub most: usize,
    /// Runs the check on a version.
    pub check: fn(Who, &mut Random) -> Verdict,
}

macro_rules! exercises {
    (@most) => { usize::MAX };
    (@most $most:path) => { $most };
    ($($number:literal $chapter:ident $a:ident $b:ident $c:ident { $($function:ident),+ }
        $(at most $most:ident)?)+) => {
        /// All exercises, in order.
        pub const EXERCISES: &[Exercise] = &[$(Exercise {
            number: $number,
            children: $chapter::CHILDREN,
            most: exercises!(@most $($chapter::$most)?),
            check: |who, random| {
                use detpar_solutions::wrong::{$a, $b, $c};
                let attempt = match who {
                    Who::Attempt => $chapter::Attempt {
                        $($function: detpar_exercises::$chapter::$function),+
                    },
                    Who::Solution => $chapter::Attempt {
                        $($function: detpar_solutions::$chapter::$function),+
                    },
                    Who::Wrong('a') => $chapter::Attempt { $($function: $a::$function),+ },
                    Who::Wrong('b') => $chapter::Attempt { $($function: $b::$function),+ },
                    Who::Wrong(_) => $chapter::Attempt { $($function: $c::$function),+ },
                };
                $chapter::check(&attempt, random)
            },
        }),+];
    };
}

exercises! {
    "01" ch01 ch01_a ch01_b ch01_c { sum }
    "02" ch02 ch02_a ch02_b ch02_c { count_words }
    "03" ch03 ch03_a ch03_b ch03_c { spread }
    "04" ch04 ch04_a ch04_b ch04_c { settle }
    "05" ch05 ch05_a ch05_b ch05_c { summary }
    "06" ch06 ch06_a ch06_b ch06_c { dice }
    "07" ch07 ch07_a ch07_b ch07_c { inversions } at most MOST
    "08" ch08 ch08_a ch08_b ch08_c { publish }
    "09" ch09 ch09_a ch09_b ch09_c { triangle }
    "10" ch10 ch10_a ch10_b ch10_c { winner }
}
