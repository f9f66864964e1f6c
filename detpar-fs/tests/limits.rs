//! At the limits: the right error, or it works; and all is well afterwards.

use detpar_fs::{Errno, Fs, Mkfs, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};

fn small() -> Fs {
    Mkfs::new().blocks(200).inodes(64).mkfs().unwrap()
}

fn errno<T>(result: io::Result<T>) -> Errno {
    Errno(result.err().and_then(|e| e.raw_os_error()).unwrap_or(0))
}

#[test]
fn no_space() {
    let fs = small();
    let free = fs.usage().free_blocks;
    let mut f = fs.create("big").unwrap();
    let written = io::copy(&mut io::repeat(7), &mut f).unwrap_err();
    assert_eq!(written.kind(), ErrorKind::StorageFull);
    let len = f.metadata().unwrap().len();
    assert!(len > (free - 5) * 4096 && len <= free * 4096);
    assert_eq!(fs.check(), []);
    // What is there can be written, read and cut; nothing can be added.
    f.seek(SeekFrom::Start(0)).unwrap();
    f.write_all(&[8; 9000]).unwrap();
    assert_eq!(errno(fs.write("more", "x")), Errno::ENOSPC);
    assert_eq!(errno(fs.create_dir("d").and_then(|()| fs.write("d/x", ""))), Errno::ENOSPC);
    assert_eq!(errno(fs.symlink("y".repeat(300), "link")), Errno::ENOSPC);
    assert!(fs.symlink_metadata("link").is_err());
    assert_eq!(fs.check(), []);
    f.set_len(4096 * 5).unwrap();
    fs.write("d/x", vec![1; 20_000]).unwrap();
    // A write for which there is room in part writes that part.
    let room = fs.usage().free_blocks as usize;
    let file = fs.create("part").unwrap();
    let n = file.write_at(&vec![2; (room + 10) * 4096], 0).unwrap();
    assert!(n > 0 && n <= room * 4096);
    assert_eq!(fs.check(), []);
    drop((f, file));
    for name in ["big", "more", "part", "d/x"] {
        fs.remove_file(name).unwrap();
    }
    fs.remove_dir("d").unwrap();
    assert_eq!(fs.usage().free_blocks, free);
}

#[test]
fn no_more_groups() {
    let fs = small();
    let before = fs.usage().free_blocks;
    assert_eq!(errno(fs.grow(u32::MAX)), Errno::EINVAL);
    assert_eq!((fs.usage().free_blocks, fs.check()), (before, vec![]));
}

#[test]
fn no_inodes() {
    let fs = small();
    let free = fs.usage().free_inodes;
    for i in 0..free {
        fs.write(format!("{i}"), "").unwrap();
    }
    assert_eq!(errno(fs.write("more", "")), Errno::ENOSPC);
    assert_eq!(errno(fs.create_dir("more")), Errno::ENOSPC);
    assert_eq!((fs.usage().free_inodes, fs.check()), (0, vec![]));
    fs.hard_link("1", "more").unwrap();
    // In a larger one there is room again.
    fs.grow(500).unwrap();
    assert!(fs.usage().free_inodes > 0);
    fs.write("yet more", "z").unwrap();
    assert_eq!((fs.read("yet more").unwrap(), fs.check()), (b"z".to_vec(), vec![]));
    assert_eq!(errno(fs.grow(499)), Errno::EINVAL);
}

#[test]
fn no_space_in_a_reconcile_leaves_the_parent() {
    let fs = small();
    let (a, b) = (fs.fork(), fs.fork());
    a.write("a", vec![1; 500_000]).unwrap();
    b.write("b", vec![2; 500_000]).unwrap();
    let error = fs.reconcile(&[&a, &b]).unwrap_err();
    assert!(error.to_string().contains("os error 28"), "{error}");
    assert_eq!((fs.read_dir("/").unwrap().count(), fs.check()), (0, vec![]));
    fs.reconcile(&[&b]).unwrap();
    assert_eq!((fs.read("b").unwrap().len(), fs.check()), (500_000, vec![]));
}

#[test]
fn names_and_paths_that_are_too_long() {
    let fs = small();
    let longest = "n".repeat(255);
    fs.write(&longest, "x").unwrap();
    assert_eq!(fs.read(&longest).unwrap(), b"x");
    assert_eq!(errno(fs.write(format!("{longest}n"), "")), Errno::ENAMETOOLONG);
    assert_eq!(errno(fs.create_dir("n".repeat(256))), Errno::ENAMETOOLONG);
    assert_eq!(errno(fs.rename(&longest, "n".repeat(256))), Errno::ENAMETOOLONG);
    let path = "./".repeat(2046) + "new";
    assert_eq!(path.len(), 4095);
    fs.write(&path, "y").unwrap();
    assert_eq!(errno(fs.read(format!("/{path}"))), Errno::ENAMETOOLONG);
    fs.symlink("t".repeat(4095), "link").unwrap();
    assert_eq!(fs.read_link("link").unwrap().as_os_str().len(), 4095);
    assert_eq!(errno(fs.symlink("t".repeat(4096), "l")), Errno::ENAMETOOLONG);
    assert_eq!(errno(fs.write("zero\0", "")), Errno::EINVAL);
    assert_eq!(fs.check(), []);
}

#[test]
fn loops() {
    let fs = small();
    fs.symlink("b", "a").unwrap();
    fs.symlink("a", "b").unwrap();
    assert_eq!(errno(fs.metadata("a")), Errno::ELOOP);
    assert_eq!(errno(fs.create("a")), Errno::ELOOP);
    assert_eq!(errno(fs.read("a/c")), Errno::ELOOP);
    fs.write("l0", "end").unwrap();
    for i in 1..=41 {
        fs.symlink(format!("l{}", i - 1), format!("l{i}")).unwrap();
    }
    assert_eq!(fs.read("l40").unwrap(), b"end");
    assert_eq!(errno(fs.read("l41")), Errno::ELOOP);
    fs.create_dir_all("d/e/f").unwrap();
    assert_eq!(errno(fs.rename("d", "d/e/f/g")), Errno::EINVAL);
    assert_eq!(errno(fs.rename("d/e/f", "d/e")), Errno::ENOTEMPTY);
    assert_eq!(fs.check(), []);
}

#[test]
fn links_up_to_65535() {
    let fs = Mkfs::new().blocks(20_000).inodes(64).mkfs().unwrap();
    fs.write("file", "one").unwrap();
    fs.create_dir("d").unwrap();
    for i in 1..65_535 {
        fs.hard_link("file", format!("d/{i}")).unwrap();
    }
    assert_eq!(errno(fs.hard_link("file", "d/more")), Errno::EMLINK);
    assert_eq!(fs.metadata("d/77").unwrap().nlink(), 65_535);
    assert_eq!(fs.check(), []);
    // Each side may add one to what one more would be too many for.
    fs.remove_file("d/1").unwrap();
    let (a, b) = (fs.fork(), fs.fork());
    a.hard_link("file", "a").unwrap();
    b.hard_link("file", "b").unwrap();
    assert!(fs.reconcile(&[&a, &b]).unwrap_err().to_string().contains("os error 31"));
    fs.remove_dir_all("d").unwrap();
    assert_eq!((fs.metadata("file").unwrap().nlink(), fs.check()), (1, vec![]));
}

#[test]
fn a_directory_of_100_000() {
    let fs = Mkfs::new().blocks(100_000).inodes(110_000).mkfs().unwrap();
    fs.create_dir("d").unwrap();
    for i in 0..100_000 {
        fs.create(format!("d/entry-{i}")).unwrap();
    }
    assert_eq!(fs.read_dir("d").unwrap().count(), 100_000);
    assert!(fs.metadata("d/entry-99999").unwrap().is_file());
    assert_eq!(errno(fs.metadata("d/entry-100000")), Errno::ENOENT);
    assert_eq!(fs.check(), []);
    // A listing that is under way sees each entry that stays, once.
    let mut listing = fs.read_dir("d").unwrap();
    let first: Vec<_> = listing.by_ref().take(1000).map(|e| e.unwrap().file_name()).collect();
    for i in 0..3000 {
        fs.create(format!("d/new-{i}")).unwrap();
        fs.remove_file(format!("d/entry-{}", 30 * i)).unwrap();
    }
    let here = listing.tell();
    let rest: Vec<_> = listing.by_ref().map(|e| e.unwrap().file_name()).collect();
    let mut names: Vec<_> = first.iter().chain(&rest).collect();
    names.sort();
    assert!(names.windows(2).all(|w| w[0] != w[1]));
    assert!(
        (1..100_000)
            .filter(|i| i % 30 != 0)
            .all(|i| { names.binary_search(&&format!("entry-{i}").into()).is_ok() })
    );
    // From there on again: without what had been read ahead and is gone.
    listing.seek(here);
    let old = |name: &std::ffi::OsString| name.as_encoded_bytes().starts_with(b"entry");
    let again: Vec<_> = listing.map(|e| e.unwrap().file_name()).filter(old).collect();
    let there = |name: &std::ffi::OsString| fs.metadata(format!("d/{}", name.display())).is_ok();
    assert!(again == rest.into_iter().filter(old).filter(there).collect::<Vec<_>>());
    assert_eq!(fs.check(), []);
    fs.remove_dir_all("d").unwrap();
    assert_eq!(fs.check(), []);
}

#[test]
fn a_sparse_terabyte() {
    const TB: u64 = 1 << 40;
    let fs = Mkfs::new().blocks(1000).inodes(64).mkfs().unwrap();
    fs.write("first", "").unwrap();
    let free = fs.usage().free_blocks;
    let mut f = OpenOptions::new().read(true).write(true).create(true).open(&fs, "f").unwrap();
    f.set_len(TB).unwrap();
    assert_eq!((f.metadata().unwrap().len(), fs.usage().free_blocks), (TB, free));
    assert_eq!(errno(f.seek_data(0)), Errno::ENXIO);
    for at in [0, 5_000_000, 6 << 30, TB - 3] {
        f.write_at(b"abc", at).unwrap();
    }
    assert_eq!(f.seek_data(4096).unwrap(), 5_000_000 / 4096 * 4096);
    assert_eq!(f.seek_data(10_000_000).unwrap(), 6 << 30);
    assert_eq!(f.seek_hole(6 << 30).unwrap(), (6 << 30) + 4096);
    assert_eq!(f.seek_data(7 << 30).unwrap(), TB - 4096);
    let mut end = Vec::new();
    f.seek(SeekFrom::End(-5)).unwrap();
    f.read_to_end(&mut end).unwrap();
    assert_eq!(end, b"\0\0abc");
    assert_eq!(fs.check(), []);
    // Copied as what it is by a reconcile, with all its holes.
    let child = fs.fork();
    child.hard_link("f", "g").unwrap();
    let file = OpenOptions::new().write(true).open(&child, "g").unwrap();
    file.write_at(b"xyz", 100 << 30).unwrap();
    file.set_len(TB + 1).unwrap();
    let new = child.create("h").unwrap();
    new.set_len(TB).unwrap();
    new.write_at(b"1", TB / 2).unwrap();
    fs.reconcile(&[&child]).unwrap();
    assert_eq!((f.metadata().unwrap().len(), f.metadata().unwrap().nlink()), (TB + 1, 2));
    let mut three = [0; 3];
    fs.open("g").unwrap().read_at(&mut three, 100 << 30).unwrap();
    assert_eq!((&three, fs.metadata("h").unwrap().allocated()), (b"xyz", 4 * 4096));
    // The largest file there can be.
    let most = (10 + 1024 + (1 << 20) + (1 << 30)) * 4096;
    f.set_len(most).unwrap();
    f.write_at(b"z", most - 1).unwrap();
    assert_eq!(errno(f.set_len(most + 1)), Errno::EFBIG);
    assert_eq!(errno(f.write_at(b"z", most)), Errno::EFBIG);
    assert_eq!(fs.check(), []);
    f.set_len(0).unwrap();
    fs.remove_file("h").unwrap();
    assert_eq!((fs.usage().free_blocks, fs.check()), (free, vec![]));
}

#[test]
fn open_files_live_without_a_name() {
    let fs = small();
    let free = fs.usage();
    let mut f = fs.create("f").unwrap();
    f.write_all(&[1; 10_000]).unwrap();
    let other = f.duplicate();
    fs.remove_file("f").unwrap();
    f.write_all(b"end").unwrap();
    assert_eq!((f.metadata().unwrap().nlink(), f.metadata().unwrap().len()), (0, 10_003));
    // Also over a reconcile, which frees nothing that is open.
    let child = fs.fork();
    child.write("g", "x").unwrap();
    fs.reconcile(&[&child]).unwrap();
    assert_eq!(f.metadata().unwrap().len(), 10_003);
    fs.remove_file("g").unwrap();
    drop(f);
    // The copy of a handle is the same open file: it stands where the other stood.
    (&other).write_all(b"!").unwrap();
    assert_eq!(other.metadata().unwrap().len(), 10_004);
    assert_eq!(fs.check(), []);
    drop(other);
    assert_eq!((fs.usage(), fs.check()), (free, vec![]));
}

#[test]
fn timestamps_are_those_of_the_clock() {
    use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
    use std::time::{Duration, SystemTime};
    static NOW: AtomicI64 = AtomicI64::new(5);
    let fs = Mkfs::new().blocks(200).inodes(64).clock(|| NOW.load(Relaxed)).mkfs().unwrap();
    let at = |ns| SystemTime::UNIX_EPOCH + Duration::from_nanos(ns);
    fs.write("f", "x").unwrap();
    NOW.store(9, Relaxed);
    fs.set_permissions("f", 0o600).unwrap();
    let m = fs.metadata("f").unwrap();
    assert_eq!((m.created(), m.modified(), m.changed()), (at(5), at(5), at(9)));
    assert_eq!(fs.metadata("/").unwrap().modified(), at(5));
    fs.set_times("f", at(3), at(4)).unwrap();
    let m = fs.metadata("f").unwrap();
    assert_eq!((m.accessed(), m.modified(), m.mode() & 0o777), (at(3), at(4), 0o600));
    let child = fs.fork();
    NOW.store(20, Relaxed);
    child.write("g", "y").unwrap();
    NOW.store(30, Relaxed);
    fs.reconcile(&[&child]).unwrap();
    // What came from the child has the child's times.
    assert_eq!(fs.metadata("g").unwrap().modified(), at(20));
    assert_eq!(fs.metadata("/").unwrap().modified(), at(20));
}

#[test]
fn what_grew_stays_so() {
    let fs = Mkfs::new().blocks(200).inodes(64).mkfs().unwrap();
    let mut store = Vec::new();
    // Into a second group that has inodes, but no blocks; it is shorter than the first.
    fs.grow(250).unwrap();
    for i in 0..70 {
        fs.write(format!("{i}"), "").unwrap();
    }
    fs.save(&mut store).unwrap();
    let child = fs.fork();
    fs.grow(300).unwrap();
    let usage = fs.usage();
    assert_eq!(fs.fork().usage(), usage);
    fs.reconcile(&[&child]).unwrap();
    assert_eq!((fs.usage(), fs.check()), (usage, vec![]));
    fs.save(&mut store).unwrap();
    assert_eq!(Fs::load(&mut store, || 0).unwrap().usage(), usage);
}

#[test]
fn places_beyond_signed_numbers() {
    let fs = small();
    let mut f = OpenOptions::new().read(true).write(true).create(true).open(&fs, "f").unwrap();
    for at in [1 << 63, u64::MAX] {
        assert_eq!(errno(f.read_at(&mut [0; 9], at)), Errno::EINVAL);
        assert_eq!(errno(f.write_at(b"x", at)), Errno::EINVAL);
        assert_eq!(errno(f.set_len(at)), Errno::EINVAL);
        assert_eq!(errno(f.seek(SeekFrom::Start(at))), Errno::EINVAL);
        assert_eq!(errno(f.seek_data(at)), Errno::ENXIO);
    }
    assert_eq!(f.read_at(&mut [0; 9], (1 << 63) - 1).unwrap(), 0);
    assert_eq!(errno(f.write_at(b"x", (1 << 63) - 2)), Errno::EFBIG);
    assert_eq!(errno(f.set_len((1 << 63) - 1)), Errno::EFBIG);
    assert_eq!((f.metadata().unwrap().len(), fs.check()), (0, vec![]));
}

#[test]
fn a_copy_of_a_directory_harms_nothing() {
    let fs = small();
    fs.create_dir("d").unwrap();
    fs.write("f", "kept").unwrap();
    assert_eq!(errno(fs.copy("d", "f")), Errno::EINVAL);
    assert_eq!(fs.read("f").unwrap(), b"kept");
    assert_eq!(errno(fs.copy("d", "new")), Errno::EINVAL);
    assert!(fs.metadata("new").is_err());
}

#[test]
fn directories_deeper_than_a_path_are_removed() {
    let fs = Mkfs::new().mkfs().unwrap();
    let deep = ("x".repeat(250) + "/").repeat(15);
    fs.create_dir_all(format!("a/{deep}")).unwrap();
    fs.create_dir_all(format!("b/{deep}")).unwrap();
    fs.rename("b", format!("a/{deep}b")).unwrap();
    fs.write("kept", "k").unwrap();
    fs.symlink("a", "link").unwrap();
    fs.remove_dir_all("link").unwrap();
    assert!(fs.metadata("a").is_ok() && fs.symlink_metadata("link").is_err());
    fs.remove_dir_all("a").unwrap();
    let left: Vec<_> = fs.read_dir("/").unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!((left, fs.check()), (vec!["kept".into()], vec![]));
}
