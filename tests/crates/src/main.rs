//! Uses the hidden state of one crate, first in sibling children: the case of the argument.
//!
//! Prints what the children made of it, which must be the same in every run.
use detpar::PerChild;
use detpar::prelude::*;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

static LAZY: LazyLock<Vec<u32>> = LazyLock::new(|| (0..10).collect());
static ONCE: OnceLock<String> = OnceLock::new();
static DECLARED: OnceLock<String> = OnceLock::new();
static CELL: once_cell::sync::Lazy<String> = once_cell::sync::Lazy::new(|| "hello".to_string());
static RE: LazyLock<regex::Regex> =
    LazyLock::new(|| regex::Regex::new(r"(\w+)@(\w+)\.com").expect("a regular expression"));

lazy_static::lazy_static! {
    static ref OLD: Mutex<u32> = Mutex::new(3);
}

/// A logger that prints.
struct Printer;

impl log::Log for Printer {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        println!("{}: {}", record.level(), record.args());
    }

    fn flush(&self) {}
}

/// A subscriber for the whole program, as its main sets one.
fn subscribe() {
    tracing_subscriber::fmt().without_time().with_ansi(false).with_writer(std::io::stdout).init();
}

/// The same; the master's own first event fills what the crate keeps for its level.
fn subscribe_and_begin() {
    subscribe();
    tracing::info!("the program begins");
}

/// Two children, then eight.
fn siblings<R: Debug + Send>(f: impl Fn(u32) -> R + Sync) {
    let (a, b) = join(|| f(0), || f(1));
    println!("{a:?} {b:?}");
    let all: Vec<R> = (0..8).into_par_iter().map(&f).collect();
    println!("{all:?}");
}

fn mail(re: &regex::Regex, i: u32) -> Option<String> {
    re.captures(&format!("mail a{i}@b.com")).map(|c| c[1].to_string())
}

fn keys<M: IntoIterator<Item = (u32, u32)>>(map: M) -> Vec<u32> {
    map.into_iter().map(|entry| entry.0).collect()
}

/// Says what a case does; `None` if there is none of this name.
fn case(name: &str) -> Option<()> {
    let entries = |i: u32| (0..20).map(move |k| (k, i));
    match name {
        "features" => siblings(|i| (i, std::is_x86_feature_detected!("avx"))),
        "lazy_lock" => siblings(|i| LAZY[i as usize]),
        "once_lock" => siblings(|i| ONCE.get_or_init(|| "x".repeat(3)).len() + i as usize),
        "once_lock_declared" => {
            detpar::write_once(&DECLARED);
            siblings(|i| DECLARED.get_or_init(|| format!("by {i}")).len());
            println!("{:?}", DECLARED.get());
        }
        "once_cell" => siblings(|i| CELL.len() + i as usize),
        "once_cell_warm" => {
            detpar::warm(&CELL);
            siblings(|i| CELL.len() + i as usize);
        }
        "lazy_static" => siblings(|i| (i, OLD.is_poisoned())),
        "regex_own" => siblings(|i| mail(&regex::Regex::new(RE.as_str()).expect("valid"), i)),
        "regex_shared" => {
            detpar::warm(&RE);
            siblings(|i| mail(&RE, i));
        }
        "regex_per_child" => {
            let re = PerChild::new(RE.clone());
            siblings(|i| re.with(|re| mail(re, i)));
            println!("{:?}", re.with(|re| mail(re, 9)));
        }
        "regex_clone" => siblings(|i| mail(&RE.clone(), i)),
        "memchr" => siblings(|i| {
            let text = b"hello world, foo bar baz, and many more words to search in";
            let found = memchr::memmem::find(text, b"many");
            (i, memchr::memchr(b'z', text), memchr::memrchr2(b'q', b'f', text), found)
        }),
        "aho_corasick" => siblings(|i| {
            let words = aho_corasick::AhoCorasick::new(["foo", "bar"]).expect("two words");
            words.find_iter("a foo b bar").count() + i as usize
        }),
        "tracing" => siblings(|i| {
            tracing::info!(i, "hello");
            tracing::warn!("there");
            i
        }),
        "tracing_first_in_children" => {
            subscribe();
            siblings(|_| tracing::info!("hello"));
        }
        "tracing_to_a_subscriber" => {
            subscribe_and_begin();
            siblings(|i| {
                tracing::info!(i, "hello");
                tracing::debug!("not wanted");
                i
            });
        }
        "tracing_spans" => {
            subscribe_and_begin();
            siblings(|i| tracing::info_span!("work", i).in_scope(|| tracing::info!("inside")));
        }
        "log" => siblings(|i| {
            log::set_max_level(log::LevelFilter::Info);
            log::info!("hello {i}");
            (i, log::max_level())
        }),
        "log_to_a_logger" => {
            log::set_logger(&Printer).expect("the first logger");
            log::set_max_level(log::LevelFilter::Info);
            siblings(|i| log::info!("hello {i}"));
        }
        "log_differing" => siblings(|i| {
            let levels = [log::LevelFilter::Info, log::LevelFilter::Debug];
            log::set_max_level(levels[i as usize % 2]);
            log::max_level()
        }),
        "rand_seeded" => siblings(|i| {
            use rand::{Rng, SeedableRng};
            rand::rngs::StdRng::seed_from_u64(i.into()).random::<u64>()
        }),
        "rand_thread" => siblings(|_| {
            use rand::Rng;
            rand::rng().random::<u64>()
        }),
        "chrono" => siblings(|i| {
            chrono::DateTime::from_timestamp(1_700_000_000 + i64::from(i), 0)
                .map(|t| t.to_rfc3339())
        }),
        "chrono_now" => siblings(|i| (i, chrono::Utc::now().to_rfc3339())),
        "chrono_local" => siblings(|_| chrono::Local::now().to_rfc3339()),
        "time_now" => siblings(|i| (i, time::OffsetDateTime::now_utc().to_string())),
        "time" => siblings(|i| {
            time::OffsetDateTime::from_unix_timestamp(1_700_000_000 + i64::from(i))
                .map(|t| t.to_string())
                .ok()
        }),
        "serde_json" => siblings(|i| {
            let text = format!("{{\"a\": [1, 2.5, {i}], \"b\": null}}");
            serde_json::from_str::<serde_json::Value>(&text).map(|v| v.to_string()).ok()
        }),
        "ahash" => siblings(|i| keys(entries(i).collect::<ahash::AHashMap<_, _>>())),
        "ahash_master" => {
            // The master's seeds are random: the order of its maps is not printed.
            let own: ahash::AHashMap<u32, u32> = entries(7).collect();
            siblings(|i| entries(i).collect::<ahash::AHashMap<_, _>>() == own);
        }
        "hashbrown" => siblings(|i| entries(i).collect::<hashbrown::HashMap<_, _>>().len()),
        "indexmap" => siblings(|i| keys(entries(i).collect::<indexmap::IndexMap<_, _>>())),
        "std_hashmap" => siblings(|i| keys(entries(i).collect::<HashMap<_, _>>())),
        "dashmap_own" => siblings(|i| {
            let map = dashmap::DashMap::new();
            map.insert(1, i);
            map.len()
        }),
        "dashmap_shared" => {
            let map = dashmap::DashMap::with_shard_amount(2);
            siblings(|i| map.insert(i, i));
        }
        "parking_lot" => {
            let lock = parking_lot::Mutex::new(1);
            siblings(|i| *lock.lock() + i);
        }
        "mutex" => {
            let lock = Mutex::new(1);
            siblings(|i| *lock.lock().expect("no child panics") + i);
        }
        "uuid" => siblings(|_| uuid::Uuid::new_v4().to_string()),
        "num_cpus" => siblings(|i| (i, num_cpus::get())),
        "parallelism" => siblings(|i| (i, std::thread::available_parallelism().ok())),
        "arc_dropped" => {
            let shared = Arc::new(5);
            siblings(|i| *shared.clone() + i);
            println!("{}", Arc::strong_count(&shared));
        }
        "arc_kept" => {
            let shared = Arc::new(5);
            siblings(|_| shared.clone());
        }
        "arc_counted" => {
            let shared = Arc::new(5);
            let _counts = detpar::counts(&shared);
            siblings(|_| shared.clone());
            println!("{}", Arc::strong_count(&shared));
        }
        "crossbeam_epoch" => siblings(|i| {
            let place = crossbeam::epoch::Atomic::new(i);
            let guard = crossbeam::epoch::pin();
            let last = place.swap(
                crossbeam::epoch::Owned::new(7),
                std::sync::atomic::Ordering::SeqCst,
                &guard,
            );
            // SAFETY: nobody else has the value, and nobody can reach it any more.
            unsafe {
                guard.defer_destroy(last);
                *last.deref()
            }
        }),
        "crossbeam_epoch_own" => siblings(|i| {
            let own = crossbeam::epoch::Collector::new().register();
            let guard = own.pin();
            guard.defer(|| ());
            guard.flush();
            i
        }),
        "crossbeam_queue" => siblings(|i| {
            let queue = crossbeam::queue::SegQueue::new();
            queue.push(i);
            queue.pop()
        }),
        "crossbeam_queue_shared" => {
            let queue = crossbeam::queue::SegQueue::new();
            siblings(|i| queue.push(i));
        }
        "crossbeam_array_queue_shared" => {
            let queue = crossbeam::queue::ArrayQueue::new(8);
            siblings(|i| queue.push(i).is_ok() && queue.pop() == Some(i));
        }
        "bytecount" => siblings(|i| (i, bytecount::count(&[b'x'; 1000], b'x'))),
        "crc32fast" => siblings(|i| (i, crc32fast::hash(&[7; 1000]))),
        "sha2" => siblings(|i| {
            use sha2::Digest;
            (i, sha2::Sha256::digest(i.to_le_bytes())[0])
        }),
        "simdutf8" => siblings(|i| (i, simdutf8::basic::from_utf8(&[b'x'; 1000]).is_ok())),
        "thread_local" => siblings(|i| {
            let own = thread_local::ThreadLocal::new();
            *own.get_or(|| i)
        }),
        "backtrace" => siblings(|i| (i, std::backtrace::Backtrace::capture().status())),
        "anyhow" => siblings(|i| anyhow::anyhow!("bad {i}").to_string()),
        _ => return None,
    }
    Some(())
}

#[detpar::main]
fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    if case(&name).is_none() {
        eprintln!("usage: detpar-crate-tests CASE; there is no case `{name}`");
        std::process::exit(64);
    }
}
