//! What differs between images, and bringing changed copies together.
use crate::{Room, code, json};
use detpar_fs::{Fs, OpenOptions};
use std::io::Write;

fn append(fs: &Fs, path: &str, text: &str) {
    let mut log = OpenOptions::new().append(true).open(fs, path).expect("a file");
    log.write_all(text.as_bytes()).expect("a write");
}

/// An image with some files, and two copies of it.
fn three() -> Room {
    let room = Room::with_image();
    room.change("a.img", |fs| {
        fs.create_dir_all("/dir/sub").expect("a directory");
        for (path, text) in
            [("/log", "start\n"), ("/dir/old", "old"), ("/same", "same"), ("/x", "x")]
        {
            fs.write(path, text).expect("a file");
        }
    });
    room.copy("a.img", "b.img");
    room.copy("a.img", "c.img");
    room
}

#[test]
fn changes_of_both_copies_are_taken() {
    let room = three();
    room.change("b.img", |fs| {
        append(fs, "/log", "b\n");
        fs.rename("/dir", "/moved").expect("a rename");
        fs.remove_file("/x").expect("gone");
        fs.write("/new-b", "nb").expect("a file");
        fs.hard_link("/new-b", "/moved/link-b").expect("a link");
    });
    room.change("c.img", |fs| {
        append(fs, "/log", "c\n");
        fs.write("/dir/old", "written").expect("a file");
        fs.write("/dir/sub/new-c", "nc").expect("a file");
        fs.symlink("new-c", "/dir/sub/link").expect("a link");
        fs.set_permissions("/same", 0o600).expect("permissions");
    });
    assert_eq!(room.fine(["reconcile", "a.img", "b.img", "c.img", "-o", "d.img"]), "");
    assert_eq!(room.fine(["cat", "a.img:/log"]), "start\n");
    assert_eq!(room.fine(["reconcile", "a.img", "b.img", "c.img"]), "");
    assert_eq!(room.fine(["diff", "a.img", "d.img"]), "");
    assert_eq!(room.fine(["cat", "a.img:/log"]), "start\nb\nc\n");
    assert_eq!(room.fine(["cat", "a.img:/moved/old", "a.img:/moved/sub/link"]), "writtennc");
    assert_eq!(room.fine(["ls", "a.img"]), "log\nmoved\nnew-b\nsame\n");
    let file = &json(&room.fine(["stat", "--json", "a.img:/new-b", "a.img:/same"]));
    assert_eq!((&file[0]["links"], &file[1]["mode"]), (&2.into(), &"0600".into()));
    assert_eq!(room.fine(["fsck", "a.img"]), "a.img: whole\n");
}

#[test]
fn conflicts_are_listed_and_change_nothing() {
    let room = three();
    room.change("b.img", |fs| {
        fs.write("/same", "by b").expect("a file");
        fs.write("/both", "b").expect("a file");
        fs.remove_file("/x").expect("gone");
    });
    room.change("c.img", |fs| {
        fs.write("/same", "by c").expect("a file");
        fs.write("/fine", "c").expect("a file");
    });
    let before = room.bytes("a.img");
    let output = room.run(["reconcile", "a.img", "b.img", "c.img"]);
    assert_eq!(code(&output), 2);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "/same: written on both sides: c.img and b.img\n"
    );
    room.change("c.img", |fs| fs.write("/x", "changed").expect("a file"));
    let output = room.run(["reconcile", "--json", "a.img", "b.img", "c.img", "-o", "d.img"]);
    assert_eq!(code(&output), 2);
    let said = json(&String::from_utf8_lossy(&output.stdout));
    let all = said["conflicts"].as_array().expect("a list");
    let paths: Vec<_> = all.iter().filter_map(|c| c["path"].as_str()).collect();
    assert_eq!(paths, ["/same", "/x"]);
    assert_eq!((&all[1]["kind"], &all[1]["images"][0]), (&"removed".into(), &"b.img".into()));
    assert!(room.bytes("a.img") == before && !room.path("d.img").exists());
}

#[test]
fn differences_are_named() {
    let room = three();
    room.change("b.img", |fs| {
        fs.write("/same", "SAME").expect("a file");
        fs.set_permissions("/same", 0o600).expect("permissions");
        fs.remove_dir_all("/dir").expect("gone");
        fs.write("/dir", "").expect("a file");
        fs.remove_file("/x").expect("gone");
        fs.write("/y", "y").expect("a file");
    });
    let output = room.run(["diff", "a.img", "b.img"]);
    assert_eq!(code(&output), 1);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "~ /dir: kind\n~ /same: contents, permissions\n- /x\n+ /y\n"
    );
    let output = room.run(["diff", "--json", "b.img", "a.img"]);
    let all = json(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(all["differences"][3]["what"][0], "only in A");
    assert_eq!(room.fine(["diff", "a.img:/dir", "c.img:/dir"]), "");
    room.write("same", "same");
    assert_eq!(code(&room.run(["diff", "a.img:/same", "same"])), 0);
}

/// What a random copy became, the image becomes by taking it over alone.
#[test]
fn a_single_copy_is_taken_over_whole() {
    let mut random = 1u64;
    let mut next = move |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (random >> 33) as usize % below
    };
    let mut some = move |fs: &Fs, steps: usize| {
        for step in 0..steps {
            let dirs = ["", "/p", "/q", "/p/r", "/p/r/s"];
            let names = ["a", "b", "c", "p", "q", "r", "s"];
            let mut path = || format!("{}/{}", dirs[next(dirs.len())], names[next(names.len())]);
            let (one, two) = (path(), path());
            // Most do not go, which is as well.
            let _ = match next(9) {
                0 | 1 => fs.create_dir(one),
                2 | 3 => fs.write(one, vec![step as u8; next(9000)]),
                4 => fs.rename(one, two),
                5 => fs.hard_link(one, two),
                6 => fs.symlink(two, one),
                7 if next(3) == 0 => fs.remove_dir_all(one),
                7 => fs.remove_file(one),
                _ => fs.set_permissions(one, 0o600 + next(8) as u32),
            };
        }
    };
    let room = Room::with_image();
    for round in (0..60).step_by(3) {
        room.fine(["mkfs", "--force", "--size", "4M", "--inodes", "500", "a.img"]);
        room.change("a.img", |fs| some(fs, 60));
        room.copy("a.img", "b.img");
        room.change("b.img", |fs| some(fs, 1 + round));
        let said = room.fine(["reconcile", "a.img", "b.img"]);
        assert_eq!(said, "", "round {round}");
        assert_eq!(room.fine(["diff", "a.img", "b.img"]), "", "round {round}");
        let links = |image: &str| {
            room.fine(["ls", "-l", image]).lines().map(|l| l[..16].to_string()).collect::<Vec<_>>()
        };
        assert_eq!(links("a.img"), links("b.img"), "round {round}");
        assert_eq!(room.fine(["fsck", "a.img"]), "a.img: whole\n", "round {round}");
    }
}
