//! `detfs mount`: an image as a directory of the host, by FUSE.
//!
//! `served.rs` answers the kernel; `acts.rs` does what it asks; `names.rs` knows under which paths
//! the inodes are that the kernel names by number.
mod acts;
mod names;
mod served;

use crate::Exit;
use crate::failure::Failure;
use crate::image::{For, Image};
use crate::show;
use acts::Served;
use clap::Args;
use fuser::{Config, MountOption, Session};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

const NOTES: &str = "\
Runs until the directory is unmounted (umount DIRECTORY) or until it is told to end (Ctrl-C).
The image is saved then, and with every fsync; what is killed before loses what came after the
last. Needs /dev/fuse, and root or fusermount3. Owners are not kept: all files are yours.";

#[derive(Args)]
#[command(after_help = NOTES)]
pub(crate) struct Options {
    /// The image.
    image: PathBuf,
    /// Where to show it: a directory.
    directory: PathBuf,
    /// Permit no changes.
    #[arg(short, long)]
    read_only: bool,
}

/// What FUSE hands requests to.
const DEVICE: &str = "/dev/fuse";

/// An image that requests, and the end of the mount, save.
type Shared = Arc<Mutex<Image>>;

fn save(image: &Shared) -> Result<(), Failure> {
    image.lock().unwrap_or_else(PoisonError::into_inner).save()
}

pub(crate) fn run(options: &Options) -> Result<Exit, Failure> {
    let directory = show::path(&options.directory);
    match fs::metadata(&options.directory) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(Failure::new(Exit::NoInput, format!("{directory}: not a directory"))),
        Err(e) => return Err(Failure::input(directory, &e)),
    }
    let what_for = if options.read_only { For::Reading } else { For::Writing };
    let image = Image::open(&options.image, what_for)?;
    try_device(Path::new(DEVICE))?;
    let fs = image.fs.clone();
    let image: Shared = Arc::new(Mutex::new(image));
    let savable = (!options.read_only).then(|| Arc::clone(&image));
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::FSName(show::path(&options.image)),
        MountOption::Subtype("detfs".into()),
        MountOption::NoDev,
        MountOption::NoSuid,
        MountOption::NoAtime,
        if options.read_only { MountOption::RO } else { MountOption::RW },
    ];
    // Before the mount: a signal must not leave one behind.
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|e| Failure::new(Exit::Io, format!("signals: {e}")))?;
    let session = Session::new(Served::new(fs, savable), &options.directory, &config);
    let mut session = session.map_err(|e| refused(&directory, &e))?;
    let mut unmounter = session.unmount_callable();
    let (handle, named) = (signals.handle(), directory.clone());
    let waiting = std::thread::spawn(move || {
        for _ in signals.forever() {
            if let Err(e) = unmounter.unmount() {
                eprintln!("detfs: {named}: {e}; still mounted");
            }
        }
    });
    let served = session.run();
    handle.close();
    let _ = waiting.join();
    // Whatever ended it: what was written is not lost.
    if !options.read_only {
        save(&image)?;
    }
    served.map_err(|e| Failure::new(Exit::Io, format!("{directory}: {e}; the image is saved")))?;
    Ok(Exit::Fine)
}

/// Whether this system lets us use FUSE at all.
fn try_device(device: &Path) -> Result<(), Failure> {
    let Err(e) = File::options().read(true).write(true).open(device) else { return Ok(()) };
    let remedy = if e.kind() == io::ErrorKind::NotFound {
        "load the module `fuse`, or give the container the device"
    } else {
        "ask for access to the device"
    };
    let text = format!(
        "{}: {e}: this system does not offer FUSE; {remedy}, or use `detfs cp`",
        device.display()
    );
    Err(Failure::new(Exit::Unavailable, text))
}

fn refused(directory: &str, e: &io::Error) -> Failure {
    let text = format!(
        "{directory}: cannot be mounted: {e}; mounting needs root or fusermount3, and a container \
         that permits it; `detfs cp` needs neither"
    );
    Failure::new(Exit::Unavailable, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_without_fuse_is_told_with_a_remedy() {
        let failure = try_device(Path::new("/no/such/device")).expect_err("no device");
        assert_eq!(failure.exit, Exit::Unavailable);
        assert!(failure.text.contains("load the module `fuse`"), "{}", failure.text);
        assert!(failure.text.contains("`detfs cp`"), "{}", failure.text);
        let failure = refused("dir", &io::Error::from_raw_os_error(1));
        assert_eq!(failure.exit, Exit::Unavailable);
        assert!(failure.text.contains("root or fusermount3"), "{}", failure.text);
    }
}
