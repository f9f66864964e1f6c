//! The input: every text file below a directory.
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The texts that come with this example.
pub const DEFAULT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart/corpus");

/// A text file.
pub struct Document {
    /// Its path below the directory.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// Why there is no corpus.
#[derive(Debug)]
pub enum Error {
    /// A directory or file could not be read.
    Unreadable(PathBuf, io::Error),
    /// The path is something else.
    NotADirectory(PathBuf),
    /// No text file was found.
    NoText(PathBuf),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unreadable(path, e) => write!(f, "cannot read {}: {e}", path.display()),
            Error::NotADirectory(path) => write!(f, "{} is not a directory", path.display()),
            Error::NoText(path) => write!(f, "no text files in {}", path.display()),
        }
    }
}

/// Reads all text files below `dir`, in the order of their paths: the order in which a file
/// system lists them is an accident that must not reach the result.
pub fn read(dir: &Path) -> Result<Vec<Document>, Error> {
    if !fs::metadata(dir).map_err(|e| Error::Unreadable(dir.to_owned(), e))?.is_dir() {
        return Err(Error::NotADirectory(dir.to_owned()));
    }
    let mut documents = Vec::new();
    for path in files(dir)? {
        let bytes = fs::read(&path).map_err(|e| Error::Unreadable(path.clone(), e))?;
        if let Some(text) = as_text(bytes) {
            let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().into_owned();
            documents.push(Document { name, text });
        }
    }
    if documents.is_empty() { Err(Error::NoText(dir.to_owned())) } else { Ok(documents) }
}

/// Regular files, sorted. Symbolic links are not followed, so there are no cycles.
fn files(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(dir) = pending.pop() {
        let unreadable = |e| Error::Unreadable(dir.clone(), e);
        for entry in fs::read_dir(&dir).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                pending.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// The bytes as text; none where they look like something else: a NUL byte, or more than one
/// character in twenty that is not UTF-8.
fn as_text(bytes: Vec<u8>) -> Option<String> {
    if bytes.contains(&0) {
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(e) => {
            let text = String::from_utf8_lossy(e.as_bytes()).into_owned();
            let bad = text.chars().filter(|&c| c == char::REPLACEMENT_CHARACTER).count();
            (bad * 20 <= text.chars().count()).then_some(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A directory that goes away with the test.
    struct Temp(PathBuf);

    impl Temp {
        fn new(name: &str) -> Self {
            let name = format!("detpar-quickstart-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).unwrap();
            Temp(path)
        }
    }

    impl Drop for Temp {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn reads_sorted_and_recursively_without_links_and_binaries() {
        let temp = Temp::new("reads");
        fs::create_dir_all(temp.0.join("m/n")).unwrap();
        for (name, bytes) in [
            ("z.txt", &b"last"[..]),
            ("a.txt", b"first"),
            ("m/n/x.md", b"deep"),
            ("b.bin", b"\x7fELF\0\0"),
            ("c.bin", b"\xff\xfe\xfd\xfc"),
        ] {
            fs::write(temp.0.join(name), bytes).unwrap();
        }
        symlink(temp.0.join("a.txt"), temp.0.join("link.txt")).unwrap();
        symlink(&temp.0, temp.0.join("m/cycle")).unwrap();
        let got: Vec<_> =
            read(&temp.0).unwrap().into_iter().map(|doc| (doc.name, doc.text)).collect();
        let want = [("a.txt", "first"), ("m/n/x.md", "deep"), ("z.txt", "last")];
        assert_eq!(got, want.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn says_what_is_wrong() {
        let temp = Temp::new("wrong");
        assert!(matches!(read(&temp.0), Err(Error::NoText(_))));
        assert!(matches!(read(&temp.0.join("none")), Err(Error::Unreadable(..))));
        let file = temp.0.join("file");
        fs::write(&file, "text").unwrap();
        assert!(matches!(read(&file), Err(Error::NotADirectory(_))));
    }

    #[test]
    fn a_few_bytes_of_another_encoding_are_text() {
        let latin = b"a long line with one caf\xe9 in it".to_vec();
        assert!(as_text(latin).unwrap().contains("caf\u{fffd}"));
    }

    #[test]
    fn the_corpus_that_comes_along_has_near_duplicates() {
        use crate::part::per_document;
        use crate::shingles::{THRESHOLD, candidates, jaccard};
        let documents = read(Path::new(DEFAULT)).unwrap();
        let parts: Vec<_> = documents.iter().map(per_document).collect();
        let sketches: Vec<_> = parts.iter().map(|part| &part.sketch).collect();
        let near: Vec<_> = candidates(&sketches)
            .into_iter()
            .filter(|&(a, b)| jaccard(sketches[a], sketches[b]) >= THRESHOLD)
            .collect();
        assert_eq!(near.len(), 3, "{near:?}");
    }
}
