//! What went wrong: the exit code, and a text that names the path and the remedy.

use crate::Exit;
use detpar_fs::{Errno, LoadError};
use std::fmt::Display;
use std::io;

/// Why a command ends early.
#[derive(Debug)]
pub(crate) struct Failure {
    pub exit: Exit,
    /// Empty: there is nothing to be said.
    pub text: String,
}

impl Failure {
    pub fn new(exit: Exit, text: impl Into<String>) -> Failure {
        Failure { exit, text: text.into() }
    }

    /// Something that cannot be found or read.
    pub fn input(place: impl Display, e: &io::Error) -> Failure {
        let exit = if is_missing(e) { Exit::NoInput } else { Exit::Io };
        Failure::new(exit, format!("{place}: {}", cause(e)))
    }

    /// Something that cannot be made or written.
    pub fn output(place: impl Display, e: &io::Error) -> Failure {
        let full = e.raw_os_error() == Some(Errno::ENOSPC.0);
        let exists = e.kind() == io::ErrorKind::AlreadyExists;
        let exit = if full || exists || is_missing(e) { Exit::NoOutput } else { Exit::Io };
        Failure::new(exit, format!("{place}: {}", cause(e)))
    }

    /// An image that cannot be used.
    pub fn load(place: impl Display, e: &LoadError) -> Failure {
        let exit = if matches!(e, LoadError::Io(_)) { Exit::Io } else { Exit::BadImage };
        let remedy = match e {
            LoadError::NoImage => "; make one with `detfs mkfs`",
            LoadError::Damaged(_) => "; see `detfs fsck`",
            LoadError::Io(_) | LoadError::Unknown(_) => "",
        };
        Failure::new(exit, format!("{place}: {e}{remedy}"))
    }
}

fn is_missing(e: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        e.kind(),
        K::NotFound | K::PermissionDenied | K::NotADirectory | K::IsADirectory | K::InvalidInput
    )
}

/// An error without its number.
fn cause(e: &io::Error) -> String {
    let text = e.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_string(),
        None => text,
    }
}
