use super::*;
use kernel::confine::ENTRY;

/// A record that is about no file and under no policy.
fn plain<'a>(act: Act, number: u64, path: &'a [u8], rest: &'a [u8]) -> Vec<u8> {
    Record { act, number, file: None, policy: Policy::Conflict, path, rest }.encode()
}

fn log(records: &[(Act, &str, &str)]) -> Vec<u8> {
    let record = |&(act, path, rest): &(Act, &'static str, &'static str)| {
        plain(act, 0, path.as_bytes(), rest.as_bytes())
    };
    let records: Vec<(Act, &'static str, &'static str)> = records
        .iter()
        .map(|(a, p, r)| (*a, &*p.to_string().leak(), &*r.to_string().leak()))
        .collect();
    records.iter().flat_map(record).collect()
}

fn of(a: &[(Act, &str, &str)], b: &[(Act, &str, &str)]) -> Option<String> {
    let (a, b) = (log(a), log(b));
    let mut table = vec![0; ((claims(&a) + claims(&b)) * 2 + 1) * ENTRY];
    assert_eq!(meet(1, &a, &mut table), None);
    meet(2, &b, &mut table).map(|(who, path)| {
        assert_eq!(who, 1);
        String::from_utf8_lossy(path).into_owned()
    })
}

#[test]
fn what_agrees_and_what_does_not() {
    use Act::*;
    let same = Some("/d/f".to_owned());
    assert_eq!(of(&[(Write, "/d/f", "a")], &[(Write, "/d/f", "b")]), same);
    assert_eq!(of(&[(Write, "/d/f", "a")], &[(Append, "/d/f", "b")]), same);
    assert_eq!(of(&[(Append, "/d/f", "a")], &[(Append, "/d/f", "b")]), None);
    assert_eq!(of(&[(Make, "/d/f", "")], &[(Make, "/d/f", "")]), same);
    assert_eq!(of(&[(Make, "/d/f", "")], &[(Make, "/d/g", "")]), None);
    assert_eq!(of(&[(Remove, "/d/f", "")], &[(SetLen, "/d/f", "")]), same);
    assert_eq!(of(&[(Make, "/d/f", "")], &[(Rename, "/x", "/d/f")]), same);
    assert_eq!(of(&[(RemoveDir, "/d", "")], &[(Make, "/d/f", "")]), Some("/d".into()));
    assert_eq!(of(&[(Make, "/d/f", "")], &[(Rename, "/d", "/e")]), Some("/d".into()));
    assert_eq!(of(&[(Permit, "/d", "")], &[(Make, "/d/f", "")]), None);
    assert_eq!(of(&[(Times, "/d/f", "")], &[(Append, "/d/f", "b")]), same);
    assert_eq!(of(&[(Permit, "/d", "")], &[(Permit, "/d", "")]), Some("/d".into()));
    assert_eq!(of(&[(HardLink, "/a", "/d/f")], &[(HardLink, "/b", "/d/f")]), None);
    assert_eq!(of(&[(HardLink, "/a", "/d/f")], &[(HardLink, "/a", "/d/g")]), Some("/a".into()));
    assert_eq!(of(&[(HardLink, "/a", "/d/f")], &[(Write, "/d/f", "b")]), None);
    assert_eq!(of(&[(HardLink, "/a", "/d/f")], &[(Remove, "/d/f", "")]), same);
    assert_eq!(of(&[(HardLink, "/a", "/d/f")], &[(RemoveDir, "/d", "")]), Some("/d".into()));
}

/// By whatever names, what is done to one file is compared.
#[test]
fn one_file_with_two_names() {
    let key = |ino| FileKey::new(7, ino, 1);
    let did = |act, ino, path: &str| {
        let key = key(ino);
        Record {
            act,
            number: 0,
            file: Some(&key.0),
            policy: super::Policy::Conflict,
            path: path.as_bytes(),
            rest: b"",
        }
        .encode()
    };
    let met = |a: Vec<u8>, b: Vec<u8>| {
        let mut table = vec![0; ((claims(&a) + claims(&b)) * 2 + 1) * ENTRY];
        assert_eq!(meet(1, &a, &mut table), None);
        meet(2, &b, &mut table).map(|(_, path)| path.to_vec())
    };
    use Act::*;
    for (one, other, agree) in [
        (Write, Write, false),
        (Write, Append, false),
        (Append, Append, true),
        (Append, SetLen, false),
        (Permit, Times, false),
    ] {
        let same = (!agree).then(|| b"/b".to_vec());
        assert_eq!(met(did(one, 9, "/a"), did(other, 9, "/b")), same, "{one:?} {other:?}");
        assert_eq!(met(did(one, 9, "/a"), did(other, 8, "/b")), None, "{one:?} {other:?}");
        // Whatever file it is said to be: a name stands for one.
        let named = (!agree).then(|| b"/a".to_vec());
        assert_eq!(met(did(one, 9, "/a"), did(other, 8, "/a")), named, "{one:?} {other:?}");
    }
    assert_eq!(met(did(Write, 9, "/a"), log(&[(Remove, "/b", "")])), None);
    assert_eq!(met(did(Write, 9, "/a"), log(&[(Remove, "/a", "")])), Some(b"/a".to_vec()));
    assert_ne!(FileKey::new(7, 9, 1), FileKey::new(8, 9, 1));
    assert_ne!(FileKey::new(7, 9, 1), FileKey::new(7, 9, 2));
    // What passes for a key and could be a path is nonsense.
    let mut bad = did(Write, 9, "/a");
    bad[console::HEAD + 13] = b'/';
    assert_eq!(claims(&bad), 0);
}

/// What agrees by a policy, in which order; and that one alone cannot have it.
#[test]
fn policies() {
    use Act::{Append, Make, MakeDir, Permit, Remove, RemoveDir, SetLen, Times, Write};
    let did = |policy, acts: &[Act]| -> Vec<u8> {
        let record = |act: &Act| {
            let (number, path) = (0o755, &b"/d/f"[..]);
            Record { act: *act, number, file: None, policy, path, rest: b"" }.encode()
        };
        acts.iter().flat_map(record).collect()
    };
    let agree = |a: &[u8], b: &[u8]| {
        let mut table = vec![0; ((claims(a) + claims(b)) * 2 + 1) * ENTRY];
        assert_eq!(meet(1, a, &mut table), None);
        meet(2, b, &mut table).is_none()
    };
    let cases: &[(Policy, &[Act], &[Act], bool)] = &[
        (Policy::Last, &[Write], &[Write], true),
        (Policy::Last, &[Write], &[SetLen, Permit, Times], true),
        (Policy::Last, &[Append], &[Append], true),
        (Policy::Last, &[Append], &[Write], false),
        (Policy::Last, &[Write], &[Append], false),
        (Policy::Last, &[Make, Write], &[Make, Write], true),
        (Policy::Last, &[Make, Append], &[Make, Append], true),
        (Policy::Last, &[Make, Write], &[Remove], false),
        (Policy::Last, &[Make, Write], &[Make, Remove], false),
        (Policy::Last, &[Make], &[MakeDir], false),
        (Policy::Last, &[Write], &[Act::Policy], false),
        (Policy::Append, &[Append], &[Append], true),
        (Policy::Append, &[Write], &[Append], true),
        (Policy::Append, &[Append], &[Write], false),
        (Policy::Append, &[Write], &[Write], false),
        (Policy::Append, &[Write], &[Write, Append], false),
        (Policy::Append, &[Make, Append], &[Make, Append], true),
        (Policy::Append, &[Make, Write], &[Make, Append], true),
        (Policy::Append, &[Make, Append], &[Make, Write], false),
        (Policy::Append, &[Make], &[MakeDir], false),
        (Policy::Append, &[Make], &[RemoveDir], false),
    ];
    for (policy, a, b, both) in cases {
        let (one, other) = (did(*policy, a), did(*policy, b));
        assert_eq!(agree(&one, &other), *both, "{policy:?}: {a:?}, then {b:?}");
        let plain = did(Policy::Conflict, b);
        let appends = a.last() == Some(&Append) && **b == [Append];
        assert_eq!(agree(&one, &plain), appends, "{policy:?}: {a:?}, then {b:?} without");
        assert_eq!(agree(&plain, &one), appends, "{b:?} without, then {policy:?}: {a:?}");
    }
    let mut bad = did(Policy::Last, &[Write]);
    bad[console::HEAD + FIXED - 1] = 3;
    assert_eq!(claims(&bad), 0);
    let fs = detpar_fs::Mkfs::new().mkfs().unwrap();
    fs.write("f", "").unwrap();
    let no_policy = plain(Act::Policy, 3, b"/f", b"");
    assert!(replay(&fs, &no_policy).is_err());
}

/// The same directory may be made by both, if it is one of the usual permissions.
#[test]
fn directories_that_both_made() {
    let made = |mode| plain(Act::MakeDir, mode, b"/out", &[]);
    let met = |a: &[u8], b: &[u8]| {
        let mut table = vec![0; 20 * ENTRY];
        assert_eq!(meet(1, a, &mut table), None);
        meet(2, b, &mut table).map(|(_, path)| path.len())
    };
    assert_eq!(met(&made(0o755), &made(0o755)), None);
    assert_eq!(met(&made(0o755), &made(0o700)), Some(4));
    assert_eq!(met(&made(0o700), &made(0o700)), Some(4));
    for act in [Act::Make, Act::Remove, Act::RemoveDir, Act::Permit, Act::Link] {
        assert_eq!(met(&made(0o755), &log(&[(act, "/out", "")])), Some(4), "{act:?}");
    }
    assert_eq!(met(&made(0o755), &log(&[(Act::Make, "/out/f", "")])), None);

    let fs = detpar_fs::Mkfs::new().mkfs().unwrap();
    replay(&fs, &made(0o755)).unwrap();
    fs.write("out/f", "kept").unwrap();
    replay(&fs, &made(0o755)).unwrap();
    assert_eq!(fs.read("out/f").unwrap(), b"kept");
    // Over a file it is nonsense.
    let file = plain(Act::MakeDir, 0o755, b"/out/f", &[]);
    assert!(replay(&fs, &file).is_err());
}

/// A third who meets the first, behind a second who agrees with it.
#[test]
fn the_lowest_is_named() {
    let logs = [log(&[(Act::Append, "/f", "")]), log(&[(Act::Append, "/f", "")])];
    let third = log(&[(Act::Write, "/f", "")]);
    let mut table = vec![0; 20 * ENTRY];
    for (i, l) in logs.iter().enumerate() {
        assert_eq!(meet(i as u32 + 1, l, &mut table), None);
    }
    assert_eq!(meet(3, &third, &mut table), Some((1, &b"/f"[..])));
}

#[test]
fn nonsense_is_passed_over() {
    let good = log(&[(Act::Write, "/f", "abc")]);
    for cut in 0..good.len() {
        assert_eq!(claims(&good[..cut]), 0, "{cut}");
    }
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            let mut table = vec![0; (claims(&bad) * 2 + 1) * ENTRY];
            meet(1, &bad, &mut table);
        }
    }
    let mut none = [0; 0];
    assert_eq!(meet(1, &good, &mut none), None);
}

/// What leads to one place by two ways would be compared as two.
#[test]
fn a_path_that_is_not_plain_is_passed_over() {
    for path in ["f", "/d/../f", "/./f", "//f", "/f/", "/", "..", "/d/.."] {
        assert_eq!(claims(&log(&[(Act::Write, path, "x")])), 0, "{path}");
        assert_eq!(claims(&log(&[(Act::Rename, "/f", path)])), 0, "{path}");
    }
    for path in ["/f", "/d/f", "/..f", "/.f/f."] {
        assert!(claims(&log(&[(Act::Write, path, "x")])) > 0, "{path}");
        assert!(claims(&log(&[(Act::Rename, "/f", path)])) > 0, "{path}");
    }
    // What a link says is nobody's path.
    assert!(claims(&log(&[(Act::Link, "/f", "../g")])) > 0);
}

/// Which has no name in a log.
#[test]
fn the_root_has_permissions_and_times() {
    let fs = detpar_fs::Mkfs::new().mkfs().unwrap();
    let r = plain(Act::Permit, 0o700, b"", b"");
    replay(&fs, &r).unwrap();
    assert_eq!(fs.metadata("/").unwrap().mode() & 0o777, 0o700);
    let r = plain(Act::Times, 0, b"", &[1; 16]);
    replay(&fs, &r).unwrap();
}

/// Damaged logs are done again as far as they make sense, and leave a sound tree.
#[test]
fn damaged_logs_leave_a_sound_tree() {
    use Act::*;
    let good = log(&[
        (Make, "/d/f", ""),
        (Write, "/d/f", "abc"),
        (Append, "/d/f", "def"),
        (SetLen, "/d/f", ""),
        (Link, "/d/l", "f"),
        (Rename, "/d/f", "/d/g"),
        (Times, "/d/g", "0123456789abcdef"),
        (Permit, "/d/g", ""),
        (Remove, "/d/l", ""),
        (MakeDir, "/d/e", ""),
        (RemoveDir, "/d/e", ""),
        (HardLink, "/d/h", "/d/g"),
    ]);
    let (mut passed, mut failed) = (0, 0);
    for at in 0..good.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff, b'/', b'.'] {
            let mut bad = good.clone();
            bad[at] = byte;
            let fs = detpar_fs::Mkfs::new().blocks(256).inodes(64).mkfs().unwrap();
            fs.create_dir("d").unwrap();
            let mut table = vec![0; (claims(&bad) * 2 + 1) * ENTRY];
            assert_eq!(meet(1, &bad, &mut table), None);
            match replay(&fs, &bad) {
                Ok(()) => passed += 1,
                Err(_) => failed += 1,
            }
            assert_eq!(fs.check(), [], "byte {at} is {byte}");
        }
    }
    assert!(passed > 0 && failed > 0, "{passed} {failed}");
}

/// A place so far out that the end of what is written there has no number.
#[test]
fn a_write_past_every_file_is_an_error() {
    let fs = detpar_fs::Mkfs::new().mkfs().unwrap();
    fs.write("f", "").unwrap();
    for number in [u64::MAX, u64::MAX - 1, 1 << 63, i64::MAX as u64] {
        let r = plain(Act::Write, number, b"/f", b"abc");
        assert!(replay(&fs, &r).is_err(), "{number}");
    }
    assert_eq!(fs.check(), []);
}

/// A tree grows by what there is no room for, not by what there might be none for.
#[test]
fn a_tree_grows_where_it_must() {
    let line = log(&[(Act::Append, "/a", "x"), (Act::Append, "/b", "x")]);
    let small = || {
        let fs = detpar_fs::Mkfs::new().blocks(200).inodes(64).mkfs().unwrap();
        fs.write("a", "").unwrap();
        fs.write("b", "").unwrap();
        fs
    };
    let fs = small();
    let before = fs.usage();
    replay(&fs, &line.repeat(2000)).unwrap();
    assert_eq!(fs.usage().blocks, before.blocks);
    let large = "y".repeat(PIECE);
    let fs = small();
    replay(&fs, &log(&[(Act::Append, "/a", &large)]).repeat(40)).unwrap();
    assert!(fs.usage().blocks > 2 * before.blocks);
    assert_eq!(fs.read("a").unwrap(), large.repeat(40).as_bytes());
    // Inodes as well.
    let names: Vec<String> = (0..500).map(|i| format!("/{i}")).collect();
    let made: Vec<_> = names.iter().map(|n| (Act::Make, n.as_str(), "")).collect();
    replay(&fs, &log(&made)).unwrap();
    assert_eq!((fs.read_dir("/").unwrap().count(), fs.check()), (502, vec![]));
}
