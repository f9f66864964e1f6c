//! The same stream of operations goes to the file system and to another one; both must answer the
//! same, error numbers included, and end with the same tree.
//!
//! `DETPAR_FS_OPS` and `DETPAR_FS_SEED` say how many operations, and which.

mod host;
mod naive;
mod ops;
mod random;
mod subject;

use detpar_fs::Mkfs;
use ops::{Answer, Op, Subject};
use random::{Random, setting};
use subject::Ours;

/// Every path, what it is, and what is in it.
fn tree(subject: &mut impl Subject) -> Vec<(String, Answer, Answer)> {
    let flags = ops::Flags {
        read: true,
        write: false,
        append: false,
        create: false,
        create_new: false,
        truncate: false,
    };
    let (mut all, mut paths) = (Vec::new(), vec![".".to_string()]);
    while let Some(mut path) = paths.pop() {
        if path.len() > 2000 {
            // Renames made the tree deeper than a path can be.
            let short = format!("deep-{}", all.len());
            let renamed = subject.apply(&Op::Rename { from: path.clone(), to: short.clone() });
            assert_eq!(renamed, Answer::Done, "{path}");
            path = short;
        }
        let stat = subject.apply(&Op::Stat { path: path.clone(), follow: false });
        let inside = match &stat {
            Answer::Stat(s) if s.mode & 0o170_000 == 0o040_000 => {
                let listed = subject.apply(&Op::List { path: path.clone() });
                let Answer::Names(names) = &listed else { panic!("{path}: {listed:?}") };
                paths.extend(names.iter().map(|n| format!("{path}/{}", &n[2..])));
                listed
            }
            Answer::Stat(s) if s.mode & 0o170_000 == 0o120_000 => {
                subject.apply(&Op::Readlink { path: path.clone() })
            }
            Answer::Stat(s) => {
                let len = s.len;
                subject.apply(&Op::Open { slot: 0, path: path.clone(), flags });
                // Large files are holes for the most part.
                let data = subject.apply(&Op::SeekData { slot: 0, from: 0, data: true });
                let at = if let Answer::Number(n) = data { n } else { 0 };
                let len = (len - at).min(1 << 20) as usize;
                subject.apply(&Op::ReadAt { slot: 0, len, at })
            }
            other => panic!("{path}: {other:?}"),
        };
        all.push((path, stat, inside));
    }
    all
}

fn run(other: &mut impl Subject, what: &str, count: u64) {
    let seed = setting("DETPAR_FS_SEED", 1);
    println!("{what}: {count} operations, DETPAR_FS_SEED={seed}");
    let mut random = Random::new(seed);
    let mut ours = Ours::new(Mkfs::new().mkfs().unwrap());
    let mut tally = std::collections::BTreeMap::new();
    for n in 0..count {
        let op = ops::next(&mut random);
        let (a, b) = (ours.apply(&op), other.apply(&op));
        assert!(a == b, "operation {n} of seed {seed}: {op:?}\nours   {a:?}\n{what} {b:?}");
        let name = format!("{op:?}").split([' ', '{']).next().unwrap_or_default().to_string();
        let answer = match a {
            Answer::Error(e) => detpar_fs::Errno(e).name(),
            Answer::NotOpen => "not open",
            _ => "done",
        };
        *tally.entry((name, answer)).or_insert(0u64) += 1;
        if n % 20_000 == 0 {
            assert_eq!(ours.fs.check(), [], "after operation {n} of seed {seed}");
        }
    }
    for ((op, answer), times) in &tally {
        println!("{op:10} {answer:13} {times}");
    }
    // Every operation must have been done, and every usual error seen.
    assert!(count < 10_000 || tally.keys().filter(|k| k.1 == "done").count() == 20, "{tally:?}");
    assert_eq!(ours.fs.check(), []);
    assert_eq!(tree(&mut ours), tree(other));
}

#[test]
fn as_tmpfs() {
    let dir = tempfile::Builder::new().prefix("detpar-fs-").tempdir_in("/dev/shm").unwrap();
    // What is below is made with this.
    // SAFETY: umask takes a number, and this test has its process to itself.
    unsafe { libc::umask(0o022) };
    run(&mut host::Host::new(dir.path()), "tmpfs", setting("DETPAR_FS_OPS", 100_000));
}

#[test]
fn as_a_naive_one() {
    run(&mut naive::Naive::new(), "naive", setting("DETPAR_FS_OPS", 50_000));
}
