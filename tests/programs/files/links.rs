//! Files with several names: what is done by any of them is done to the file.
use super::{append, conflict, show};
use detpar::fs as tree;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;

fn linked() {
    tree::remove("/d").ok();
    tree::write("/d/a", "as it was").expect("write");
    tree::write("/d/other", "").expect("write");
    tree::hard_link("/d/a", "/d/b").expect("link");
}

fn write(path: &'static str) -> impl FnOnce() + Send {
    move || {
        let mut file = OpenOptions::new().write(true).open(path).expect("open");
        file.write_all(b"new").expect("write");
    }
}

fn link(from: &'static str, to: &'static str) -> impl FnOnce() + Send {
    move || fs::hard_link(from, to).expect("link")
}

fn remove(path: &'static str) -> impl FnOnce() + Send {
    move || fs::remove_file(path).expect("remove")
}

/// Two children, on a file that has two names.
fn meet(what: &str, a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    linked();
    match detpar::try_join(a, b) {
        Ok(_) => {
            let names = tree::list("/d").expect("list");
            let of = |name: &std::ffi::OsString| {
                let path = std::path::Path::new("/d").join(name);
                let text = tree::read_to_string(&path).expect("read");
                format!(" {}={text}({})", name.display(), tree::metadata(path).expect("is").nlink())
            };
            println!("{what}:{}", names.iter().map(of).collect::<String>());
        }
        Err(e) => {
            println!("{what}: {}", conflict(e));
            assert_eq!(tree::list("/d").expect("list"), ["a", "b", "other"]);
            assert_eq!(tree::read_to_string("/d/b").expect("read"), "as it was");
        }
    }
}

pub fn links() {
    meet("one writes", write("/d/a"), || drop(fs::read("/d/b").expect("read")));
    meet("both write", write("/d/a"), write("/d/b"));
    meet("both append", || append("/d/a", ", 1"), || append("/d/b", ", 2"));
    meet("write, append", write("/d/b"), || append("/d/a", ", 2"));
    meet("permit, cut", || permit("/d/a"), || cut("/d/b"));
    meet("remove, write", remove("/d/a"), write("/d/b"));
    meet("remove both", remove("/d/a"), remove("/d/b"));
    meet("rename, write", || fs::rename("/d/a", "/d/c").expect("rename"), write("/d/b"));
    meet("rename over", || fs::rename("/d/other", "/d/b").expect("rename"), write("/d/a"));
    meet("rename to itself", || fs::rename("/d/a", "/d/b").expect("rename"), write("/d/a"));
    meet("link twice", link("/d/a", "/d/c"), link("/d/b", "/d/e"));
    meet("link the same", link("/d/a", "/d/c"), link("/d/b", "/d/c"));
    meet("link, remove", link("/d/a", "/d/c"), remove("/d/a"));
    meet("link, write", link("/d/other", "/d/c"), write("/d/other"));
    let link_and_write = || {
        link("/d/other", "/d/c")();
        write("/d/c")();
    };
    meet("link and write, write", link_and_write, write("/d/other"));
    meet("link and write, append", || append("/d/other", "1"), link_and_write);
    meet("number used again", again, write("/d/other"));
    meet("name lost while open", name_lost, || ());
    meet("all names lost while open", names_lost, || ());
    println!("{}", fs_answers());
}

fn permit(path: &str) {
    let mut permissions = fs::metadata(path).expect("there").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(path, permissions).expect("permit");
}

fn cut(path: &str) {
    OpenOptions::new().write(true).open(path).and_then(|f| f.set_len(2)).expect("cut");
}

/// The file goes, and another has its inode.
fn again() {
    let ino = fs::metadata("/d/a").expect("there").ino();
    remove("/d/a")();
    remove("/d/b")();
    fs::write("/d/new", "n").expect("write");
    assert_eq!(fs::metadata("/d/new").expect("there").ino(), ino);
    fs::hard_link("/d/new", "/d/newer").expect("link");
    append("/d/newer", "ewer");
}

/// What is written by a handle goes to the file, whichever of its names is left.
fn name_lost() {
    let mut file = OpenOptions::new().append(true).open("/d/a").expect("open");
    remove("/d/a")();
    file.write_all(b", 1").expect("append");
    fs::rename("/d/b", "/d/c").expect("rename");
    file.write_all(b", 2").expect("append");
    // Its children take another of its names, while it is open here.
    link("/d/c", "/d/e")();
    detpar::join(|| remove("/d/c")(), || ());
    file.write_all(b", 3").expect("append");
    link("/d/e", "/d/x")();
    detpar::join(|| fs::rename("/d/other", "/d/e").expect("rename"), || ());
    file.write_all(b", 4").expect("append");
}

fn names_lost() {
    let mut file = File::options().write(true).open("/d/a").expect("open");
    remove("/d/b")();
    fs::rename("/d/other", "/d/a").expect("rename");
    file.write_all(b"unseen").expect("write");
    assert_eq!(file.metadata().expect("open").nlink(), 0);
}

/// Answers of `link` itself.
fn fs_answers() -> String {
    linked();
    let said = |r: io::Result<()>| super::host::said(r);
    detpar::join(
        || {
            fs::create_dir("/e").expect("mkdir");
            std::os::unix::fs::symlink("/d/a", "/l").expect("symlink");
            let all = [
                ("/d", "/dir"),
                ("/none", "/x"),
                ("/d/a", "/d/b"),
                ("/d/a", "/none/x"),
                ("/l", "/e/l"),
            ];
            let mut text: String =
                all.iter().map(|(a, b)| said(fs::hard_link(a, b)) + "; ").collect();
            text += if fs::symlink_metadata("/e/l").expect("there").is_symlink() {
                "a link"
            } else {
                ""
            };
            text
        },
        || (),
    )
    .0
}

/// Files that are made within, with several names each, in several places at once; and children
/// beside their parent.
pub fn links_within() {
    let work = |dir: &'static str| {
        move || {
            fs::create_dir(dir).expect("mkdir");
            let name = |name: &str| format!("{dir}/{name}");
            fs::write(name("a"), "made").expect("write");
            fs::hard_link(name("a"), name("b")).expect("link");
            // Siblings here, which have the same numbers as those of the other directory.
            detpar::join(|| append(&name("a"), " 1"), || append(&name("b"), " 2"));
            let both = detpar::try_join(
                || fs::write(name("a"), "x").expect("write"),
                || append(&name("b"), "y"),
            );
            let met = both.map_or_else(conflict, |_| "none".to_owned());
            // A child beside this parent.
            let child = name("b");
            let beside = detpar::fork(1, move || append(&child, " child")).expect("fork");
            fs::write(name("a"), "parent").expect("write");
            let beside = conflict(beside.join().expect_err("a conflict"));
            format!("{met} {beside}")
        }
    };
    tree::create_dir_all("/d").expect("mkdir");
    let (one, other) = detpar::join(work("/one"), work("/other"));
    println!("{one}\n{other}");
    show();
    linked();
    let child = detpar::fork(1, write("/d/b")).expect("fork");
    tree::write("/d/a", "parent").expect("write");
    println!("{}", conflict(child.join().expect_err("a conflict")));
    // A name that the parent gave it since.
    let child = detpar::fork(1, write("/d/b")).expect("fork");
    tree::hard_link("/d/a", "/d/c").expect("link");
    child.join().expect("only a name");
    let child = detpar::fork(1, write("/d/b")).expect("fork");
    tree::write("/d/c", "parent").expect("write");
    println!("{}", conflict(child.join().expect_err("a conflict")));
    println!("{}", tree::read_to_string("/d/a").expect("read"));
}
