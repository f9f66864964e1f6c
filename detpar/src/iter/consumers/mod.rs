//! What parallel iterators end in: one file for each kind of result.
//!
//! All but `collect` treat a leaf as a sequential fold and need nothing else than how to
//! begin, go on, end and combine, see [`accumulate`].
mod accumulate;
mod collect;
mod collect_result;
mod extend;
mod find;
mod for_each;
mod gather;
mod reduce;
mod sum;
mod try_reduce;
mod unzip;

pub(super) use find::find_first;
pub(super) use for_each::for_each;
pub(super) use gather::{gather, gather_behind};
pub(super) use reduce::{reduce, reduce_with};
pub(super) use sum::{product, sum};
pub(super) use try_reduce::{try_for_each, try_reduce, try_reduce_with};
pub(super) use unzip::{extend_two, make_two, of_either, of_pair};
