//! Parallel iterators.
/// The traits.
pub mod prelude {}
