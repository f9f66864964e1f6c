//! The collections of std that are no slices.
pub mod binary_heap;
pub mod btree_map;
pub mod btree_set;
mod by_vector;
pub mod hash_map;
pub mod hash_set;
pub mod linked_list;
pub mod vec_deque;
