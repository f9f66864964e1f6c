//! Values that keep scratch memory inside.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

/// A value of which each child has a clone of its own: for types that write to themselves where
/// they are only asked.
///
/// A `Regex` keeps the scratch memory of its searches, a cache its entries: two children that ask
/// one and the same conflict. With this around it each child asks a clone, which is made when it
/// asks for the first time and dropped when it ends; nothing of it is merged. So it is for values
/// whose clones give the same answers, and whatever else is written to a clone is forgotten. The
/// master asks the value itself.
///
/// # Examples
///
/// ```
/// use detpar::prelude::*;
/// use std::sync::Mutex;
///
/// /// Keeps the last answer.
/// struct Squares(Mutex<(u64, u64)>);
///
/// impl Clone for Squares {
///     fn clone(&self) -> Squares {
///         Squares(Mutex::new((0, 0)))
///     }
/// }
///
/// impl Squares {
///     fn of(&self, n: u64) -> u64 {
///         let mut last = self.0.lock().unwrap();
///         if last.0 != n {
///             *last = (n, n * n);
///         }
///         last.1
///     }
/// }
///
/// #[detpar::main]
/// fn main() {
///     let squares = detpar::PerChild::new(Squares(Mutex::new((0, 0))));
///     let of = |n| squares.with(|s| s.of(n));
///     assert_eq!(join(|| of(3), || of(4)), (9, 16));
/// }
/// ```
///
/// In a static, with a `Regex`:
///
/// ```ignore
/// static MAIL: LazyLock<PerChild<Regex>> =
///     LazyLock::new(|| PerChild::new(Regex::new(r"\w+@\w+").unwrap()));
///
/// let found: Vec<bool> = lines.par_iter().map(|l| MAIL.with(|re| re.is_match(l))).collect();
/// ```
pub struct PerChild<T> {
    // Boxed: its place names it, as long as it lives.
    value: Box<T>,
}

thread_local! {
    /// The clones of the running child, by the places of their values. A child begins without any.
    static CLONES: RefCell<Vec<(usize, Rc<dyn Any>)>> = const { RefCell::new(Vec::new()) };
}

impl<T> PerChild<T> {
    /// A value that children clone.
    pub fn new(value: T) -> PerChild<T> {
        PerChild { value: Box::new(value) }
    }

    fn place(&self) -> usize {
        (&raw const *self.value).addr()
    }
}

impl<T: Clone + 'static> PerChild<T> {
    /// Asks the running child's clone, or in the master the value.
    pub fn with<R>(&self, ask: impl FnOnce(&T) -> R) -> R {
        // Children that share memory ask the value as threads do: it is `Sync`.
        #[cfg(feature = "spaces")]
        let own = kernel::master::in_child();
        #[cfg(not(feature = "spaces"))]
        let own = false;
        if !own {
            return ask(&self.value);
        }
        let place = self.place();
        let known = CLONES.try_with(|clones| {
            let clones = clones.borrow();
            let mut same = clones.iter().filter(|clone| clone.0 == place);
            same.find_map(|clone| clone.1.clone().downcast::<T>().ok())
        });
        let clone = known.ok().flatten().unwrap_or_else(|| {
            let clone = Rc::new(T::clone(&self.value));
            // Where the thread-local is gone, at the end of the child, nobody asks once more.
            let _ = CLONES.try_with(|clones| clones.borrow_mut().push((place, clone.clone())));
            clone
        });
        ask(&clone)
    }
}

impl<T> Drop for PerChild<T> {
    fn drop(&mut self) {
        let place = self.place();
        // The place may become another value's. Dropped outside of the borrow: a clone's own drop
        // may come here.
        let gone = CLONES.try_with(|clones| {
            let mut clones = clones.borrow_mut();
            clones.extract_if(.., |clone| clone.0 == place).collect::<Vec<_>>()
        });
        drop(gone);
    }
}

impl<T: fmt::Debug> fmt::Debug for PerChild<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PerChild").field(&self.value).finish()
    }
}

impl<T> From<T> for PerChild<T> {
    fn from(value: T) -> PerChild<T> {
        PerChild::new(value)
    }
}
