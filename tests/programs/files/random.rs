//! Random operations of children beside the host: what is merged without a conflict is what the
//! same operations make of the host's files, done by one program in program order; and what must
//! not be merged is not.
use super::{host::said, tree};
use detpar::prelude::*;
use detpar_tests::harness::Numbers;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

/// An operation on few names, so that children meet.
#[derive(Clone, Debug)]
enum Op {
    Make(String, String),
    Overwrite(String, String),
    Append(String, String),
    Cut(String, u64),
    Permit(String, u32),
    MakeDir(String),
    Remove(String),
    RemoveDir(String),
    Rename(String, String),
    Link(String, String),
    Symlink(String, String),
}

/// What a child did to a file that was there before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Did {
    Appended,
    Changed,
}

impl Op {
    fn random(r: &mut Numbers, dirs: &[&str]) -> Op {
        let mut name = || {
            let dir = dirs[r.below(dirs.len() as u64) as usize];
            let name = ["a", "b", "c", "x"][r.below(4) as usize];
            format!("{dir}{name}")
        };
        let (one, two) = (name(), name());
        let text = format!("{:x}.", r.below(1 << 16)).repeat(1 + r.below(3) as usize);
        let dir = dirs[r.below(dirs.len() as u64) as usize];
        let sub = format!("{dir}{}", ["a", "sub"][r.below(2) as usize]);
        match r.below(16) {
            0 | 1 => Op::Make(one, text),
            2 | 3 => Op::Overwrite(one, text),
            4..=6 => Op::Append(one, text),
            7 => Op::Cut(one, r.below(9)),
            8 => Op::Permit(one, if r.below(2) == 0 { 0o600 } else { 0o644 }),
            9 => Op::MakeDir(sub),
            10 => Op::Remove(one),
            11 => Op::RemoveDir(sub),
            12 => Op::Rename(if r.below(3) == 0 { sub } else { one }, two),
            13 | 14 => Op::Link(one, two),
            _ => Op::Symlink(one, two),
        }
    }

    /// Does it below a directory.
    fn apply(&self, root: &Path) -> io::Result<()> {
        let p = |name: &str| root.join(name);
        let open = |how: &mut OpenOptions, name: &str| how.open(p(name));
        match self {
            Op::Make(at, text) => open(OpenOptions::new().write(true).create_new(true), at)
                .and_then(|mut f| f.write_all(text.as_bytes())),
            Op::Overwrite(at, text) => open(OpenOptions::new().write(true), at)
                .and_then(|mut f| f.write_all(text.as_bytes())),
            Op::Append(at, text) => open(OpenOptions::new().append(true), at)
                .and_then(|mut f| f.write_all(text.as_bytes())),
            Op::Cut(at, len) => {
                open(OpenOptions::new().write(true), at).and_then(|f| f.set_len(*len))
            }
            Op::Permit(at, mode) => fs::set_permissions(p(at), Permissions::from_mode(*mode)),
            Op::MakeDir(at) => fs::create_dir(p(at)),
            Op::Remove(at) => fs::remove_file(p(at)),
            Op::RemoveDir(at) => fs::remove_dir(p(at)),
            Op::Rename(from, to) => fs::rename(p(from), p(to)),
            Op::Link(from, to) => fs::hard_link(p(from), p(to)),
            Op::Symlink(target, at) => symlink(Path::new("/none").join(target), p(at)),
        }
    }

    /// The file whose contents or permissions it changes, and how.
    fn changes(&self) -> Option<(&str, Did)> {
        match self {
            Op::Append(at, _) => Some((at, Did::Appended)),
            Op::Overwrite(at, _) | Op::Cut(at, _) | Op::Permit(at, _) => Some((at, Did::Changed)),
            _ => None,
        }
    }
}

/// What a child did: what it succeeded in, and to which files of before.
type Done = (Vec<Op>, Vec<(u64, Did)>);

/// Works through a list in a child, and in children of its own for the part behind `cut`.
fn work(ops: &[Op], cut: usize, before: &BTreeSet<u64>) -> Done {
    let (mut done, mut files) = (Vec::new(), Vec::new());
    let (own, rest) = ops.split_at(cut.min(ops.len()));
    let mut known = before.clone();
    for op in own {
        let changed = op.changes().and_then(|(at, did)| {
            let meta = fs::metadata(Path::new("/").join(at)).ok()?;
            (meta.is_file() && known.contains(&meta.ino())).then_some((meta.ino(), did))
        });
        if op.apply(Path::new("/")).is_ok() {
            files.extend(changed);
            done.push(op.clone());
            // A number that is free is not that of before, whoever gets it.
            if matches!(op, Op::Remove(_) | Op::Rename(..)) {
                let there = inodes(Path::new("/"));
                known.retain(|ino| there.contains(ino));
            }
        }
    }
    if !rest.is_empty() {
        let (one, other) = rest.split_at(rest.len() / 2);
        // Also the files that this child has made are of before for its own.
        let here = inodes(Path::new("/"));
        let both =
            detpar::try_join(|| work(one, one.len(), &here), || work(other, other.len(), &here));
        if let Ok((one, other)) = both {
            check_files(&[one.1.clone(), other.1.clone()], rest);
            for (ops, changed) in [one, other] {
                done.extend(ops);
                files.extend(changed.into_iter().filter(|(ino, _)| known.contains(ino)));
            }
        }
    }
    (done, files)
}

/// Those that were merged have not changed one file, unless all appended.
fn check_files(each: &[Vec<(u64, Did)>], what: &[Op]) {
    let mut all: BTreeMap<u64, Vec<(usize, Did)>> = BTreeMap::new();
    for (i, files) in each.iter().enumerate() {
        files.iter().for_each(|(ino, did)| all.entry(*ino).or_default().push((i, *did)));
    }
    for did in all.values() {
        let one = did.iter().all(|d| d.0 == did[0].0);
        assert!(one || did.iter().all(|d| d.1 == Did::Appended), "{did:?} of {what:?}");
    }
}

/// The numbers of all files below a directory.
fn inodes(at: &Path) -> BTreeSet<u64> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(at).expect("list").flatten() {
        let meta = fs::symlink_metadata(entry.path()).expect("there");
        if meta.is_dir() {
            all.append(&mut inodes(&entry.path()));
        } else {
            all.insert(meta.ino());
        }
    }
    all
}

/// All below a directory, as text: what are names of one file as well.
fn show(at: &Path) -> String {
    fn below(at: &Path, root: &Path, first: &mut BTreeMap<u64, String>, to: &mut String) {
        let mut names: Vec<_> =
            fs::read_dir(at).expect("list").flatten().map(|e| e.path()).collect();
        names.sort();
        for path in names {
            let name = path.strip_prefix(root).expect("below").display().to_string();
            let meta = fs::symlink_metadata(&path).expect("there");
            let _ = write!(
                to,
                "{name} {:o} {}",
                meta.mode(),
                if meta.is_dir() { 0 } else { meta.nlink() }
            );
            if meta.is_dir() {
                to.push('\n');
                below(&path, root, first, to);
            } else if meta.is_symlink() {
                let _ = writeln!(to, " -> {}", fs::read_link(&path).expect("link").display());
            } else {
                let same = first.entry(meta.ino()).or_insert(name);
                let _ = writeln!(to, " ={same} {}", said(fs::read_to_string(&path)));
            }
        }
    }
    let mut text = String::new();
    below(at, at, &mut BTreeMap::new(), &mut text);
    text
}

/// The directories that child `i` of a case works in.
fn places(apart: bool, i: usize) -> Vec<&'static str> {
    const APART: [&str; 5] = ["p0/", "p1/", "p2/", "p3/", "p4/"];
    if apart { vec![APART[i]] } else { vec!["", "d/", "e/"] }
}

/// One case; whether its children met.
fn case(seed: u64, host: &Path) -> bool {
    let mut r = Numbers(seed);
    fs::create_dir(host).expect("mkdir");
    tree::create_dir_all("/t").expect("mkdir");
    for name in tree::list("/").expect("list") {
        tree::remove(Path::new("/").join(name)).expect("remove");
    }
    let apart = r.below(4) == 0;
    let k = 2 + r.below(4) as usize;
    let mut setup: Vec<Op> =
        ["d", "e", "p0", "p1", "p2", "p3", "p4"].map(|name| Op::MakeDir(name.into())).to_vec();
    for i in 0..k {
        setup.extend((0..5).map(|_| Op::random(&mut r, &places(apart, i))));
    }
    let (done, ()) = detpar::join(|| work(&setup, setup.len(), &BTreeSet::new()).0, || ());
    done.iter().for_each(|op| op.apply(host).expect("as in the tree"));
    let in_child = |f: fn(&Path) -> String| detpar::join(|| f(Path::new("/")), || ()).0;
    let (before, first) = (in_child(show), show(host));
    assert_eq!(before, first, "case {seed}, before");
    let known = detpar::join(|| inodes(Path::new("/")), || ()).0;
    let lists: Vec<(Vec<Op>, usize)> = (0..k)
        .map(|i| {
            let n = 1 + r.below(4) as usize;
            let nested = r.below(3) == 0;
            let ops = (0..n).map(|_| Op::random(&mut r, &places(apart, i))).collect();
            (ops, if nested { n / 2 } else { n })
        })
        .collect();
    let run = || -> Vec<Done> {
        lists.par_iter().with_max_len(1).map(|(ops, cut)| work(ops, *cut, &known)).collect()
    };
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    let met = ended.is_err();
    match ended {
        Ok(all) => {
            let files: Vec<_> = all.iter().map(|(_, files)| files.clone()).collect();
            let ops: Vec<Op> = lists.iter().flat_map(|(ops, _)| ops.clone()).collect();
            check_files(&files, &ops);
            for op in all.iter().flat_map(|(ops, _)| ops) {
                let did = match op.apply(host) {
                    // Both may make the same directory.
                    Err(_) if matches!(op, Op::MakeDir(at) if host.join(at).is_dir()) => Ok(()),
                    did => did,
                };
                assert!(did.is_ok(), "case {seed}: {op:?}: {did:?}; {lists:?} on\n{before}");
            }
            assert_eq!(in_child(show), show(host), "case {seed}: {lists:?} on\n{before}");
        }
        Err(payload) => {
            let why = payload.downcast_ref::<String>().map_or("", String::as_str);
            assert!(why.contains("both changed the file"), "case {seed}: {why}");
            assert!(!apart, "case {seed}: {why}: {lists:?} on\n{before}");
            assert_eq!(in_child(show), before, "case {seed}: nothing has changed");
        }
    }
    fs::remove_dir_all(host).expect("clean");
    met
}

/// So many cases, or those that the second argument counts from the third on.
pub fn random() {
    let number =
        |i: usize, or: u64| std::env::args().nth(i).map_or(or, |a| a.parse().expect("a number"));
    let (count, from) = (number(2, 300), number(3, 1));
    // SAFETY: has no operands in memory. Children have this mask.
    unsafe { libc::umask(0o022) };
    let host = std::env::temp_dir().join(format!("detpar-random-{}", std::process::id()));
    std::panic::set_hook(Box::new(|info| {
        // What a conflict unwinds with is expected.
        let text = info.payload_as_str().unwrap_or("");
        if !text.contains("both changed the file") {
            eprintln!("{info}");
        }
    }));
    let met: Vec<u64> = (from..from + count).filter(|seed| case(*seed, &host)).collect();
    println!("{count} cases, {} with a conflict: {:?}", met.len(), &met[..met.len().min(9)]);
}
