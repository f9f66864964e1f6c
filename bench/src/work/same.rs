//! What detpar and rayon do in the same words: their preludes have the same names.

/// Implements the work of the suites `sort`, `reduce` and `nested` for a type, with the parallel
/// iterators that are in scope where it is called. `Join` and `Both` are the type's own.
#[macro_export]
macro_rules! by_parallel_iterators {
    ($how:ty) => {
        impl $crate::work::sort::Sort for $how {
            fn stable(&self, items: &mut [u64]) {
                items.par_sort();
            }

            fn unstable(&self, items: &mut [u64]) {
                items.par_sort_unstable();
            }

            fn by_key(&self, items: &mut [u64]) {
                items.par_sort_by_key($crate::work::sort::key);
            }
        }

        impl $crate::work::reduce::Reduce for $how {
            fn sum(&self, values: &[f64]) -> f64 {
                values.par_iter().sum()
            }

            fn extremes(&self, values: &[f64]) -> Option<(f64, f64)> {
                let both = values.par_iter().map(|&v| (v, v));
                both.reduce_with(|a, b| (a.0.min(b.0), a.1.max(b.1)))
            }

            fn histogram(&self, bytes: &[u8]) -> $crate::work::reduce::Histogram {
                use $crate::work::reduce::{VALUES, add, count_byte};
                let none = || vec![0; VALUES];
                bytes.par_iter().fold(none, count_byte).reduce(none, add)
            }

            fn words<'a>(&self, words: &[&'a str]) -> $crate::work::reduce::Counts<'a> {
                use $crate::work::reduce::{Counts, count_word, merge};
                words.par_iter().fold(Counts::new, count_word).reduce(Counts::new, merge)
            }
        }

        impl $crate::work::nested::Nested for $how {
            fn rows(&self, rows: &[Vec<u64>]) -> Vec<u64> {
                use $crate::work::nested::item;
                let row = |row: &Vec<u64>| row.par_iter().map(|&n| item(n)).max().unwrap_or(0);
                rows.par_iter().map(row).collect()
            }
        }
    };
}
