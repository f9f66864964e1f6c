//! Whatever goes wrong is said, with its own exit code, and leaves images as they were.
use crate::{Room, code, errors};
use std::fs::File;

#[test]
fn bad_paths_and_bad_images_have_their_exit_codes() {
    let room = Room::with_image();
    room.write("file", "1");
    room.write("garbage", "no image at all");
    room.write("empty", "");
    room.fine(["cp", "file", "a.img:/"]);
    room.fine(["mkdir", "a.img:/dir"]);
    let before = room.bytes("a.img");
    let missing = "No such file or directory";
    for (line, exit, text) in [
        ("cat a.img:/nope", 66, &format!("a.img:/nope: {missing}")[..]),
        ("ls a.img:/nope/nope", 66, &format!("a.img:/nope/nope: {missing}")),
        ("ls a.img:/file/x", 66, "a.img:/file/x: Not a directory"),
        ("cat a.img:/dir", 66, "a.img:/dir: Is a directory"),
        ("cat none.img:/x", 66, &format!("none.img: {missing}; make an image with `detfs mkfs`")),
        ("df .", 65, ".: not a regular file; name an image"),
        ("ls garbage", 65, "garbage: no disk image of a file system; make one with `detfs mkfs`"),
        ("fsck empty", 65, "empty: no disk image of a file system; make one with `detfs mkfs`"),
        (
            "rm garbage:/x",
            65,
            "garbage: no disk image of a file system; make one with `detfs mkfs`",
        ),
        ("mkfs a.img", 73, "a.img: exists; --force replaces it"),
        ("mkfs garbage", 73, "garbage: exists; --force replaces it"),
        ("mkfs no/such/dir.img", 73, &format!("no/such/dir.img: {missing}")),
        ("mkfs --force .", 73, ".: there, and not a regular file"),
        ("mkfs --size 4K b.img", 64, "b.img: 4.0 KiB do not hold 65536 inodes"),
        ("grow a.img 1M", 64, "a.img: as large as that already"),
        ("mkdir a.img:/dir", 73, "a.img:/dir: File exists"),
        ("mkdir a.img:/x/y", 73, &format!("a.img:/x/y: {missing}")),
        ("rm a.img:/nope", 73, &format!("a.img:/nope: {missing}")),
        ("rm a.img:/dir", 73, "a.img:/dir: a directory; -r removes it"),
        ("rm -r a.img", 74, "a.img:/: Device or resource busy"),
        ("rm a.img:/file a.img:/nope", 73, &format!("a.img:/nope: {missing}")),
        ("cp file b", 64, "file: neither this nor the destination is in an image"),
        ("cp nope a.img:/", 66, &format!("nope: {missing}")),
        ("cp file nope a.img:/", 66, &format!("nope: {missing}")),
        ("cp file a.img:/no/such", 73, &format!("a.img:/no/such: {missing}")),
        ("cp file garbage a.img:/new", 73, "a.img:/new: not a directory"),
        ("cp a.img:/dir out", 66, "a.img:/dir: a directory; -r copies it"),
        ("cp -r a.img:/dir file", 73, "file: there, and no directory; remove it first"),
        ("cp file a.img:/dir/../dir/x/y", 73, &format!("a.img:/dir/../dir/x/y: {missing}")),
        ("cp a.img:/file a.img", 73, "a.img: an image; write a.img:/path to copy into it"),
        ("cp /dev/null a.img:/", 66, "/dev/null: neither a file nor a directory nor a link"),
        ("diff a.img nope", 66, &format!("nope: {missing}")),
        ("reconcile garbage a.img", 65, "garbage: no disk image of a file system"),
        ("reconcile a.img garbage", 65, "garbage: no disk image of a file system"),
    ] {
        let (got, said) = room.fails(line);
        assert!(got == exit && said.starts_with(&format!("detfs: {text}")), "{line}: {got} {said}");
    }
    for line in ["", "nonsense", "cp", "mkfs --size huge b.img", "reconcile a.img", "ls --nope a"] {
        assert_eq!(room.run(line.split(' ').filter(|a| !a.is_empty())).status.code(), Some(64));
    }
    assert!(room.bytes("a.img") == before);
    assert_eq!(
        (room.bytes("garbage"), room.bytes("file")),
        (b"no image at all".into(), b"1".into())
    );
    assert!(!room.path("b.img").exists() && !room.path("b").exists());
    room.fine(["mkfs", "--force", "garbage"]);
    assert_eq!(room.fine(["ls", "garbage"]), "");
}

#[test]
fn help_lists_the_exit_codes() {
    let help = Room::new().fine(["--help"]);
    for exit in [0, 1, 2, 64, 65, 66, 69, 73, 74, 75] {
        assert!(help.contains(&format!("\n  {exit:<4}")), "{exit}: {help}");
    }
}

#[test]
fn an_image_that_is_full_stays_as_it_was() {
    let room = Room::new();
    room.fine(["mkfs", "--size", "1M", "--inodes", "100", "a.img"]);
    std::fs::create_dir(room.path("src")).expect("a directory");
    room.write("src/a-fits", "1");
    room.write("src/b-does-not", vec![7; 2 << 20]);
    let before = room.bytes("a.img");
    let (exit, said) = room.fails("cp -r src a.img:/");
    assert_eq!(exit, 73);
    assert_eq!(
        said,
        "detfs: a.img:/src/b-does-not: No space left on device; make room, or an image larger with \
         `detfs grow`"
    );
    assert!(room.bytes("a.img") == before);
    room.fine(["grow", "a.img", "8M"]);
    room.fine(["cp", "-r", "src", "a.img:/"]);
    assert_eq!(room.fine(["diff", "src", "a.img:/src"]), "");
}

#[test]
fn an_image_in_use_is_left_alone() {
    let room = Room::with_image();
    let image = File::open(room.path("a.img")).expect("an image");
    image.lock_shared().expect("a lock");
    assert_eq!(room.fine(["ls", "a.img"]), "");
    for line in ["mkdir a.img:/d", "grow a.img 32M", "mkfs --force a.img", "fsck --repair a.img"] {
        let output = room.run(line.split(' '));
        let said = errors(&output);
        if line.starts_with("fsck") {
            // There is nothing to repair, and looking disturbs no other reader.
            assert_eq!(code(&output), 0, "{said}");
            continue;
        }
        assert_eq!(code(&output), 75, "{line}: {said}");
        assert!(said.contains("a.img: in use by another detfs"), "{said}");
    }
    image.unlock().expect("no lock");
    image.lock().expect("a lock");
    assert_eq!(room.fails("ls a.img").0, 75);
    drop(image);
    room.fine(["mkdir", "a.img:/d"]);
}

#[test]
fn images_on_the_host_are_replaced_on_demand_only() {
    let room = Room::with_image();
    room.write("file", "1");
    room.fine(["cp", "file", "a.img:/"]);
    room.fine(["mkfs", "--size", "1M", "--inodes", "100", "b.img"]);
    // A damaged first superblock does not make it anybody's.
    let mut bytes = room.bytes("b.img");
    bytes[..4096].fill(0);
    room.write("b.img", &bytes);
    assert_eq!(room.fails("cp a.img:/file b.img").0, 73);
    assert!(room.bytes("b.img") == bytes);
    room.fine(["cp", "--force", "a.img:/file", "b.img"]);
    assert_eq!(room.bytes("b.img"), b"1");
}
