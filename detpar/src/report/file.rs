//! Files that two changed.
use kernel::abi::{FileConflict as Record, PARENT};
use std::fmt;
use std::path::Path;

/// Two children, or a child and its parent, changed the same file or name in the tree
/// ([`detpar::fs`](crate::fs)) since the snapshot. The parent's version is untouched.
///
/// ```
/// use detpar::JoinError;
/// use std::path::Path;
///
/// #[detpar::main]
/// fn main() -> std::io::Result<()> {
///     detpar::fs::write("/list", "")?;
///     let add = |name| move || std::fs::write("/list", name).is_ok();
///     let Err(JoinError::File(met)) = detpar::try_join(add("a"), add("b")) else { unreachable!() };
///     assert_eq!((met.path(), met.children()), (Path::new("/list"), (Some(0), 1)));
///     assert_eq!(detpar::fs::read_to_string("/list")?, "");
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct FileConflict(Box<Met>);

#[derive(Debug, Clone)]
struct Met {
    lower: Option<usize>,
    higher: usize,
    path: String,
}

impl FileConflict {
    pub(crate) fn new(record: Record, path: Option<String>) -> FileConflict {
        let lower = (record.lower != PARENT).then_some(record.lower as usize);
        let path = path.unwrap_or_default();
        FileConflict(Box::new(Met { lower, higher: record.higher as usize, path }))
    }

    /// The file, directory or name.
    pub fn path(&self) -> &Path {
        Path::new(&self.0.path)
    }

    /// The two children, in program order; nothing in place of the first stands for their parent.
    pub fn children(&self) -> (Option<usize>, usize) {
        (self.0.lower, self.0.higher)
    }
}

impl fmt::Display for FileConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Met { lower, higher, path } = &*self.0;
        match lower {
            Some(lower) => write!(f, "children {lower} and {higher} both changed the file {path}"),
            None => write!(f, "child {higher} and its parent both changed the file {path}"),
        }?;
        f.write_str(
            " since the snapshot; give each child a file or directory of its own, make directories \
             before they start, or only append",
        )
    }
}
