//! What siblings may share by `&mut`: types of which it is known what scalars they consist of.
//!
//! In a [`workspace`](crate::workspace()) every child gets `&mut` to its own copy of one value, and
//! what they changed is merged. By bytes that would forge values: 256 and 1, written by two
//! children over a zero, have no byte in common and merge to 257. So the unit of such a merge
//! is the *scalar leaf*: an integer, a float, a `char`, a `bool`; and what must be whole is one
//! unit as a whole: an enumeration, the header of a `Vec`, the text of a `String`.
//!
//! | type | units |
//! |---|---|
//! | integers, floats, `char`, `bool`, `NonZero`, `Duration` | the value |
//! | arrays, tuples, structures that derive [`Merge`] | those of their parts; padding has none |
//! | `Option`, `Result`, enumerations that derive it, `#[merge(whole)]` | the value, without what it owns elsewhere |
//! | `Vec<T>`, `Box<[T]>`, `Box<T>` | the header; and those of each element |
//! | `String`, `Box<str>` | the header; the text |
//! | a slice as the whole state ([`State`]) | those of each element |
//!
//! Two children that changed one unit are in conflict, even if both left the same value there. And
//! who changed a header must have been alone in all that was owned by it: one child that
//! pushed to a `Vec` and one that changed an element of it are in conflict, as are two that
//! pushed. For what moved out of memory leaves no trace there, and two owners of one buffer would
//! come of it. To let children change their own elements and grow their own vectors, give
//! each a place of its own in an array or `Vec` that none of them grows.
//!
//! The idea of several threads that change one state in private copies, and of a conflict where
//! two changed the same, is Determinator's (Aviram, Weng, Hu, Ford: Efficient System-Enforced
//! Deterministic Parallelism, OSDI 2010, section 2.2); it merges by bytes.
mod impls;
mod shape;
mod state;

pub(crate) use shape::Shape;
pub use shape::{Owned, Units};
pub use state::State;

/// A type whose values siblings can change in private copies, to be merged: see
/// [`workspace`](crate::workspace()) and the [module](self).
///
/// `#[derive(Merge)]` implements it for structures and enumerations whose parts have it. There
/// is none for references, raw pointers, `Rc`, `Arc`, `Cell`, locks and atomics: they lead to
/// memory that others may change, too. Nor for `HashMap` and the other collections
/// whose memory std keeps to itself: let each child fill one of its own and return it.
///
/// The parts of a derived structure merge on their own. Where they must fit together, as a length
/// fits what it measures, and unsafe code relies on it, the structure is one unit with
/// `#[merge(whole)]`, or should not implement this at all.
///
/// ```
/// use detpar::Merge;
///
/// #[derive(Merge)]
/// struct Body {
///     place: [f64; 3],
///     speed: [f64; 3],
///     name: String,
/// }
///
/// #[derive(Merge)]
/// enum Cell {
///     Empty,
///     Tree { age: u8 },
/// }
///
/// #[derive(Merge)]
/// #[merge(whole)]
/// struct Span {
///     from: u32,
///     to: u32,
/// }
///
/// #[detpar::main]
/// fn main() {
///     let mut spans = vec![Span { from: 0, to: 10 }, Span { from: 10, to: 20 }];
///     detpar::workspace(&mut spans, 2, |i, spans| spans[i].to += 5);
///     assert_eq!((spans[0].to, spans[1].to), (15, 25));
///     // By parts that would be a merge.
///     let both = detpar::try_workspace(&mut spans, 2, |i, spans| match i {
///         0 => spans[0].from = 1,
///         _ => spans[0].to = 9,
///     });
///     assert!(matches!(both, Err(detpar::JoinError::Conflict(_))));
/// }
/// ```
///
/// # Safety
///
/// Consider values `a` and `b` made from one value in two spaces, and the memory in which each unit
/// is as in the only one of them that changed it, or as it was; where an owner was changed,
/// all that it owned is as in the one that changed it. That must be a value of the type again,
/// which safe code may use in any way. So [`units`](Merge::units) must cover every byte of
/// the type that is not padding, once; [`owned`](Merge::owned) must name all memory that the
/// value owns, with what is in it, and none that it shares.
#[diagnostic::on_unimplemented(
    message = "children cannot share `{Self}` in a workspace: it is not known what merges",
    label = "is not `Merge`",
    note = "add `#[derive(detpar::Merge)]` to a type of your own; what leads to memory that \
            others may change (references, pointers, `Rc`, `Arc`, `Cell`, locks, atomics) and \
            collections other than `Vec` cannot be in a workspace's state"
)]
pub unsafe trait Merge: Send {
    /// Whether a value can own memory besides its own bytes.
    const OWNS: bool;

    /// Names the units of a value that lies `at` bytes behind some start.
    fn units(at: usize, to: &mut Units)
    where
        Self: Sized;

    /// Names the memory that the value owns besides its own bytes.
    fn owned(&self, to: &mut Owned<'_>);
}
