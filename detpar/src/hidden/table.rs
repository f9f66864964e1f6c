//! The table of hidden statics: state of std and of widely used crates that is filled on first
//! use, and that no program means when it speaks of its data.
//!
//! A row names statics by their path. Statics that keep what they were first given are written
//! once; counters and lists that only need to fit together within one space do not merge.

use How::{Behind, NoMerge, Setting, WriteOnce};

/// How hidden statics merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The first child that fills it wins.
    WriteOnce,
    /// As that, as long as all children write the same.
    Setting,
    /// What children write is forgotten.
    NoMerge,
    /// A pointer, written once; what children write to the heap block that it leads to, over
    /// that many pointers, is forgotten.
    Behind(u32),
}

/// Statics whose path begins with `path`, on a boundary of names.
pub(super) struct Row {
    pub path: &'static str,
    pub how: How,
    /// What it is, and so why merging it like this changes no result.
    #[cfg_attr(not(test), expect(dead_code, reason = "docs/crates.md shows it"))]
    pub why: &'static str,
}

const fn row(path: &'static str, how: How, why: &'static str) -> Row {
    Row { path, how, why }
}

/// Names that macros give to statics of the crates that use them: matched as the last name.
pub(super) const BY_NAME: &[Row] = &[
    row("__CALLSITE", NoMerge, "tracing: whether a call site is registered, and the list of all"),
    row("__stability::LAZY", WriteOnce, "lazy_static: filled by the same expression everywhere"),
];

/// Statics by path.
pub(super) const BY_PATH: &[Row] = &[
    row("std_detect::detect::cache", WriteOnce, "features of the processor"),
    row("std::backtrace::Backtrace::enabled", WriteOnce, "what the environment asks for"),
    row("std::panic::SHOULD_CAPTURE", WriteOnce, "what the environment asks for"),
    row("std::panicking::default_hook", NoMerge, "whether a hint was printed"),
    row("std::backtrace_rs::symbolize", NoMerge, "a cache of symbol tables"),
    row("std::sys::backtrace::lock", NoMerge, "a lock around each capture of a backtrace"),
    row("std::sys::random", WriteOnce, "which system call gives random bytes"),
    row("std::sys::io::kernel_copy", WriteOnce, "which system calls copy between files"),
    row("std::sys::fs::unix::try_statx", WriteOnce, "whether a system call exists"),
    row("std::sys::thread_local::guard", WriteOnce, "the key of thread-exit functions"),
    row("std::io::stdio::stderr::INSTANCE", WriteOnce, "the lock of a stream without a buffer"),
    row("std::io::stdio::STDIN", WriteOnce, "an empty buffer"),
    row("memchr", WriteOnce, "which version of a function suits the processor"),
    row("aho_corasick", WriteOnce, "which version of a function suits the processor"),
    row("simdutf8", WriteOnce, "which version of a function suits the processor"),
    row("bytecount", WriteOnce, "which version of a function suits the processor"),
    row("crc32fast", WriteOnce, "which version of a function suits the processor"),
    row("cpufeatures", WriteOnce, "features of the processor"),
    row("sha2", WriteOnce, "which version of a function suits the processor"),
    row("getrandom", WriteOnce, "which system call gives random bytes"),
    row("regex_automata::util::pool::inner::COUNTER", NoMerge, "numbers threads, of each space"),
    row("regex_automata::meta::regex::Config", WriteOnce, "the number of processors"),
    row("regex_automata", WriteOnce, "tables filled by constant expressions"),
    row("ahash::random_state::RAND_SOURCE", Behind(2), "a counter that every new map counts up"),
    row("ahash::random_state::get_fixed_seeds", WriteOnce, "seeds, drawn once"),
    row("foldhash::seed::gen_per_hasher_seed", NoMerge, "a mixing of addresses and a counter"),
    row("foldhash::seed::global", WriteOnce, "seeds, drawn once"),
    row("dashmap::default_shard_amount", WriteOnce, "the number of processors"),
    row("num_cpus::linux", WriteOnce, "the number of processors"),
    row("crossbeam_epoch::default", WriteOnce, "a collector of garbage, one a program"),
    row("crossbeam_utils::sync", WriteOnce, "tables filled by constant expressions"),
    row("parking_lot_core::parking_lot", WriteOnce, "the table of waiting threads: there are none"),
    row("thread_local::thread_id", WriteOnce, "numbers of threads, given back at their ends"),
    row("sharded_slab::tid", NoMerge, "numbers threads, of each space"),
    row("tracing_log", WriteOnce, "names of fields, the same everywhere"),
    row("tracing_core::callsite", NoMerge, "which call sites are registered"),
    row("tracing_core::metadata::MAX_LEVEL", Setting, "the level that is logged at most"),
    row("log::MAX_LOG_LEVEL_FILTER", Setting, "the level that is logged at most"),
    row("chrono::offset::local", WriteOnce, "the time zone"),
    row("time::sys::local_offset_at", WriteOnce, "the time zone"),
    row("uuid", WriteOnce, "seeds and counters of ids"),
    row("rayon_core::registry::THE_REGISTRY", WriteOnce, "set up in the master only"),
    row("backtrace::symbolize", NoMerge, "a cache of symbol tables"),
];

/// The row of a static, by its path without type parameters and hashes.
pub(super) fn find(path: &str) -> Option<&'static Row> {
    let path = path.trim_start_matches('<').replace('>', "");
    let begins = |row: &&Row| {
        path.strip_prefix(row.path).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let ends = |row: &&Row| path.strip_suffix(row.path).is_some_and(|rest| rest.ends_with("::"));
    BY_NAME.iter().find(ends).or_else(|| BY_PATH.iter().find(begins))
}

/// Whether a static is a setting of the whole program.
pub(crate) fn is_setting(path: &str) -> bool {
    find(path).is_some_and(|row| row.how == Setting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_on_boundaries_of_names() {
        let how = |path| find(path).map(|row| row.how);
        assert_eq!(how("memchr::arch::x86_64::memchr::memchr_raw::FN"), Some(WriteOnce));
        assert_eq!(how("memchr"), Some(WriteOnce));
        for other in ["memchr_user::FN", "mine::memchr::FN", "log::LOGGER", "", "LAZY", "a::LAZY"] {
            assert_eq!(how(other), None, "{other}");
        }
        assert_eq!(how("<std::backtrace::Backtrace>::enabled::ENABLED"), Some(WriteOnce));
        let lazy = "<a::LS as core::ops::deref::Deref>::deref::__stability::LAZY";
        assert_eq!(how(lazy), Some(WriteOnce));
        assert_eq!(how("a::main::{closure#0}::__CALLSITE"), Some(NoMerge));
        assert!(is_setting("log::MAX_LOG_LEVEL_FILTER") && !is_setting("memchr"));
        assert_eq!(how("regex_automata::util::pool::inner::COUNTER"), Some(NoMerge));
    }

    #[test]
    fn the_docs_show_the_table() {
        let rows = BY_NAME.iter().chain(BY_PATH).map(|row| {
            let how = match row.how {
                WriteOnce => "written once",
                Setting => "written once, all alike",
                NoMerge => "not merged",
                Behind(_) => "what it points to is not merged",
            };
            format!("| `{}` | {how} | {} |\n", row.path, row.why)
        });
        let table: String = rows.collect();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/crates.md");
        let text = std::fs::read_to_string(path).expect("docs/crates.md");
        let head = "| static | merged how | what it is |\n|---|---|---|\n";
        let (before, rest) = text.split_once(head).expect("the head of the table");
        let old_len = rest.lines().take_while(|l| l.starts_with('|')).map(|l| l.len() + 1).sum();
        let (old, after_table) = rest.split_at(old_len);
        if std::env::var_os("DETPAR_UPDATE_DOCS").is_some() {
            std::fs::write(path, format!("{before}{head}{table}{after_table}")).expect("written");
        } else {
            assert_eq!(old, table, "DETPAR_UPDATE_DOCS=1 brings docs/crates.md up to date");
        }
    }

    #[test]
    fn every_row_has_a_reason_and_can_be_reached() {
        for (i, row) in BY_PATH.iter().enumerate() {
            assert!(!row.why.is_empty() && !row.path.is_empty());
            let before = BY_PATH[..i].iter().find(|b| {
                row.path.strip_prefix(b.path).is_some_and(|r| r.is_empty() || r.starts_with("::"))
            });
            assert!(before.is_none(), "{} is hidden by a row above", row.path);
        }
    }
}
