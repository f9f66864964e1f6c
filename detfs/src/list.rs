//! `detfs ls`, `cat`, `stat` and `df`.

use crate::Exit;
use crate::failure::Failure;
use crate::image::{For, Image};
use crate::place::InImage;
use crate::show;
use clap::Args;
use detpar_fs::{Metadata, Policy};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Ls {
    /// Directories and files; an image alone stands for its root.
    #[arg(required = true, value_name = "IMAGE[:/PATH]")]
    paths: Vec<InImage>,
    /// Kind, permissions, links, size, time of the last change (UTC), name.
    #[arg(short, long)]
    long: bool,
    /// Print one JSON array instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Cat {
    /// Files.
    #[arg(required = true, value_name = "IMAGE:/PATH")]
    paths: Vec<InImage>,
}

#[derive(Args)]
pub(crate) struct Stat {
    /// Files; links are not followed.
    #[arg(required = true, value_name = "IMAGE[:/PATH]")]
    paths: Vec<InImage>,
    /// Print one JSON array instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Df {
    /// Images.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// Print one JSON array instead of text.
    #[arg(long)]
    json: bool,
}

/// A file that is listed.
struct Listed {
    name: PathBuf,
    meta: Metadata,
    target: Option<PathBuf>,
}

impl Listed {
    fn new(image: &Image, place: &InImage, path: &Path, name: PathBuf) -> Result<Listed, Failure> {
        let fail =
            |e| Failure::input(InImage { image: place.image.clone(), path: path.into() }, &e);
        let meta = image.fs.symlink_metadata(path).map_err(fail)?;
        let target = meta.is_symlink().then(|| image.fs.read_link(path)).transpose();
        Ok(Listed { name, meta, target: target.map_err(fail)? })
    }

    fn line(&self, long: bool) -> String {
        let name = show::path(&self.name);
        if !long {
            return format!("{name}\n");
        }
        let m = &self.meta;
        let (mode, time) = (show::mode(m.kind(), m.mode()), show::time(m.modified()));
        let arrow = self.target.as_ref().map(|t| format!(" -> {}", show::path(t)));
        let arrow = arrow.unwrap_or_default();
        format!("{mode} {:>4} {:>12} {time} {name}{arrow}\n", m.nlink(), m.len())
    }

    fn json(&self) -> Value {
        let m = &self.meta;
        let nanoseconds = |time| {
            let (seconds, nanoseconds) = show::since_1970(time);
            json!(i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds))
        };
        json!({
            "name": self.name.to_string_lossy(),
            "kind": show::kind(m.kind()),
            "mode": format!("{:04o}", m.mode() & 0o7777),
            "links": m.nlink(),
            "size": m.len(),
            "allocated": m.allocated(),
            "inode": m.ino(),
            "target": self.target.as_ref().map(|t| t.to_string_lossy()),
            "modified": nanoseconds(m.modified()),
            "changed": nanoseconds(m.changed()),
            "created": nanoseconds(m.created()),
        })
    }
}

pub(crate) fn ls(options: &Ls) -> Result<Exit, Failure> {
    let (mut text, mut all) = (String::new(), Vec::new());
    for (n, place) in options.paths.iter().enumerate() {
        let image = Image::open(&place.image, For::Reading)?;
        let found = image.fs.metadata(&place.path).map_err(|e| Failure::input(place, &e))?;
        let mut listed = Vec::new();
        if found.is_dir() {
            let fail = |e| Failure::input(place, &e);
            for entry in image.fs.read_dir(&place.path).map_err(fail)? {
                let entry = entry.map_err(fail)?;
                let name = PathBuf::from(entry.file_name());
                listed.push(Listed::new(&image, place, &entry.path(), name)?);
            }
            listed.sort_by(|a, b| a.name.cmp(&b.name));
        } else {
            listed.push(Listed::new(&image, place, &place.path, place.path.clone())?);
        }
        if options.paths.len() > 1 && found.is_dir() {
            text += &format!("{}{place}:\n", if n > 0 { "\n" } else { "" });
        }
        text.extend(listed.iter().map(|l| l.line(options.long)));
        all.extend(listed.iter().map(Listed::json));
    }
    show::print(if options.json { json_text(all) } else { text }.as_bytes())?;
    Ok(Exit::Fine)
}

fn json_text(all: Vec<Value>) -> String {
    format!("{:#}\n", Value::Array(all))
}

pub(crate) fn cat(options: &Cat) -> Result<Exit, Failure> {
    let mut buffer = vec![0; 1 << 20];
    for place in &options.paths {
        let fail = |e| Failure::input(place, &e);
        let image = Image::open(&place.image, For::Reading)?;
        let file = image.fs.open(&place.path).map_err(fail)?;
        let mut at = 0;
        loop {
            let read = file.read_at(&mut buffer, at).map_err(fail)?;
            if read == 0 {
                break;
            }
            show::print(&buffer[..read])?;
            at += read as u64;
        }
    }
    std::io::stdout().flush().map_err(|e| Failure::output("standard output", &e))?;
    Ok(Exit::Fine)
}

pub(crate) fn stat(options: &Stat) -> Result<Exit, Failure> {
    let (mut text, mut all) = (String::new(), Vec::new());
    for place in &options.paths {
        let image = Image::open(&place.image, For::Reading)?;
        let listed = Listed::new(&image, place, &place.path, place.path.clone())?;
        all.push(listed.json());
        let m = &listed.meta;
        let policy = match m.policy() {
            Policy::Conflict => "conflict",
            Policy::Last => "last in program order",
            Policy::Append => "append",
        };
        let target = listed.target.as_ref().map(|t| format!("  target      {}\n", show::path(t)));
        text += &format!(
            "{place}\n  kind        {}\n{}  permissions {:04o} ({})\n  size        {} ({})\n  \
             allocated   {}\n  inode       {}\n  links       {}\n  modified    {} UTC\n  \
             changed     {} UTC\n  created     {} UTC\n  reconcile   {policy}\n",
            show::kind(m.kind()),
            target.unwrap_or_default(),
            m.mode() & 0o7777,
            show::mode(m.kind(), m.mode()),
            m.len(),
            show::size(m.len()),
            show::size(m.allocated()),
            m.ino(),
            m.nlink(),
            show::time(m.modified()),
            show::time(m.changed()),
            show::time(m.created()),
        );
    }
    show::print(if options.json { json_text(all) } else { text }.as_bytes())?;
    Ok(Exit::Fine)
}

pub(crate) fn df(options: &Df) -> Result<Exit, Failure> {
    let mut text = format!(
        "{:>11} {:>11} {:>11} {:>5} {:>10} {:>10}  image\n",
        "size", "used", "free", "use%", "inodes", "free"
    );
    let mut all = Vec::new();
    for path in &options.images {
        let u = Image::open(path, For::Reading)?.fs.usage();
        let bytes = |blocks: u64| blocks * u64::from(u.block_size);
        let used = u.blocks - u.free_blocks;
        text += &format!(
            "{:>11} {:>11} {:>11} {:>4}% {:>10} {:>10}  {}\n",
            show::size(bytes(u.blocks)),
            show::size(bytes(used)),
            show::size(bytes(u.free_blocks)),
            (used * 100).div_ceil(u.blocks.max(1)),
            u.inodes,
            u.free_inodes,
            show::path(path)
        );
        all.push(json!({
            "image": path.to_string_lossy(),
            "block_size": u.block_size,
            "blocks": u.blocks,
            "free_blocks": u.free_blocks,
            "inodes": u.inodes,
            "free_inodes": u.free_inodes,
        }));
    }
    show::print(if options.json { json_text(all) } else { text }.as_bytes())?;
    Ok(Exit::Fine)
}
