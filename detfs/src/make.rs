//! `detfs mkfs`, `grow`, `mkdir` and `rm`.

use crate::Exit;
use crate::failure::Failure;
use crate::image::{self, For, Image};
use crate::place::InImage;
use crate::show;
use clap::Args;
use detpar_fs::{BLOCK, Fs};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Mkfs {
    /// The image to make.
    image: PathBuf,
    /// How much it holds, with K, M, G or T for powers of 1024. Takes room as it is used.
    #[arg(short, long, default_value = "4G", value_parser = blocks)]
    size: u32,
    /// How many files, directories and links it holds at most.
    #[arg(short, long, default_value_t = 65_536)]
    inodes: u32,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
pub(crate) struct Grow {
    /// The image.
    image: PathBuf,
    /// The new size, with K, M, G or T for powers of 1024.
    #[arg(value_parser = blocks)]
    size: u32,
}

#[derive(Args)]
pub(crate) struct Mkdir {
    /// Directories to make.
    #[arg(required = true, value_name = "IMAGE:/PATH")]
    paths: Vec<InImage>,
    /// Make those above as well; it is fine if they are there.
    #[arg(short, long)]
    parents: bool,
}

#[derive(Args)]
pub(crate) struct Rm {
    /// What to remove.
    #[arg(required = true, value_name = "IMAGE:/PATH")]
    paths: Vec<InImage>,
    /// Remove directories with all that is in them.
    #[arg(short, long)]
    recursive: bool,
}

/// A size in blocks.
fn blocks(text: &str) -> Result<u32, String> {
    let (number, shift) = match text.to_ascii_uppercase().pop() {
        Some('K') => (&text[..text.len() - 1], 10),
        Some('M') => (&text[..text.len() - 1], 20),
        Some('G') => (&text[..text.len() - 1], 30),
        Some('T') => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    let bytes: u64 = number.parse().map_err(|_| "write a number, and K, M, G or T".to_string())?;
    let blocks = bytes.checked_mul(1 << shift).map(|bytes| bytes / BLOCK as u64);
    let blocks = blocks.and_then(|blocks| u32::try_from(blocks).ok());
    blocks.filter(|b| *b > 0).ok_or_else(|| "at least 4K and less than 16T".to_string())
}

pub(crate) fn mkfs(options: &Mkfs) -> Result<Exit, Failure> {
    let fs = detpar_fs::Mkfs::new().blocks(options.size).inodes(options.inodes).clock(image::now);
    let fs = fs.mkfs().map_err(|_| {
        let text = format!(
            "{}: {} do not hold {} inodes; make it larger, or ask for fewer with --inodes",
            show::path(&options.image),
            show::size(u64::from(options.size) * BLOCK as u64),
            options.inodes
        );
        Failure::new(Exit::Usage, text)
    })?;
    image::make(&options.image, &fs, options.force)?;
    Ok(Exit::Fine)
}

pub(crate) fn grow(options: &Grow) -> Result<Exit, Failure> {
    let mut image = Image::open(&options.image, For::Writing)?;
    image.fs.grow(options.size).map_err(|_| {
        let text = format!(
            "{}: as large as that already; an image cannot be made smaller, but copied to a \
             smaller one",
            show::path(&options.image)
        );
        Failure::new(Exit::Usage, text)
    })?;
    image.save()?;
    Ok(Exit::Fine)
}

/// Does something at each path, and saves each image once if all of it was done.
fn change(
    places: &[InImage],
    act: impl Fn(&Fs, &Path) -> std::io::Result<()>,
) -> Result<Exit, Failure> {
    let mut images = BTreeMap::new();
    for place in places {
        if !images.contains_key(&place.image) {
            images.insert(&place.image, Image::open(&place.image, For::Writing)?);
        }
        let fs = &images[&place.image].fs;
        act(fs, &place.path).map_err(|e| Failure::output(place, &e))?;
    }
    images.values_mut().try_for_each(Image::save)?;
    Ok(Exit::Fine)
}

pub(crate) fn mkdir(options: &Mkdir) -> Result<Exit, Failure> {
    change(&options.paths, |fs, path| {
        if options.parents { fs.create_dir_all(path) } else { fs.create_dir(path) }
    })
}

pub(crate) fn rm(options: &Rm) -> Result<Exit, Failure> {
    change(&options.paths, |fs, path| {
        let found = fs.symlink_metadata(path)?;
        if !found.is_dir() {
            fs.remove_file(path)
        } else if options.recursive {
            fs.remove_dir_all(path)
        } else {
            Err(std::io::Error::new(
                std::io::ErrorKind::IsADirectory,
                "a directory; -r removes it with all that is in it",
            ))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!((blocks("4K"), blocks("1m"), blocks("8192")), (Ok(1), Ok(256), Ok(2)));
        for wrong in
            ["", "K", "-1", "4X", "1 G", "4095", "16T", "99999999999999999999", "20000000T"]
        {
            assert!(blocks(wrong).is_err(), "{wrong}");
        }
    }
}
