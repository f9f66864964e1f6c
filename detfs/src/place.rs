//! Where something is: on the host, or in an image.

use crate::show;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A path on the host, or `IMAGE:/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Host(PathBuf),
    Image(InImage),
}

/// `IMAGE:/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InImage {
    pub image: PathBuf,
    /// Invariant: absolute.
    pub path: PathBuf,
}

impl From<OsString> for Place {
    /// Cuts at the first `:/`.
    fn from(text: OsString) -> Place {
        let bytes = text.as_bytes();
        match bytes.windows(2).position(|two| two == b":/") {
            Some(at) if at > 0 => {
                let part = |bytes| PathBuf::from(OsStr::from_bytes(bytes));
                Place::Image(InImage { image: part(&bytes[..at]), path: part(&bytes[at + 1..]) })
            }
            _ => Place::Host(text.into()),
        }
    }
}

impl From<OsString> for InImage {
    /// A path without `:/` is an image's, and means its root.
    fn from(text: OsString) -> InImage {
        match Place::from(text) {
            Place::Image(place) => place,
            Place::Host(image) => InImage { image, path: PathBuf::from("/") },
        }
    }
}

impl fmt::Display for InImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", show::path(&self.image), show::path(&self.path))
    }
}

/// The name that a copy gets in a directory; `None`: the path stands for what is in it.
pub(crate) fn name(path: &Path) -> Option<&OsStr> {
    let ends_in_dot = path.as_os_str().as_bytes().ends_with(b"/.");
    path.file_name().filter(|_| !ends_in_dot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_by_the_first_colon_and_slash() {
        let image = |i: &str, p: &str| Place::Image(InImage { image: i.into(), path: p.into() });
        let place = |text: &str| Place::from(OsString::from(text));
        assert_eq!(place("a.img:/b/c"), image("a.img", "/b/c"));
        assert_eq!(place("a:/b:/c"), image("a", "/b:/c"));
        assert_eq!(place("a:b"), Place::Host("a:b".into()));
        assert_eq!(place(":/b"), Place::Host(":/b".into()));
    }

    #[test]
    fn a_dot_stands_for_what_is_in_it() {
        assert_eq!(name(Path::new("a/b")), Some(OsStr::new("b")));
        assert_eq!(name(Path::new("a/b/")), Some(OsStr::new("b")));
        for path in ["a/b/.", ".", "..", "/", "a/.."] {
            assert_eq!(name(Path::new(path)), None, "{path}");
        }
    }
}
