//! `detfs cp`: into, out of and within images.

use crate::copy::{Copy, bytes};
use crate::failure::Failure;
use crate::files::{Files, InFs};
use crate::host::Host;
use crate::image::{For, Image};
use crate::place::{self, Place};
use crate::progress::Progress;
use crate::{Exit, show};
use clap::Args;
use detpar_fs::Kind;
use std::collections::BTreeMap;
use std::path::Path;

const EXAMPLES: &str = "\
Examples:
  detfs cp notes.txt disk.img:/             a file into an image
  detfs cp -r src disk.img:/                a tree: disk.img:/src
  detfs cp -r src/. disk.img:/              what is in it: disk.img:/...
  detfs cp -r disk.img:/src out             a tree out of an image
  detfs cp disk.img:/a disk.img:/b          within an image
  detfs cp -r one.img:/src two.img:/        from one to another

Contents, holes, permissions, times, symbolic links and hard links are kept, owners are not.
Symbolic links are copied as links. What is in the image afterwards is all of it, or, on a
failure, what was there before. On the host each file is whole or not there.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// What to copy: paths on the host, or IMAGE:/path.
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<Place>,
    /// Where to; into it, if it is a directory.
    #[arg(value_name = "DESTINATION")]
    to: Place,
    /// Copy directories with all that is in them.
    #[arg(short, long)]
    recursive: bool,
    /// Show no progress bar.
    #[arg(short, long)]
    quiet: bool,
    /// Replace image files on the host, too.
    #[arg(long)]
    force: bool,
}

/// Images that are open, by what they are on the host.
#[derive(Default)]
struct Images(BTreeMap<(u64, u64), Image>);

impl Images {
    fn open(&mut self, path: &Path, what_for: For) -> Result<&mut Image, Failure> {
        // One that cannot be found is for the opening to say.
        let id = id(path).unwrap_or_default();
        match self.0.entry(id) {
            std::collections::btree_map::Entry::Occupied(there) => Ok(there.into_mut()),
            std::collections::btree_map::Entry::Vacant(room) => {
                Ok(room.insert(Image::open(path, what_for)?))
            }
        }
    }
}

fn id(path: &Path) -> Option<(u64, u64)> {
    Host.meta(path, true).ok().map(|meta| meta.id)
}

pub(crate) fn run(options: &Options) -> Result<Exit, Failure> {
    let mut images = Images::default();
    let (to, to_path): (Box<dyn Files>, &Path) = match &options.to {
        Place::Host(path) => (Box::new(Host), path),
        Place::Image(place) => {
            let fs = images.open(&place.image, For::Writing)?.fs.clone();
            (Box::new(InFs { fs, image: place.image.clone() }), &place.path)
        }
    };
    let into = to.meta(to_path, true).is_ok_and(|meta| meta.is(Kind::Dir));
    if options.sources.len() > 1 && !into {
        let text = format!("{}: not a directory, to copy several things into", to.name(to_path));
        return Err(Failure::new(Exit::NoOutput, text));
    }
    for source in &options.sources {
        let (from, from_path): (Box<dyn Files>, &Path) = match (source, &options.to) {
            (Place::Host(path), Place::Host(_)) => {
                let text = format!(
                    "{}: neither this nor the destination is in an image; write IMAGE:/path, or \
                     use cp",
                    show::path(path)
                );
                return Err(Failure::new(Exit::Usage, text));
            }
            (Place::Host(path), Place::Image(_)) => (Box::new(Host), path),
            (Place::Image(place), _) => {
                // What is copied is what was there before: a directory can go into itself.
                let fs = images.open(&place.image, For::Reading)?.fs.fork();
                (Box::new(InFs { fs, image: place.image.clone() }), &place.path)
            }
        };
        let (from, to) = (&*from, &*to);
        let found = from.meta(from_path, false);
        let found = found.map_err(|e| Failure::input(from.name(from_path), &e))?;
        if found.is(Kind::Dir) && !options.recursive {
            let text = format!("{}: a directory; -r copies it", from.name(from_path));
            return Err(Failure::new(Exit::NoInput, text));
        }
        let target = match place::name(from_path) {
            Some(name) if into => to_path.join(name),
            _ => to_path.to_path_buf(),
        };
        let progress = Progress::new(options.quiet, || bytes(from, from_path));
        let mut copy = Copy::new(from, to, progress);
        if let Place::Image(place) = &options.to {
            copy.except = id(&place.image);
        }
        copy.destination = to_path.to_path_buf();
        copy.spare_images = !options.force && matches!(options.to, Place::Host(_));
        copy.tree(from_path, &target)?;
    }
    if let Place::Image(place) = &options.to {
        images.open(&place.image, For::Writing)?.save()?;
    }
    Ok(Exit::Fine)
}
