//! The power fails at every write and sync of a save: what is there afterwards loads as the old
//! file system or the new one. And a bit that flips anywhere is noticed, or does no harm.

mod device;

use detpar_fs::{Fs, Kind, Mkfs, OpenOptions};
use device::Device;
use device::random::{Random, setting};
use std::collections::BTreeMap;
use std::io::Write;

/// All that a reader can tell.
fn contents(fs: &Fs) -> BTreeMap<String, (Kind, u32, u64, Vec<u8>)> {
    let (mut all, mut todo) = (BTreeMap::new(), vec!["/".to_string()]);
    while let Some(path) = todo.pop() {
        let m = fs.symlink_metadata(&path).unwrap();
        let bytes = match m.kind() {
            Kind::File => fs.read(&path).unwrap(),
            Kind::Symlink => fs.read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
            Kind::Dir => {
                let entries = fs.read_dir(&path).unwrap();
                todo.extend(entries.map(|e| e.unwrap().path().to_str().unwrap().to_string()));
                Vec::new()
            }
        };
        all.insert(path, (m.kind(), m.mode(), m.nlink(), bytes));
    }
    all
}

/// Some files, and more in each round; what children did is reconciled.
fn change(fs: &Fs, round: u64) {
    let (a, b) = (fs.fork(), fs.fork());
    a.create_dir(format!("dir{round}")).unwrap();
    for i in 0..12 + round {
        a.write(format!("dir{round}/{i}"), vec![round as u8 + 1; 700 * i as usize]).unwrap();
    }
    b.symlink("x".repeat(100 + 60 * round as usize), format!("link{round}")).unwrap();
    let mut log = OpenOptions::new().append(true).create(true).open(&b, "log").unwrap();
    log.write_all(&vec![round as u8 + 65; 3000]).unwrap();
    if round > 0 {
        b.rename(format!("dir{}/5", round - 1), format!("moved{round}")).unwrap();
        b.remove_file(format!("dir{}/7", round - 1)).unwrap();
        b.write(format!("dir{}/9", round - 1), "other").unwrap();
    }
    fs.reconcile(&[&a, &b]).unwrap();
}

fn fresh() -> Fs {
    // Several groups, or not all parts of an image are there.
    Mkfs::new().blocks(400).inodes(128).mkfs().unwrap()
}

fn load(holds: &mut Vec<u8>) -> Result<Fs, String> {
    Fs::load(holds, || 0).map_err(|e| e.to_string())
}

/// Cuts the power at each step of the save that makes `store` hold what `fs()` is.
fn cut_everywhere(store: &[u8], fs: &dyn Fn() -> Fs, r: &mut Random) -> u64 {
    let old = load(&mut store.to_vec()).ok().map(|fs| contents(&fs));
    let new = contents(&fs());
    let (mut steps, mut seen) = (0, [0u64; 2]);
    loop {
        let mut device = Device::new(store.to_vec(), steps);
        let saved = fs().save(&mut device);
        for variant in 0..8 {
            let mut holds = device.after(variant, r);
            match (load(&mut holds), &old) {
                (Ok(fs), old) => {
                    let now = contents(&fs);
                    assert!(now == new || Some(&now) == old.as_ref(), "step {steps}, {variant}");
                    seen[usize::from(now == new)] += 1;
                    // And it can be saved again, all of it and some of it.
                    if variant < 4 {
                        fs.write("again", "and again").unwrap();
                        fs.save(&mut holds).unwrap();
                        assert_eq!(contents(&load(&mut holds).unwrap()), contents(&fs));
                    }
                }
                (Err(e), Some(_)) => panic!("step {steps}, {variant}: {e}"),
                (Err(_), None) => {}
            }
        }
        if saved.is_ok() {
            break;
        }
        steps += 1;
    }
    assert!(seen[1] > 0 && (old.is_none() || seen[0] > 0), "{seen:?}");
    steps
}

#[test]
fn a_save_is_old_or_new_wherever_the_power_fails() {
    let seed = setting("DETPAR_FS_SEED", 1);
    println!("DETPAR_FS_SEED={seed}");
    let mut r = Random::new(seed);
    let mut store = Vec::new();
    for round in 0..setting("DETPAR_FS_ROUNDS", 2) {
        let before = store.clone();
        // The same save again and again needs the same file system again and again.
        let make = || {
            let fs = if before.is_empty() { fresh() } else { load(&mut before.clone()).unwrap() };
            change(&fs, round);
            fs
        };
        let steps = cut_everywhere(&before, &make, &mut r);
        println!("round {round}: {steps} steps");
        make().save(&mut store).unwrap();
    }
    // One that knows nothing of what the store holds.
    let other = || {
        let fs = Mkfs::new().blocks(300).inodes(64).mkfs().unwrap();
        fs.write("other", "file system").unwrap();
        fs
    };
    let steps = cut_everywhere(&store, &other, &mut r);
    println!("another file system: {steps} steps");
}

#[test]
fn a_save_writes_what_changed() {
    let fs = Mkfs::new().blocks(40_000).inodes(5000).mkfs().unwrap();
    fs.create_dir("d").unwrap();
    for i in 0..2000 {
        fs.write(format!("d/{i}"), vec![7; 5000]).unwrap();
    }
    let mut store = Vec::new();
    let all = fs.save(&mut store).unwrap();
    assert!(all > 4000, "{all}");
    assert_eq!(fs.save(&mut store).unwrap(), 0);
    fs.write("d/77", vec![8; 5000]).unwrap();
    let some = fs.save(&mut store).unwrap();
    assert!(some < 12, "{some}");
    // A child's changes are the parent's when they are reconciled.
    let child = fs.fork();
    child.remove_file("d/78").unwrap();
    fs.reconcile(&[&child]).unwrap();
    let some = fs.save(&mut store).unwrap();
    assert!((1..12).contains(&some), "{some}");
    let again = load(&mut store).unwrap();
    assert_eq!(contents(&again), contents(&fs));
    again.write("more", "from another").unwrap();
    assert!(again.save(&mut store).unwrap() < 12);
    // The store holds what the first did not write: everything is written again.
    assert!(fs.save(&mut store).unwrap() > 3000);
    assert_eq!(contents(&load(&mut store).unwrap()), contents(&fs));
}

#[test]
fn a_grown_file_system_is_saved_over_a_smaller_one() {
    let fs = fresh();
    change(&fs, 0);
    let mut store = Vec::new();
    fs.save(&mut store).unwrap();
    fs.grow(90_000).unwrap();
    change(&fs, 1);
    fs.save(&mut store).unwrap();
    assert_eq!(store.len(), 90_000 * 4096);
    let again = load(&mut store).unwrap();
    assert_eq!(contents(&again), contents(&fs));
    assert_eq!(again.usage(), fs.usage());
}

#[test]
fn open_files_without_a_name_are_gone_after_a_load() {
    let fs = fresh();
    let file = fs.create("gone").unwrap();
    (&file).write_all(&[1; 50_000]).unwrap();
    let before = fresh().usage();
    fs.remove_file("gone").unwrap();
    let mut store = Vec::new();
    fs.save(&mut store).unwrap();
    assert!(fs.usage().free_blocks < before.free_blocks);
    assert_eq!(load(&mut store).unwrap().usage(), before);
}

#[test]
fn a_flipped_bit_is_noticed_or_does_no_harm() {
    let mut store = Vec::new();
    let fs = Mkfs::new().blocks(120).inodes(32).mkfs().unwrap();
    for round in 0..2 {
        let part = fs.fork();
        part.create_dir(format!("d{round}")).unwrap();
        part.write(format!("d{round}/f"), vec![round as u8 + 1; 60_000]).unwrap();
        fs.reconcile(&[&part]).unwrap();
        fs.save(&mut store).unwrap();
    }
    let right = contents(&fs);
    let (mut noticed, mut harmless) = (0, 0);
    let every = setting("DETPAR_FS_EVERY", 1999) as usize;
    // Where the superblocks are it is each bit, as far as they have numbers.
    let numbers = (0..2 * 4096 * 8).filter(|bit| bit % (4096 * 8) < 70 * 8);
    for bit in numbers.chain((0..store.len() * 8).step_by(every)) {
        store[bit / 8] ^= 1 << (bit % 8);
        match load(&mut store) {
            Ok(fs) => {
                assert!(contents(&fs) == right, "bit {bit}");
                harmless += 1;
            }
            Err(_) => noticed += 1,
        }
        store[bit / 8] ^= 1 << (bit % 8);
    }
    println!("noticed {noticed}, harmless {harmless}");
    assert!(noticed > 100 && harmless > 100);
}

/// What a repair makes of an image is sound, can be saved, and has nothing that was not there.
/// Returns how many files are as they were.
fn repaired(mut image: Vec<u8>, right: &BTreeMap<String, (Kind, u32, u64, Vec<u8>)>) -> usize {
    let Ok((fs, _)) = Fs::load_repaired(&mut image, || 0) else { return 0 };
    assert_eq!(fs.check(), []);
    fs.write("after", "the repair").unwrap();
    let now = contents(&fs);
    fs.save(&mut image).unwrap();
    assert_eq!(contents(&load(&mut image).unwrap()), now);
    right.iter().filter(|(path, what)| now.get(*path).is_some_and(|n| n.3 == what.3)).count()
}

#[test]
fn a_repair_keeps_what_is_whole() {
    let fs = fresh();
    change(&fs, 0);
    change(&fs, 1);
    let mut image = Vec::new();
    fs.save(&mut image).unwrap();
    let right = contents(&fs);
    assert_eq!(repaired(image.clone(), &right), right.len());
    let (mut kept, mut lost) = (0, 0);
    for block in 2..image.len() / 4096 {
        let mut bad = image.clone();
        if bad[block * 4096..][..4096].iter().all(|b| *b == 0) {
            continue;
        }
        bad[block * 4096 + 5..][..3000].fill(0xa5);
        let Ok((now, problems)) = Fs::load_repaired(&mut bad, || 0) else { panic!("{block}") };
        if contents(&now) == right {
            continue;
        }
        assert!(!problems.is_empty(), "block {block}");
        let whole = repaired(bad, &right);
        kept += usize::from(whole + 2 > right.len());
        lost += usize::from(now.metadata("lost+found").is_ok());
    }
    // Most blocks are those of one file; some are a directory's, whose files lose their names.
    println!("one file or none damaged {kept}, names lost {lost}");
    assert!(kept > 20 && lost > 0);
}

#[test]
fn garbage_is_refused() {
    let mut r = Random::new(setting("DETPAR_FS_SEED", 1));
    assert!(load(&mut Vec::new()).is_err());
    assert!(load(&mut vec![0; 100_000]).is_err());
    let mut good = Vec::new();
    let fs = fresh();
    change(&fs, 0);
    fs.save(&mut good).unwrap();
    for _ in 0..setting("DETPAR_FS_CASES", 100) {
        let mut bad = good.clone();
        match r.below(3) {
            0 => bad.truncate(r.below(good.len() as u64) as usize),
            1 => {
                for _ in 0..1 + r.below(400) {
                    let at = r.below(bad.len() as u64) as usize;
                    bad[at] = r.below(256) as u8;
                }
            }
            _ => {
                let (from, to) = (r.below(400) as usize * 4096, r.below(400) as usize * 4096);
                bad.copy_within(from..from + 4096, to);
            }
        }
        if let Ok(loaded) = load(&mut bad) {
            assert_eq!(contents(&loaded), contents(&fs));
        }
        repaired(bad, &contents(&fs));
    }
}
