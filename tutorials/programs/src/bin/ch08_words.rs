//! Chapter 8: the words of files counted, by children that have files.
use detpar::prelude::*;
use std::fs::OpenOptions;
use std::io::Write;

// ANCHOR: count
/// What a child does: `std::fs` is the tree here.
fn count(name: &str) -> std::io::Result<()> {
    let text = std::fs::read_to_string(format!("/texts/{name}"))?;
    let words = text.split_whitespace().count();
    std::fs::write(format!("/counts/{name}"), format!("{words}\n"))?;
    let mut log = OpenOptions::new().append(true).create(true).open("/log")?;
    writeln!(log, "{name}: {words}")
}
// ANCHOR_END: count

#[detpar::main]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    // ANCHOR: main
    detpar::fs::import("tutorials/c/texts", "/texts")?;
    detpar::fs::create_dir_all("/counts")?;
    detpar::fs::write("/log", "")?;
    let names = ["anna.txt", "ben.txt", "cleo.txt"];
    names.par_iter().for_each(|name| count(name).expect("a file of the tree"));

    print!("{}", detpar::fs::read_to_string("/log")?);
    println!("{:?}", detpar::fs::list("/counts")?);
    println!("on the machine: {}", std::fs::exists("/counts")?);
    // ANCHOR_END: main
    // ANCHOR: save
    if let Some(image) = std::env::args().nth(1) {
        let mut how = OpenOptions::new();
        let mut file = how.read(true).write(true).create(true).truncate(true).open(image)?;
        detpar::fs::save(&mut file)?;
    }
    // ANCHOR_END: save
    Ok(())
}
