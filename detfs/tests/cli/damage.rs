//! Damaged images are told, never served, and repaired on demand.
use crate::{Room, code};

/// The byte of an image at which some text starts.
fn find(bytes: &[u8], text: &[u8]) -> usize {
    bytes.windows(text.len()).position(|w| w == text).expect("the text")
}

#[test]
fn a_flipped_bit_is_found_and_repaired() {
    let room = Room::with_image();
    room.write("kept", "what is kept");
    room.write("hit", "what is hit");
    room.fine(["cp", "kept", "hit", "a.img:/"]);
    let mut bytes = room.bytes("a.img");
    let at = find(&bytes, b"what is hit");
    bytes[at] ^= 1;
    room.write("a.img", &bytes);

    let looked = room.run(["fsck", "a.img"]);
    let text = String::from_utf8_lossy(&looked.stdout).into_owned();
    assert_eq!(code(&looked), 1);
    assert!(text.contains("is damaged") && text.contains("a.img: damaged; --repair"), "{text}");
    let as_json = room.run(["fsck", "--json", "a.img"]);
    let as_json = crate::json(&String::from_utf8_lossy(&as_json.stdout));
    assert_eq!(as_json["verdict"], "damaged");
    let (exit, said) = room.fails("cat a.img:/kept");
    assert_eq!(exit, 65);
    assert!(
        said.contains("the disk image is damaged") && said.ends_with("see `detfs fsck`"),
        "{said}"
    );
    assert!(room.bytes("a.img") == bytes);

    let repaired = room.fine(["fsck", "--repair", "a.img"]);
    assert!(repaired.contains("is damaged") && repaired.ends_with("a.img: repaired\n"));
    assert_eq!(room.fine(["fsck", "a.img"]), "a.img: whole\n");
    assert_eq!(room.fine(["cat", "a.img:/kept"]), "what is kept");
    // The length is known still; the bytes are not.
    assert_eq!(room.fine(["cat", "a.img:/hit"]), "\0".repeat(11));
}

#[test]
fn no_garbage_brings_the_command_down() {
    let room = Room::with_image();
    room.write("file", vec![5; 100_000]);
    for n in 0..20 {
        room.fine(["cp", "file", &format!("a.img:/file{n}")]);
    }
    let good = room.bytes("a.img");
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for round in 0..20 {
        let mut bytes = good.clone();
        for _ in 0..=round {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Where there is something: the start, mostly.
            let at = (random >> 33) as usize % if round % 2 == 0 { 300_000 } else { bytes.len() };
            bytes[at] ^= 1 << (random % 8);
        }
        if round % 10 == 9 {
            bytes.truncate((random >> 33) as usize % bytes.len());
        }
        room.write("b.img", &bytes);
        let looked = code(&room.run(["fsck", "b.img"]));
        assert!([0, 1, 65].contains(&looked), "round {round}: {looked}");
        let listed = code(&room.run(["tree", "b.img"]));
        assert_eq!(listed, if looked == 0 { 0 } else { 65 }, "round {round}");
        let repaired = code(&room.run(["fsck", "--repair", "b.img"]));
        if repaired == 0 {
            assert_eq!(room.fine(["fsck", "b.img"]), "b.img: whole\n", "round {round}");
        } else {
            assert_eq!(repaired, 65, "round {round}");
            assert!(room.bytes("b.img") == bytes, "round {round}");
        }
    }
}
