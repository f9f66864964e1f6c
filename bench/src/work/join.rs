//! The suite `join`.

use super::{PAGE, touched};
use crate::measure::{self, Sample};
use crate::system::Counter;
use std::hint::black_box;
use std::time::Duration;

/// A way to run two closures and wait for both.
pub trait Join: Sync {
    /// Whether what the closures write reaches the caller.
    const WRITES: bool = true;

    /// Runs both.
    fn join<A, B>(&self, a: A, b: B)
    where
        A: FnOnce() + Send,
        B: FnOnce() + Send;

    /// Runs both, each with a part of a slice.
    fn parts<T, A, B>(&self, (left, right): (&mut [T], &mut [T]), a: A, b: B)
    where
        T: Send,
        A: FnOnce(&mut [T]) + Send,
        B: FnOnce(&mut [T]) + Send,
    {
        self.join(|| a(left), || b(right));
    }

    /// Runs a measurement where its joins are nested, for those who tell the difference.
    fn nest(&self, measure: impl FnOnce() -> Sample + Send) -> Sample {
        measure()
    }
}

/// One closure after the other.
pub struct InOrder;

impl Join for InOrder {
    fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, a: A, b: B) {
        a();
        b();
    }
}

/// Bytes that are written before the joins of `nested_256mb`, where they are nested.
pub const BUILT: usize = 256 << 20;
/// Pages that each of the two children writes.
const PAGES: usize = 8;
/// Bytes from one of them to the next: no two share a page table, nor a place in one.
const STRIDE: usize = (4 << 20) + 37 * PAGE;

/// Measures a case; `None` where there is none of this name.
///
/// # Panics
/// Where a write was lost.
pub fn run<J: Join>(case: &str, join: &J, budget: Duration) -> Option<Sample> {
    match case {
        "empty2" => Some(empty(join, budget, 0)),
        "local2" => Some(locals(join, budget)),
        "pages16" => Some(pages(join, budget)),
        "heap_1mb" => Some(empty(join, budget, 1 << 20)),
        "heap_1gb" => Some(empty(join, budget, 1 << 30)),
        "after_read_512mb" => Some(after_reading(join, budget, 512 << 20)),
        "nested_256mb" => Some(nested(join, budget)),
        _ => None,
    }
}

fn empty<J: Join>(join: &J, budget: Duration, heap: usize) -> Sample {
    let heap = touched(heap);
    let sample = measure::run(budget, || join.join(|| (), || ()));
    drop(black_box(heap));
    sample
}

fn locals<J: Join>(join: &J, budget: Duration) -> Sample {
    let (mut a, mut b) = (0u64, 0u64);
    let sample = measure::run(budget, || {
        join.join(|| *black_box(&mut a) += 1, || *black_box(&mut b) += 1);
    });
    if J::WRITES {
        assert_eq!((a, b), (sample.turns, sample.turns), "a child's write was lost");
    }
    sample
}

fn nested<J: Join>(join: &J, budget: Duration) -> Sample {
    let clock = Counter::calibrated();
    join.nest(|| {
        let built = touched(BUILT);
        let ends = [&built[..PAGE], &built[BUILT - PAGE..]];
        let (mut a, mut b) = (0u64, 0u64);
        let sample = measure::run_by(clock, budget, || {
            let [first, last] = ends;
            join.join(
                || a += u64::from(black_box(first)[0]),
                || b += u64::from(black_box(last)[0]),
            );
        });
        if J::WRITES {
            assert_eq!((a, b), (sample.turns, sample.turns), "a nested child's write was lost");
        }
        drop(black_box(built));
        sample
    })
}

fn pages<J: Join>(join: &J, budget: Duration) -> Sample {
    let mut memory = touched(2 * PAGES * STRIDE);
    memory.chunks_mut(STRIDE).for_each(|c| c[0] = 0);
    let sample = measure::run(budget, || {
        let (left, right) = memory.split_at_mut(PAGES * STRIDE);
        join.join(|| write(left), || write(right));
    });
    if J::WRITES {
        let expected = sample.turns as u8;
        let kept = memory.chunks(STRIDE).all(|c| c[0] == expected);
        assert!(kept, "a child's write to a page was lost");
    }
    sample
}

/// Each worker has read all of a large block before; then each child writes one page, another
/// one every time.
fn after_reading<J: Join>(join: &J, budget: Duration, len: usize) -> Sample {
    const COUNT: usize = 64;
    let memory = touched(len);
    let read = || assert!(memory.iter().step_by(PAGE).all(|&b| b == 1));
    // Whoever runs them: each reads everything.
    for _ in 0..4 {
        join.join(read, read);
    }
    let mut pages = touched(2 * COUNT * PAGE);
    pages.fill(0);
    let mut turn = 0;
    let sample = measure::run(budget, || {
        let (left, right) = pages.split_at_mut(COUNT * PAGE);
        let at = turn % COUNT * PAGE;
        turn += 1;
        join.join(|| left[at] = left[at].wrapping_add(1), || right[at] = right[at].wrapping_add(1));
    });
    if J::WRITES {
        let expected = |page| (turn / COUNT + usize::from(page % COUNT < turn % COUNT)) as u8;
        let kept = pages.chunks(PAGE).enumerate().all(|(page, c)| c[0] == expected(page));
        assert!(kept, "a child's write after reading was lost");
    }
    drop(black_box(memory));
    sample
}

fn write(part: &mut [u8]) {
    part.chunks_mut(STRIDE).for_each(|c| c[0] = c[0].wrapping_add(1));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    struct OneByOne;

    impl Join for OneByOne {
        fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, a: A, b: B) {
            a();
            b();
        }
    }

    struct Forgetful;

    impl Join for Forgetful {
        fn join<A: FnOnce() + Send, B: FnOnce() + Send>(&self, a: A, _: B) {
            a();
        }
    }

    #[test]
    fn every_case_has_work() {
        for case in suite::find("join").unwrap().cases {
            if case.size < 512 << 20 {
                assert!(run(case.name, &OneByOne, Duration::ZERO).is_some(), "{}", case.name);
            }
        }
        assert!(run("nonesuch", &OneByOne, Duration::ZERO).is_none());
    }

    #[test]
    fn pages_written_after_reading() {
        after_reading(&OneByOne, Duration::ZERO, 1 << 20);
    }

    #[test]
    #[should_panic(expected = "a child's write after reading was lost")]
    fn lost_pages_are_noticed_after_reading() {
        after_reading(&Forgetful, Duration::ZERO, 1 << 20);
    }

    #[test]
    #[should_panic(expected = "a nested child's write was lost")]
    fn lost_nested_writes_are_noticed() {
        run("nested_256mb", &Forgetful, Duration::ZERO);
    }

    #[test]
    #[should_panic(expected = "a child's write was lost")]
    fn lost_locals_are_noticed() {
        run("local2", &Forgetful, Duration::ZERO);
    }

    #[test]
    #[should_panic(expected = "a child's write to a page was lost")]
    fn lost_pages_are_noticed() {
        run("pages16", &Forgetful, Duration::ZERO);
    }
}
