//! One file for each adaptor.
//!
//! Adaptors that work on items one by one are stages, see [`stage`]; those that change
//! indices are producers around producers.
mod chain;
mod cloned;
mod copied;
mod enumerate;
mod filter;
mod filter_map;
mod flat_map_iter;
mod fold;
mod inspect;
mod map;
mod max_len;
mod min_len;
mod rev;
mod skip;
mod stage;
mod take;
mod zip;

pub use chain::Chain;
pub use cloned::Cloned;
pub use copied::Copied;
pub use enumerate::Enumerate;
pub use filter::Filter;
pub use filter_map::FilterMap;
pub use flat_map_iter::FlatMapIter;
pub use fold::Fold;
pub use inspect::Inspect;
pub use map::Map;
pub use max_len::MaxLen;
pub use min_len::MinLen;
pub use rev::Rev;
pub use skip::Skip;
pub use take::Take;
pub use zip::Zip;
