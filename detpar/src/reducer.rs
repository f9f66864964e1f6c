//! Reducers: what children contribute to one value, in program order.
use crate::engine;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::sync::{Mutex, PoisonError};

/// A value to which the children of workspaces contribute: an operation combines what they
/// contributed, in the order of their indices (rule R2: never in the order in which they end).
///
/// A child combines its own contributions, in order; the parent adds those of its children to the
/// value when all are merged, lowest index first. So the operation need not be commutative, and
/// for one that is associative the result is that of a loop over the indices. The sum of
/// floats, which is not, is the same in every run all the same.
///
/// Children of a failed construct contribute nothing. What children contribute before a
/// [`Barrier`](crate::Barrier) counts when they end. For a count that children can also read, and
/// in children of other constructs, there is [`Counter`](crate::Counter).
///
/// ```
/// use detpar::Reducer;
///
/// #[detpar::main]
/// fn main() {
///     let words = ["to", "be", "or", "not", "to", "be"];
///     let text = Reducer::new(String::new(), |all, word: String| all + &word);
///     let longest = Reducer::new(0, usize::max);
///     let mut first = [None; 26];
///     detpar::par_for(&mut first, 0..3, |i, first| {
///         text.add(words[i].to_uppercase());
///         longest.add(words[i].len());
///         first[usize::from(words[i].as_bytes()[0] - b'a')] = Some(i);
///     });
///     text.add("!".into());
///     assert_eq!(text.into_value(), "TOBEOR!");
///     assert_eq!(longest.into_value(), 2);
///     assert_eq!((first[1], first[14]), (Some(1), Some(2)));
/// }
/// ```
///
/// A reducer stays in its space, which lends it to children: one that a child dropped would be
/// gone when the parent adds what another contributed.
///
/// ```compile_fail,E0277
/// let sum = std::sync::Mutex::new(Some(detpar::Reducer::new(0, |a, b| a + b)));
/// detpar::workspace(&mut (), 2, |_, ()| *sum.lock().unwrap() = None);
/// ```
pub struct Reducer<T, Op> {
    // On the heap, so that it stays where it is while contributions name it.
    inner: Box<Inner<T, Op>>,
    /// Not to be sent to a child.
    here: PhantomData<*const ()>,
}

// SAFETY: by reference it is what `Inner` is, which is `Sync` for these; the marker only keeps it
// from being sent.
unsafe impl<T: Send, Op: Sync> Sync for Reducer<T, Op> {}

struct Inner<T, Op> {
    /// The space that made it: there it is changed at once.
    space: u64,
    /// Nothing while the operation runs, and after it panicked.
    value: Mutex<Option<T>>,
    op: Op,
}

impl<T, Op> Reducer<T, Op>
where
    T: Send + 'static,
    Op: Fn(T, T) -> T + Sync + 'static,
{
    /// A reducer of this space, with a first value.
    pub fn new(value: T, op: Op) -> Self {
        let value = Mutex::new(Some(value));
        let inner = Box::new(Inner { space: engine::space(), value, op });
        Reducer { inner, here: PhantomData }
    }

    /// Contributes a value: at once in the space that made the reducer, at the end of the construct
    /// in children of [`workspace`](crate::workspace()) and [`par_for`](crate::par_for()), and
    /// theirs.
    ///
    /// # Panics
    ///
    /// In any other child, and where the operation panics.
    #[track_caller]
    pub fn add(&self, value: T) {
        self.inner.add(value);
    }

    /// What came of all contributions so far.
    ///
    /// # Panics
    ///
    /// In another space than the one that made it, and after the operation has panicked.
    #[track_caller]
    pub fn into_value(self) -> T {
        self.inner.assert_here();
        self.inner.take()
    }
}

impl<T, Op> Inner<T, Op>
where
    T: Send + 'static,
    Op: Fn(T, T) -> T + Sync + 'static,
{
    #[track_caller]
    fn add(&self, value: T) {
        if self.space == engine::space() {
            let old = self.take();
            let new = (self.op)(old, value);
            *self.value.lock().unwrap_or_else(PoisonError::into_inner) = Some(new);
            return;
        }
        let key = self.key();
        let is_collected = COLLECTED.with_borrow(|collected| collected.is_some());
        assert!(
            is_collected,
            "children of workspace and par_for contribute to a reducer: let others return what they \
             have, or use a detpar::Counter"
        );
        // Taken out while the operation runs, which may contribute elsewhere.
        let old = COLLECTED.with_borrow_mut(|collected| {
            let collected = collected.as_mut()?;
            let at = collected.iter().position(|(other, _)| *other == key)?;
            Some(collected.remove(at).1)
        });
        let value = match old {
            Some(old) => {
                let old: Box<dyn std::any::Any> = old;
                let old = old.downcast::<Contribution<T, Op>>().expect("one reducer has one type");
                (self.op)(old.value, value)
            }
            None => value,
        };
        let new: Box<dyn Pending> = Box::new(Contribution { to: self, value });
        COLLECTED.with_borrow_mut(|collected| {
            if let Some(all) = collected {
                all.push((key, new));
            }
        });
    }

    #[track_caller]
    fn take(&self) -> T {
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.expect("the operation of this reducer has panicked")
    }
}

impl<T, Op> Inner<T, Op> {
    /// Its name: no two live ones lie at one place.
    fn key(&self) -> usize {
        (&raw const *self).cast::<u8>().addr()
    }

    #[track_caller]
    fn assert_here(&self) {
        assert!(
            self.space == engine::space(),
            "a reducer's value is known to the space that made it"
        );
    }
}

impl<T, Op> Drop for Reducer<T, Op> {
    fn drop(&mut self) {
        // Nothing may name it any more.
        let key = self.inner.key();
        let forget = |all: &RefCell<Option<Collected>>| {
            all.borrow_mut().iter_mut().for_each(|all| all.retain(|(other, _)| *other != key));
        };
        // Where thread-local storage is gone there is no list either.
        let _ = COLLECTED.try_with(forget);
    }
}

impl<T: fmt::Debug, Op> fmt::Debug for Reducer<T, Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reducer").field("value", &self.inner.value).finish_non_exhaustive()
    }
}

/// What one child contributed to one reducer.
struct Contribution<T, Op> {
    // Invariant: alive, or leaked, as long as this exists: only the space that made the reducer
    // drops it, and `Drop` sees to that.
    to: *const Inner<T, Op>,
    value: T,
}

// SAFETY: the value is sent; the pointer is used in the space of the reducer or one below it,
// like the reference that the child was given.
unsafe impl<T: Send, Op: Sync> Send for Contribution<T, Op> {}

/// A contribution to any reducer.
trait Pending: Send + std::any::Any {
    /// Adds it, in the parent of who contributed it.
    fn absorb(self: Box<Self>);
}

impl<T, Op> Pending for Contribution<T, Op>
where
    T: Send + 'static,
    Op: Fn(T, T) -> T + Sync + 'static,
{
    fn absorb(self: Box<Self>) {
        // SAFETY: the invariant on `to`.
        unsafe { &*self.to }.add(self.value);
    }
}

/// Contributions by the reducer that they are for.
type Collected = Vec<(usize, Box<dyn Pending>)>;

thread_local! {
    /// What the running child contributed so far, if it is one that can.
    static COLLECTED: RefCell<Option<Collected>> = const { RefCell::new(None) };
}

/// What a child contributed.
pub(crate) struct Given(Collected);

/// Runs the body of a child and answers what it contributed.
pub(crate) fn collect(body: impl FnOnce()) -> Given {
    COLLECTED.set(Some(Vec::new()));
    body();
    Given(mem::take(&mut *COLLECTED.take().get_or_insert_default()))
}

impl Given {
    /// Adds all of it, in the child's parent.
    pub(crate) fn absorb(self) {
        self.0.into_iter().for_each(|(_, contribution)| contribution.absorb());
    }
}
