//! Damaged disk images: whatever is loaded is sound, whatever is repaired too.

use crate::{input::Input, stream};
use detpar_fs::{BLOCK, Fs, Mkfs};
use std::sync::OnceLock;

/// Blocks of the images.
const BLOCKS: u32 = 96;

/// Images that are whole, each with those of its blocks that hold something.
fn images() -> &'static [(Vec<u8>, Vec<usize>)] {
    static ALL: OnceLock<Vec<(Vec<u8>, Vec<usize>)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = vec![image(|_| {}), image(fill)];
        all.push({
            // Saved a second time over the first: both superblocks count.
            let fs = Mkfs::new().blocks(BLOCKS).inodes(64).mkfs().expect("there is room");
            let mut store = Vec::new();
            fs.save(&mut store).expect("memory does not fail");
            fill(&fs);
            fs.save(&mut store).expect("memory does not fail");
            store
        });
        all.into_iter().map(|store| (used(&store), store)).map(|(u, s)| (s, u)).collect()
    })
}

fn image(with: impl Fn(&Fs)) -> Vec<u8> {
    let fs = Mkfs::new().blocks(BLOCKS).inodes(64).mkfs().expect("there is room");
    with(&fs);
    let mut store = Vec::new();
    fs.save(&mut store).expect("memory does not fail");
    store
}

/// Some of everything.
fn fill(fs: &Fs) {
    let all = || -> std::io::Result<()> {
        fs.create_dir_all("a/b/c")?;
        fs.write("a/small", "text")?;
        fs.write("a/b/large", vec![7; 14 * BLOCK])?;
        fs.create("sparse")?.write_at(b"end", 1 << 31)?;
        fs.symlink("a/b", "short")?;
        fs.symlink("a/".repeat(100), "a/long")?;
        fs.hard_link("a/small", "a/b/c/again")?;
        (0..12).try_for_each(|i| fs.write(format!("a/b/c/{i}{}", "n".repeat(200)), ""))
    };
    all().expect("there is room");
}

fn used(store: &[u8]) -> Vec<usize> {
    let blocks = store.chunks(BLOCK).enumerate();
    blocks.filter(|(_, b)| b.iter().any(|b| *b != 0)).map(|(i, _)| i).collect()
}

/// One of the images, with what the input changes in it.
fn damaged(input: &mut Input<'_>) -> Vec<u8> {
    let (store, used) = &images()[usize::from(input.byte()) % images().len()];
    let mut store = store.clone();
    let edits = 1 + input.byte() % 32;
    for _ in 0..edits {
        if input.is_empty() {
            break;
        }
        let how = input.byte();
        let block = match how & 8 {
            0 => used[usize::from(input.byte()) % used.len()],
            _ => usize::from(input.byte()) % BLOCKS as usize,
        };
        let at = block * BLOCK + usize::from(input.short()) % BLOCK;
        match how & 7 {
            0 => store[at] ^= 1 << (input.byte() % 8),
            1 => store[at] = input.byte(),
            2 | 3 => put(&mut store, at & !3, &input.word().to_le_bytes()),
            4 => put(&mut store, at & !7, &input.number().to_le_bytes()),
            5 => {
                let len = usize::from(input.byte());
                put(&mut store, at, input.bytes(len));
            }
            6 => {
                let from = used[usize::from(input.byte()) % used.len()] * BLOCK;
                store.copy_within(from..from + BLOCK, block * BLOCK);
            }
            _ => store.truncate(at.max(BLOCK)),
        }
        if store.len() < BLOCKS as usize * BLOCK {
            break;
        }
    }
    store
}

fn put(store: &mut [u8], at: usize, bytes: &[u8]) {
    for (to, from) in store.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

fn sound(fs: &Fs) {
    let problems = fs.check();
    assert!(problems.is_empty(), "{problems:?}");
}

/// Loads; what was loaded is used, and saved over what was damaged.
pub fn load(input: &mut Input<'_>) {
    let mut store = damaged(input);
    let Ok(fs) = Fs::load(&mut store, || 0) else { return };
    sound(&fs);
    stream::change(&fs, input);
    sound(&fs);
    if fs.save(&mut store).is_ok() {
        sound(&Fs::load(&mut store, || 0).expect("what was saved can be loaded"));
    }
}

/// Repairs, with the same afterwards, into a store of its own.
pub fn repair(input: &mut Input<'_>) {
    let mut store = damaged(input);
    let Ok((fs, _)) = Fs::load_repaired(&mut store, || 0) else { return };
    sound(&fs);
    stream::change(&fs, input);
    sound(&fs);
    let mut fresh = Vec::new();
    fs.save(&mut fresh).expect("memory does not fail");
    sound(&Fs::load(&mut fresh, || 0).expect("what was saved can be loaded"));
}
