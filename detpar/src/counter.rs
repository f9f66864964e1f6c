//! A count whose merge adds.
#[cfg(feature = "spaces")]
use crate::engine::{Engine, engine};
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A count that children of all constructs may raise: at the merge all that they added is added.
///
/// A child sees what its parent had counted when it started, and its own additions. Like `fetch_add`
/// it wraps around at 2^64, and a sum is the same in whatever order it is made, so there is
/// nothing to conflict. What need not be a sum is for a [`Reducer`](crate::Reducer).
///
/// ```
/// use detpar::Counter;
///
/// #[detpar::main]
/// fn main() {
///     let hits = Counter::new(10);
///     detpar::join(
///         || {
///             hits.add(1);
///             assert_eq!(hits.get(), 11);
///         },
///         || detpar::join(|| hits.add(20), || hits.add(300)),
///     );
///     assert_eq!(hits.get(), 331);
/// }
/// ```
///
/// About a thousand of them can be there at a time; further ones merge by bytes, so that a count
/// is never lost but two children that add are in conflict. A counter stays in its space, which
/// lends it to children:
///
/// ```compile_fail,E0277
/// let hits = detpar::Counter::new(0);
/// detpar::join(move || hits.add(1), || ());
/// ```
pub struct Counter {
    // On the heap, so that it stays where it was declared. Declared until it is dropped, which
    // happens in the space that made it (invariant `counted` of the kernel's list).
    count: Box<AtomicU64>,
    is_declared: bool,
    /// Not to be sent to a child.
    here: PhantomData<*const ()>,
}

// SAFETY: by reference it is an atomic and two numbers that nobody changes; the marker only
// keeps it from being sent.
unsafe impl Sync for Counter {}

impl Counter {
    /// A counter of this space.
    pub fn new(count: u64) -> Counter {
        let count = Box::new(AtomicU64::new(count));
        // Where children share memory it is an atomic like any other.
        #[cfg(feature = "spaces")]
        let is_declared = engine() == Engine::Spaces
            // SAFETY: the box is a number as long as this counter lives, which takes it back.
            && unsafe { kernel::master::sum(count.as_ptr().addr()) };
        #[cfg(not(feature = "spaces"))]
        let is_declared = false;
        Counter { count, is_declared, here: PhantomData }
    }

    /// Adds to the count.
    pub fn add(&self, n: u64) {
        self.count.fetch_add(n, Relaxed);
    }

    /// The count, as far as this space knows it.
    pub fn get(&self) -> u64 {
        self.count.load(Relaxed)
    }

    /// Sets the count; in the space that made it, which alone has it to change.
    pub fn set(&mut self, count: u64) {
        *self.count.get_mut() = count;
    }
}

impl Default for Counter {
    fn default() -> Counter {
        Counter::new(0)
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        #[cfg(feature = "spaces")]
        if self.is_declared {
            kernel::master::unsum(self.count.as_ptr().addr());
        }
        #[cfg(not(feature = "spaces"))]
        let _ = self.is_declared;
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counter").field(&self.get()).finish()
    }
}
