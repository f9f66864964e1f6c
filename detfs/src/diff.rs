//! `detfs diff`: what differs between two trees.

use crate::Exit;
use crate::failure::Failure;
use crate::files::{Files, InFs, Meta};
use crate::host::Host;
use crate::image::{self, For, Image};
use crate::place::{InImage, Place};
use crate::show;
use clap::Args;
use detpar_fs::Kind;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const NOTES: &str = "\
Prints a line for each path: - it is in A only, + it is in B only, ~ it is in both and differs,
in what stands behind it. Exits with 0 where there is no difference and with 1 otherwise.";

#[derive(Args)]
#[command(after_help = NOTES)]
pub(crate) struct Options {
    /// An image, IMAGE:/path, or a directory of the host.
    a: Place,
    /// Another.
    b: Place,
    /// Compare times of the last change, too.
    #[arg(long)]
    times: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// One difference: where, and what.
struct Difference {
    path: PathBuf,
    what: Vec<&'static str>,
}

const ONLY_A: &str = "only in A";
const ONLY_B: &str = "only in B";

struct Diff<'a> {
    sides: [&'a dyn Files; 2],
    roots: [PathBuf; 2],
    times: bool,
    found: Vec<Difference>,
    buffers: [Vec<u8>; 2],
}

/// A side, and where in it the tree starts.
fn side(place: &Place) -> Result<(Box<dyn Files>, PathBuf), Failure> {
    let place = match place {
        Place::Image(place) => place.clone(),
        Place::Host(path) if image::is_image(path) => {
            InImage { image: path.clone(), path: "/".into() }
        }
        Place::Host(path) => return Ok((Box::new(Host), path.clone())),
    };
    let fs = Image::open(&place.image, For::Reading)?.fs;
    Ok((Box::new(InFs { fs, image: place.image }), place.path))
}

pub(crate) fn run(options: &Options) -> Result<Exit, Failure> {
    let (a, b) = (side(&options.a)?, side(&options.b)?);
    let mut diff = Diff {
        sides: [&*a.0, &*b.0],
        roots: [a.1.clone(), b.1.clone()],
        times: options.times,
        found: Vec::new(),
        buffers: [vec![0; 1 << 20], vec![0; 1 << 20]],
    };
    diff.at(Path::new(""))?;
    let found = diff.found;
    let text = if options.json {
        let all = found.iter().map(|d| json!({ "path": d.path.to_string_lossy(), "what": d.what }));
        format!("{:#}\n", json!({ "differences": all.collect::<Vec<_>>() }))
    } else {
        found.iter().map(Difference::line).collect()
    };
    show::print(text.as_bytes())?;
    Ok(if found.is_empty() { Exit::Fine } else { Exit::Findings })
}

impl Difference {
    fn line(&self) -> String {
        let path = show::path(&Path::new("/").join(&self.path));
        match self.what[..] {
            [ONLY_A] => format!("- {path}\n"),
            [ONLY_B] => format!("+ {path}\n"),
            _ => format!("~ {path}: {}\n", self.what.join(", ")),
        }
    }
}

impl Diff<'_> {
    fn path(&self, side: usize, below: &Path) -> PathBuf {
        // Joining nothing would add a slash.
        if below.as_os_str().is_empty() {
            return self.roots[side].clone();
        }
        self.roots[side].join(below)
    }

    fn fail(&self, side: usize, below: &Path) -> impl Fn(std::io::Error) -> Failure + use<> {
        let name = self.sides[side].name(&self.path(side, below));
        move |e| Failure::input(&name, &e)
    }

    fn meta(&self, side: usize, below: &Path) -> Result<Meta, Failure> {
        let meta = self.sides[side].meta(&self.path(side, below), false);
        meta.map_err(self.fail(side, below))
    }

    /// Compares what both sides have at a path.
    fn at(&mut self, below: &Path) -> Result<(), Failure> {
        let (a, b) = (self.meta(0, below)?, self.meta(1, below)?);
        let mut what = Vec::new();
        if a.kind != b.kind {
            what.push("kind");
        } else {
            match a.kind {
                Some(Kind::Dir) => {}
                Some(Kind::File) if a.len != b.len || self.contents_differ(below)? => {
                    what.push("contents");
                }
                Some(Kind::Symlink) if self.target(0, below)? != self.target(1, below)? => {
                    what.push("target");
                }
                _ => {}
            }
            if a.mode != b.mode && a.kind != Some(Kind::Symlink) {
                what.push("permissions");
            }
        }
        if self.times && a.modified != b.modified {
            what.push("time");
        }
        if !what.is_empty() {
            self.found.push(Difference { path: below.into(), what });
        }
        if a.is(Kind::Dir) && b.is(Kind::Dir) {
            self.entries(below)?;
        }
        Ok(())
    }

    fn entries(&mut self, below: &Path) -> Result<(), Failure> {
        let list = |side: usize| {
            let names = self.sides[side].list(&self.path(side, below));
            names.map(BTreeSet::from_iter).map_err(self.fail(side, below))
        };
        let (a, b) = (list(0)?, list(1)?);
        for name in a.union(&b) {
            let path = below.join(name);
            match (a.contains(name), b.contains(name)) {
                (true, true) => self.at(&path)?,
                (in_a, _) => {
                    let what = vec![if in_a { ONLY_A } else { ONLY_B }];
                    self.found.push(Difference { path, what });
                }
            }
        }
        Ok(())
    }

    fn target(&self, side: usize, below: &Path) -> Result<PathBuf, Failure> {
        let target = self.sides[side].read_link(&self.path(side, below));
        target.map_err(self.fail(side, below))
    }

    /// Compares the contents of files of the same length. Where both have holes nothing is read.
    fn contents_differ(&mut self, below: &Path) -> Result<bool, Failure> {
        let open = |side: usize| {
            let source = self.sides[side].open(&self.path(side, below));
            source.map_err(self.fail(side, below))
        };
        let mut sources = [open(0)?, open(1)?];
        let fail = [self.fail(0, below), self.fail(1, below)];
        let mut at = 0;
        loop {
            let mut next = None;
            for side in 0..2 {
                let data = sources[side].data(at).map_err(&fail[side])?;
                next = next.into_iter().chain(data).min();
            }
            let Some(data) = next else { return Ok(false) };
            at = data;
            let mut lengths = [0; 2];
            for side in 0..2 {
                let buffer = &mut self.buffers[side];
                while lengths[side] < buffer.len() {
                    let place = at + lengths[side] as u64;
                    let read = sources[side].read_at(&mut buffer[lengths[side]..], place);
                    match read.map_err(&fail[side])? {
                        0 => break,
                        n => lengths[side] += n,
                    }
                }
            }
            let [a, b] = [0, 1].map(|side| &self.buffers[side][..lengths[side]]);
            if a != b {
                return Ok(true);
            }
            if a.is_empty() {
                return Ok(false);
            }
            at += a.len() as u64;
        }
    }
}
