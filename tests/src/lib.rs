//! End-to-end tests of detpar; see `tests/`.
