//! Gives every leaf of a parallel call to a child of its own.
use super::Exclusive;
use crate::engine;
use crate::error::JoinError;

/// Runs child `i` of one closed construct with `body(leaves[i])` and returns the results in
/// index order. Every leaf is dropped once, whatever happens. `exclusive` is what the leaves have to
/// themselves: one for each, or none at all.
pub(crate) fn run<L, R>(
    leaves: Vec<L>,
    exclusive: &[Exclusive],
    body: impl Fn(L) -> R + Sync,
) -> Result<Vec<R>, JoinError>
where
    L: Send,
    R: Send,
{
    engine::leaves(leaves, exclusive, body)
}
