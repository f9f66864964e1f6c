//! Error numbers, as Linux has them: what C callers get, and what [`std::io::Error`] is made of.

use std::io;

/// An error number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

/// What operations inside of the crate return.
pub(crate) type Result<T> = std::result::Result<T, Errno>;

macro_rules! numbers {
    ($($name:ident $value:literal $text:literal;)*) => {
        impl Errno {
            $(#[doc = concat!("`", stringify!($name), "`: ", $text, ".")]
            pub const $name: Errno = Errno($value);)*

            /// The name of the number, `E?` for one that this crate never returns.
            pub fn name(self) -> &'static str {
                match self.0 {
                    $($value => stringify!($name),)*
                    _ => "E?",
                }
            }
        }
    };
}

numbers! {
    EPERM 1 "hard links to directories are not permitted";
    ENOENT 2 "no such file or directory";
    EIO 5 "the disk image is damaged";
    EBADF 9 "the file is not open for that";
    EBUSY 16 "the root directory, `.` or `..` cannot be renamed or removed";
    EEXIST 17 "the name exists";
    ENOTDIR 20 "not a directory";
    EISDIR 21 "a directory";
    EINVAL 22 "an argument makes no sense";
    EFBIG 27 "beyond the largest size a file can have";
    ENOSPC 28 "no free block or no free inode";
    EMLINK 31 "65,535 links";
    ENAMETOOLONG 36 "a name of more than 255 bytes or a path of more than 4095";
    ENOTEMPTY 39 "the directory has entries";
    ELOOP 40 "more than 40 symbolic links on the way";
    ENXIO 6 "no data or hole there";
}

impl From<Errno> for io::Error {
    fn from(e: Errno) -> io::Error {
        io::Error::from_raw_os_error(e.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_those_of_std() {
        let kind = |e: Errno| io::Error::from(e).kind();
        assert_eq!(kind(Errno::ENOENT), io::ErrorKind::NotFound);
        assert_eq!(kind(Errno::ENOTEMPTY), io::ErrorKind::DirectoryNotEmpty);
        assert_eq!(kind(Errno::ENOSPC), io::ErrorKind::StorageFull);
        assert_eq!(kind(Errno::EMLINK), io::ErrorKind::TooManyLinks);
        assert_eq!((Errno::ELOOP.name(), Errno(7).name()), ("ELOOP", "E?"));
    }
}
