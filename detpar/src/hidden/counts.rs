//! Reference counts that add.

#[cfg(feature = "spaces")]
use crate::engine;
use std::marker::PhantomData;
use std::sync::Arc;

/// Lets children keep clones of one `Arc`, and drop some, without a conflict: while what it
/// answers is alive, both reference counts merge as counts that add.
///
/// Without it a count is memory like any other: two children that each keep a clone beyond the
/// join changed the same byte. (Clones that a child makes and drops again are fine: the count is
/// what it was.) Works for an `Arc` of any type, in the master and in children that have children
/// of their own; up to about a thousand at a time. What the `Arc` points to merges as all memory
/// does. A child that meets its siblings at a barrier goes on with its parent's memory, in which
/// it has declared nothing: it declares again what its own children are to count.
///
/// # Examples
///
/// ```
/// use detpar::prelude::*;
/// use std::sync::Arc;
///
/// #[detpar::main]
/// fn main() {
///     let table = Arc::new([2, 3, 5]);
///     let counts = detpar::counts(&table);
///     let (a, b) = join(|| table.clone(), || vec![table.clone(); 2]);
///     drop(counts);
///     assert_eq!(Arc::strong_count(&table), 4);
///     assert_eq!(a[0] + b[1][2], 7);
/// }
/// ```
///
/// What it answers has a clone of its own and cannot be given to a child, so that no child
/// ever sees the last reference go:
///
/// ```compile_fail,E0277
/// # use std::sync::Arc;
/// let counts = detpar::counts(&Arc::new(5));
/// detpar::join(move || drop(counts), || ());
/// ```
pub fn counts<T: ?Sized>(arc: &Arc<T>) -> Counts<T> {
    let own = Arc::clone(arc);
    #[cfg(feature = "spaces")]
    let at = declare(&own);
    // Where children share memory counts are atomic.
    #[cfg(not(feature = "spaces"))]
    let at = None;
    Counts { _own: own, at, here: PhantomData }
}

/// Declares the counts of an `Arc` that outlives the declaration and that no child can drop.
#[cfg(feature = "spaces")]
fn declare<T: ?Sized>(own: &Arc<T>) -> Option<usize> {
    if engine::engine() != engine::Engine::Spaces {
        return None;
    }
    let at = head(Arc::as_ptr(own).cast::<u8>().addr(), align_of_val(&**own));
    // SAFETY: std's two counts, which `own` keeps alive. No child can drop `own`, so for none
    // does a count come to zero.
    let counted = as_laid_out() && unsafe { kernel::master::count(at) };
    counted.then_some(at)
}

/// While it is alive the counts of an `Arc` add; see [`counts`].
#[must_use = "the counts add as long as this is alive"]
#[derive(Debug)]
pub struct Counts<T: ?Sized> {
    // Invariant `counted`: keeps the counts at `at` alive. It stays in the space that declared
    // them.
    _own: Arc<T>,
    at: Option<usize>,
    /// Not to be sent to a child.
    here: PhantomData<*const ()>,
}

impl<T: ?Sized> Drop for Counts<T> {
    fn drop(&mut self) {
        #[cfg(feature = "spaces")]
        self.at.into_iter().for_each(kernel::master::uncount);
        #[cfg(not(feature = "spaces"))]
        let _: Option<usize> = self.at;
    }
}

#[cfg(feature = "spaces")]
/// Where the counts lie of data with this alignment: before it, and as aligned.
fn head(data: usize, align: usize) -> usize {
    data.wrapping_sub(align.max(2 * size_of::<usize>()))
}

#[cfg(feature = "spaces")]
/// Whether std's counts lie where they are looked for.
fn as_laid_out() -> bool {
    #[repr(align(64))]
    struct Wide;
    fn found<T>(value: T) -> bool {
        let arc = Arc::new(value);
        let (more, weak) = ([arc.clone(), arc.clone()], Arc::downgrade(&arc));
        let words = Arc::as_ptr(&arc).map_addr(|data| head(data, align_of::<T>())).cast::<usize>();
        // SAFETY: bytes of a live block before its data, or, were std to change, of the heap;
        // looked at by the machine's rules only.
        let seen = unsafe { [words.read_volatile(), words.add(1).read_volatile()] };
        drop((more, weak));
        // The references together hold one weak reference.
        seen == [3, 2]
    }
    found(0u8) && found(Wide)
}

#[cfg(all(test, feature = "spaces"))]
mod tests {
    use super::*;

    #[test]
    fn counts_are_where_std_has_them() {
        assert!(as_laid_out());
        fn word<T: ?Sized>(arc: &Arc<T>) -> usize {
            let data = Arc::as_ptr(arc).cast::<u8>();
            let at = data.map_addr(|data| head(data, align_of_val(&**arc)));
            // SAFETY: as in `as_laid_out`.
            unsafe { at.cast::<usize>().read_volatile() }
        }
        let text: Arc<str> = "hello".into();
        let numbers: Arc<[u16]> = [1, 2, 3].into();
        let any: Arc<dyn Fn() -> u8 + Send + Sync> = Arc::new(|| 3);
        let more = (text.clone(), numbers.clone(), any.clone());
        assert_eq!([word(&text), word(&numbers), word(&any)], [2; 3]);
        drop(more);
    }
}
