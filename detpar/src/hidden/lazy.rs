//! Statics that are filled on first use.

#[cfg(feature = "spaces")]
use kernel::master::{Accept, Done};
use std::ops::Deref;
use std::sync::{LazyLock, Once, OnceLock};

/// Fills a lazy static now.
///
/// Call it in the master for a static that several children use and none should have to fill:
/// it is then filled once, not by each of them. Works with `LazyLock`, `once_cell::sync::Lazy`
/// and what `lazy_static!` makes. For an `OnceLock` call its `get_or_init`, or [`write_once`].
///
/// # Examples
///
/// ```
/// use detpar::prelude::*;
/// use std::sync::LazyLock;
///
/// static PRIMES: LazyLock<Vec<u32>> =
///     LazyLock::new(|| (2..50).filter(|n| (2..*n).all(|d| n % d != 0)).collect());
///
/// #[detpar::main]
/// fn main() {
///     detpar::warm(&PRIMES);
///     assert_eq!(join(|| PRIMES[3], || PRIMES.len()), (7, 15));
/// }
/// ```
pub fn warm<L: Deref + ?Sized>(lazy: &L) {
    let _: &L::Target = lazy;
}

/// A type whose values are filled at most once, and hold nothing before that.
///
/// # Safety
///
/// A value that is not filled must own nothing, and filling it must leave it in a state in which
/// it may be moved to another place of the same type, byte by byte.
pub unsafe trait FilledOnce {}

// SAFETY: an empty OnceLock owns nothing, and a full one moves as its value does.
unsafe impl<T> FilledOnce for OnceLock<T> {}
// SAFETY: as above; what it owns before is the function, which no child can use up for another.
unsafe impl<T, F> FilledOnce for LazyLock<T, F> {}
// SAFETY: a state without data.
unsafe impl FilledOnce for Once {}

/// Declares that a static is filled once: children that fill it do not conflict.
///
/// The first child in program order that fills it wins, whole; what the others made of it is
/// forgotten, and memory that they allocated for it stays allocated. Once it is filled, changes
/// inside of it merge as all memory does. `LazyLock` statics of the program are found without
/// being declared, as long as it has a symbol table.
///
/// Call it in the master, before the children start; in a child it does nothing, and neither
/// does it for a static that is filled.
///
/// # Examples
///
/// ```
/// use detpar::prelude::*;
/// use std::sync::OnceLock;
///
/// static GREETING: OnceLock<String> = OnceLock::new();
///
/// fn greeting() -> &'static str {
///     GREETING.get_or_init(|| "hello".repeat(2))
/// }
///
/// #[detpar::main]
/// fn main() {
///     detpar::write_once(&GREETING);
///     assert_eq!(join(|| greeting().len(), || greeting().len()), (10, 10));
///     assert_eq!(greeting(), "hellohello");
/// }
/// ```
pub fn write_once<T: FilledOnce>(cell: &'static T) {
    #[cfg(feature = "spaces")]
    declare(cell);
    // Where children share memory std's own states do it.
    #[cfg(not(feature = "spaces"))]
    let _ = cell;
}

#[cfg(feature = "spaces")]
fn declare<T: FilledOnce>(cell: &'static T) {
    let start = (&raw const *cell).addr();
    // SAFETY: the bytes of a static; those that are padding or not initialised are looked at by
    // the machine's rules only, through volatile reads.
    let word = |at: usize| unsafe { ((start + at) as *const u32).read_volatile() };
    let states = States::get();
    let words = (0..size_of::<T>() / 4).map(|i| 4 * i);
    let mut empty = words.filter(|&at| start.is_multiple_of(4) && word(at) == states.empty);
    if let (Some(at), None) = (empty.next(), empty.next()) {
        let filled = Accept::Finished(Done { at, value: states.full });
        kernel::master::write_once(start, size_of::<T>(), filled);
    }
}

#[cfg(feature = "spaces")]
/// How std marks what is filled, as found by looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct States {
    pub empty: u32,
    pub full: u32,
}

#[cfg(feature = "spaces")]
impl States {
    pub(super) fn get() -> States {
        const { assert!(size_of::<Once>() == 4) };
        let once = Once::new();
        // SAFETY: four initialised bytes, which no other thread sees.
        let look = || unsafe { (&raw const once).cast::<u32>().read_volatile() };
        let empty = look();
        once.call_once(|| ());
        States { empty, full: look() }
    }
}

#[cfg(all(test, feature = "spaces"))]
mod tests {
    use super::*;

    #[test]
    fn states_of_std() {
        let states = States::get();
        assert_ne!(states.empty, states.full);
        static CELL: OnceLock<u64> = OnceLock::new();
        let words = || {
            let start = (&raw const CELL).cast::<u32>();
            // SAFETY: as in `declare`.
            (0..size_of_val(&CELL) / 4).map(move |i| unsafe { start.add(i).read_volatile() })
        };
        assert_eq!(words().filter(|&w| w == states.empty).count(), 1);
        CELL.get_or_init(|| 77);
        assert_eq!(words().filter(|&w| w == states.empty).count(), 0);
        assert!(words().any(|w| w == states.full) && words().any(|w| w == 77));
    }
}
