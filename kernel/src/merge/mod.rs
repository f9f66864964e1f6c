//! The merge as pure functions.
