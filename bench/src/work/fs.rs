//! The suite `fs`: files in memory beside the system's own, which lie in `/dev/shm`.

use super::four::numbers;
use crate::measure::{self, Sample};
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Bytes that are read or written at once, at most.
pub const PIECE: usize = 64 << 10;
/// Bytes of a block at a random place.
const BLOCK: usize = 4096;
/// Such blocks in a turn.
const BLOCKS: usize = 1024;
/// The file that is read and written.
const NAME: &str = "file";
/// The directory of many files.
const FOLDER: &str = "folder";

/// A tree of files.
pub trait Files {
    /// An open file.
    type File: Read + Write + Seek;

    /// Makes an empty file, or empties one, to be written.
    ///
    /// # Errors
    /// Those of the tree, as with all that follow.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file to be read.
    ///
    /// # Errors
    /// Those of the tree.
    fn open(&self, name: &str) -> io::Result<Self::File>;

    /// Makes a directory.
    ///
    /// # Errors
    /// Those of the tree.
    fn make_dir(&self, name: &str) -> io::Result<()>;

    /// How long a file is.
    ///
    /// # Errors
    /// Those of the tree.
    fn len(&self, name: &str) -> io::Result<u64>;

    /// Removes a file.
    ///
    /// # Errors
    /// Those of the tree.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// A directory of the system's own in memory, removed at the end.
#[derive(Debug)]
pub struct Tmpfs(PathBuf);

impl Tmpfs {
    /// A new one.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new() -> io::Result<Tmpfs> {
        let path = Path::new("/dev/shm").join(format!("detpar-bench-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Tmpfs(path))
    }

    /// Where a file of this name lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Files for Tmpfs {
    type File = File;

    fn create(&self, name: &str) -> io::Result<File> {
        File::create(self.path(name))
    }

    fn open(&self, name: &str) -> io::Result<File> {
        File::open(self.path(name))
    }

    fn make_dir(&self, name: &str) -> io::Result<()> {
        fs::create_dir(self.path(name))
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.path(name))?.len())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }
}

/// Measures a case; `None` where there is none of this name.
///
/// # Panics
/// Where a call fails or a result is wrong.
pub fn run<F: Files>(case: &str, size: u64, files: &F, budget: Duration) -> Option<Sample> {
    let measured = match case {
        "write" => write(size, files, budget),
        "read" => read(size, files, budget),
        "write_random" => write_random(size, files, budget),
        "read_random" => read_random(size, files, budget),
        "create" | "stat" | "unlink" => many(case, size, files, budget),
        _ => return None,
    };
    Some(measured.unwrap_or_else(|e| panic!("{case}: {e}")))
}

/// Writes a file from its beginning, in pieces.
///
/// # Errors
/// Those of the file.
pub fn fill(mut file: impl Write, size: u64) -> io::Result<()> {
    let piece = [7; PIECE];
    let mut left = size as usize;
    while left > 0 {
        let n = left.min(PIECE);
        file.write_all(&piece[..n])?;
        left -= n;
    }
    Ok(())
}

/// Reads as much from its beginning, in pieces.
///
/// # Errors
/// Those of the file.
///
/// # Panics
/// Where it is not what [`fill`] wrote.
pub fn look(mut file: impl Read, size: u64) -> io::Result<()> {
    let mut piece = [0; PIECE];
    let mut left = size as usize;
    while left > 0 {
        let n = left.min(PIECE);
        piece[n - 1] = 0;
        file.read_exact(&mut piece[..n])?;
        assert_eq!(black_box(&piece)[n - 1], 7, "what was written is not there");
        left -= n;
    }
    Ok(())
}

fn write<F: Files>(size: u64, files: &F, budget: Duration) -> io::Result<Sample> {
    let sample = measure::run(budget, || {
        files.create(NAME).and_then(|file| fill(file, size)).expect("room");
    });
    look(files.open(NAME)?, size)?;
    assert_eq!(files.len(NAME)?, size);
    Ok(sample)
}

fn read<F: Files>(size: u64, files: &F, budget: Duration) -> io::Result<Sample> {
    fill(files.create(NAME)?, size)?;
    Ok(measure::run(budget, || {
        files.open(NAME).and_then(|file| look(file, size)).expect("the file");
    }))
}

/// Where blocks of a file begin, without a pattern.
fn places(size: u64) -> Vec<u64> {
    let all = size / BLOCK as u64;
    numbers().map(|n| n % all * BLOCK as u64).take(BLOCKS).collect()
}

fn write_random<F: Files>(size: u64, files: &F, budget: Duration) -> io::Result<Sample> {
    let mut file = files.create(NAME)?;
    fill(&mut file, size)?;
    let places = places(size);
    let mut turn = 0u8;
    let sample = measure::run(budget, || {
        turn = turn.wrapping_add(1);
        for at in &places {
            file.seek(SeekFrom::Start(*at)).expect("a place");
            file.write_all(&[turn; BLOCK]).expect("room");
        }
    });
    let mut block = [0; BLOCK];
    let mut file = files.open(NAME)?;
    file.seek(SeekFrom::Start(places[0]))?;
    file.read_exact(&mut block)?;
    assert_eq!(block, [turn; BLOCK]);
    Ok(sample)
}

fn read_random<F: Files>(size: u64, files: &F, budget: Duration) -> io::Result<Sample> {
    fill(files.create(NAME)?, size)?;
    let places = places(size);
    let mut file = files.open(NAME)?;
    let mut block = [0; BLOCK];
    Ok(measure::run(budget, || {
        for at in &places {
            file.seek(SeekFrom::Start(*at)).expect("a place");
            file.read_exact(&mut block).expect("a block");
            assert_eq!(black_box(&block)[BLOCK - 1], 7);
        }
    }))
}

/// Names of files of one directory.
pub fn names(count: u64) -> Vec<String> {
    (0..count).map(|i| format!("{FOLDER}/file-number-{i}")).collect()
}

fn many<F: Files>(case: &str, count: u64, files: &F, budget: Duration) -> io::Result<Sample> {
    let names = names(count);
    files.make_dir(FOLDER)?;
    let create = || names.iter().for_each(|n| drop(files.create(n).expect("room")));
    let unlink = || names.iter().for_each(|n| files.remove(n).expect("the file"));
    let stat = || names.iter().for_each(|n| assert_eq!(files.len(n).expect("the file"), 0));
    let time = |f: &dyn Fn()| {
        let start = Instant::now();
        f();
        start.elapsed().as_secs_f64()
    };
    Ok(match case {
        "create" => measure::run_timed(budget, || {
            let took = time(&create);
            unlink();
            (took, true)
        }),
        "stat" => {
            create();
            measure::run(budget, stat)
        }
        _ => measure::run_timed(budget, || {
            create();
            (time(&unlink), true)
        }),
    })
}

/// The system's own part of the cases `save` and `load`: as many bytes in one file.
///
/// # Errors
/// Those of the system.
pub fn one_file(case: &str, size: u64, budget: Duration) -> io::Result<Option<Sample>> {
    let files = Tmpfs::new()?;
    Ok(match case {
        "save" => Some(measure::run(budget, || {
            let mut file = files.create(NAME).expect("room");
            fill(&mut file, size).and_then(|()| file.sync_all()).expect("room");
        })),
        "load" => Some(read(size, &files, budget)?),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_works_on_the_systems_files() {
        for (case, size) in [
            ("write", 100_000),
            ("read", 100_000),
            ("write_random", 1 << 20),
            ("read_random", 1 << 20),
            ("create", 30),
            ("stat", 30),
            ("unlink", 30),
        ] {
            let files = Tmpfs::new().unwrap();
            assert!(run(case, size, &files, Duration::ZERO).is_some(), "{case}");
        }
        assert!(run("nonesuch", 1, &Tmpfs::new().unwrap(), Duration::ZERO).is_none());
        assert!(one_file("save", 1 << 20, Duration::ZERO).unwrap().is_some());
        assert!(one_file("load", 1 << 20, Duration::ZERO).unwrap().is_some());
        assert!(one_file("join", 1, Duration::ZERO).unwrap().is_none());
    }

    #[test]
    #[should_panic(expected = "what was written is not there")]
    fn other_bytes_are_noticed() {
        let _ = look(&[1u8; 100][..], 100);
    }
}
