//! The suite `fs` on files in memory.

use detpar_bench::measure::{self, Sample};
use detpar_bench::work::fs::{self, Files, Tmpfs};
use detpar_fs::{Fs, Mkfs};
use std::fs::OpenOptions;
use std::io;
use std::time::{Duration, Instant};

/// Files that children change at each join, half of them each.
const CHANGED: u64 = 10;
/// Bytes of each file of an image.
const FILE: u64 = 64 << 10;

/// A tree of its own.
struct Tree(Fs);

impl Tree {
    fn new() -> io::Result<Tree> {
        Ok(Tree(Mkfs::new().inodes(1 << 18).mkfs()?))
    }
}

impl Files for Tree {
    type File = detpar_fs::File;

    fn create(&self, name: &str) -> io::Result<detpar_fs::File> {
        self.0.create(name)
    }

    fn open(&self, name: &str) -> io::Result<detpar_fs::File> {
        self.0.open(name)
    }

    fn make_dir(&self, name: &str) -> io::Result<()> {
        self.0.create_dir(name)
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(self.0.metadata(name)?.len())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove_file(name)
    }
}

/// Measures a case; `None` where there is none of this name.
pub(crate) fn run(case: &str, size: u64, who: &str, budget: Duration) -> Option<Sample> {
    let measured = match (case, who) {
        ("join", "files_100") => join(100, budget),
        ("join", _) => join(size, budget),
        ("save", _) => save(size, budget),
        ("load", _) => load(size, budget),
        _ => Tree::new().map(|tree| fs::run(case, size, &tree, budget)).transpose()?,
    };
    Some(measured.unwrap_or_else(|e| panic!("{case}: {e}")))
}

/// A join of two children that change ten files, where so many others are.
fn join(existing: u64, budget: Duration) -> io::Result<Sample> {
    detpar::fs::create_dir_all("/folder")?;
    for name in fs::names(existing) {
        detpar::fs::write(format!("/{name}"), "as it was")?;
    }
    let name = |i| format!("/folder/changed-{i}");
    (0..CHANGED).try_for_each(|i| detpar::fs::write(name(i), ""))?;
    let mut turn = 0;
    let sample = measure::run(budget, || {
        turn += 1;
        let write = |from| {
            let to = from + CHANGED / 2;
            move || {
                (from..to).for_each(|i| std::fs::write(name(i), turn.to_string()).expect("room"))
            }
        };
        detpar::join(write(0), write(CHANGED / 2));
    });
    for i in 0..CHANGED {
        assert_eq!(detpar::fs::read_to_string(name(i))?, turn.to_string());
    }
    Ok(sample)
}

/// A tree of so many bytes.
fn filled(size: u64) -> io::Result<Fs> {
    let tree = Tree::new()?;
    tree.make_dir("folder")?;
    for name in fs::names(size / FILE) {
        fs::fill(tree.create(&name)?, FILE)?;
    }
    Ok(tree.0)
}

/// All of a tree to a new image.
fn save(size: u64, budget: Duration) -> io::Result<Sample> {
    let place = Tmpfs::new()?;
    let turn = || {
        let tree = filled(size)?;
        let mut image = place.create("image")?;
        let start = Instant::now();
        tree.save(&mut image)?;
        io::Result::Ok((start.elapsed().as_secs_f64(), true))
    };
    Ok(measure::run_timed(budget, || turn().expect("room")))
}

fn load(size: u64, budget: Duration) -> io::Result<Sample> {
    let place = Tmpfs::new()?;
    let mut options = OpenOptions::new();
    let mut image = options.read(true).write(true).create(true).open(place.path("image"))?;
    filled(size)?.save(&mut image)?;
    let sample = measure::run(budget, || {
        Fs::load(&mut image, || 0).expect("the image");
    });
    let tree = Fs::load(&mut image, || 0).expect("the image");
    for name in fs::names(size / FILE) {
        fs::look(tree.open(name)?, FILE)?;
    }
    Ok(sample)
}
