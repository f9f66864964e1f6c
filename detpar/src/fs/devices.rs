//! Files of the system that children have by name, whether or not there is a tree: programs and
//! libraries name them without a thought.

use super::open::{Open, What};
use super::space::{Tree, error, with_numbers};
use super::status;
use std::ffi::CStr;
use std::io;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    /// Empty, and takes all.
    Null,
    /// Zeros without end, and takes all.
    Zero,
    /// Zeros without end, and takes nothing.
    Full,
    /// What `getrandom` gives: a function of the seed and the child.
    Random,
    /// A standard stream.
    Stream(u8),
}

/// By their names, which are taken as they stand: neither links nor `..` lead here.
const DEVICES: [(&[u8], Device); 8] = [
    (b"/dev/null", Device::Null),
    (b"/dev/zero", Device::Zero),
    (b"/dev/full", Device::Full),
    (b"/dev/random", Device::Random),
    (b"/dev/urandom", Device::Random),
    (b"/dev/stdin", Device::Stream(0)),
    (b"/dev/stdout", Device::Stream(1)),
    (b"/dev/stderr", Device::Stream(2)),
];

impl Device {
    /// The device that a path names, or leads through: then it is an error.
    fn named(at: u64) -> Option<io::Result<Device>> {
        // SAFETY: null, or the program passed a name to the call; a bad one faults here as its
        // own fault.
        let name = (at != 0).then(|| unsafe { CStr::from_ptr(at as *const libc::c_char) })?;
        DEVICES.iter().find_map(|(path, device)| match name.to_bytes().strip_prefix(*path)? {
            [] => Some(Ok(*device)),
            [b'/', ..] => Some(Err(error(libc::ENOTDIR))),
            _ => None,
        })
    }

    /// Number of the device, major and minor; nothing of a stream, which passes for a pipe.
    fn number(self) -> Option<u32> {
        match self {
            Device::Null => Some(3),
            Device::Zero => Some(5),
            Device::Full => Some(7),
            Device::Random => Some(9),
            Device::Stream(_) => None,
        }
    }

    /// Reads. A stream is read and written by its own number.
    pub fn read(self, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Device::Null => return Ok(0),
            Device::Zero | Device::Full => to.fill(0),
            Device::Random => kernel::confine::fill_random(to),
            Device::Stream(_) => return Err(error(libc::ESPIPE)),
        }
        Ok(to.len())
    }

    /// Writes.
    pub fn write(self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Device::Full => Err(error(libc::ENOSPC)),
            Device::Stream(_) => Err(error(libc::ESPIPE)),
            _ => Ok(bytes.len()),
        }
    }

    /// Fills what `fstat` tells.
    ///
    /// # Safety
    /// A `struct stat` can be written at the address.
    pub unsafe fn stat(self, to: u64) {
        // SAFETY: the caller's contract.
        unsafe { status::special(self.number(), to) };
    }

    /// Fills what `statx` tells.
    ///
    /// # Safety
    /// A `struct statx` can be written at the address.
    pub unsafe fn statx(self, to: u64) {
        // SAFETY: the caller's contract.
        unsafe { status::special_extended(self.number(), to) };
    }

    fn open(self, tree: &mut Tree, flags: i32) -> io::Result<i64> {
        let has = |bits: i32| flags & bits == bits;
        let access = flags & libc::O_ACCMODE;
        if has(libc::O_CREAT | libc::O_EXCL) {
            return Err(error(libc::EEXIST));
        }
        if has(libc::O_DIRECTORY) {
            return Err(error(libc::ENOTDIR));
        }
        if let Device::Stream(number) = self {
            let wanted = if number == 0 { libc::O_RDONLY } else { libc::O_WRONLY };
            if tree.is_redirected(number.into()) {
                return tree.duplicate(number.into(), 0).map(|n| n as i64);
            }
            if access != wanted && access != libc::O_RDWR {
                return Err(error(libc::EACCES));
            }
        }
        let flags = flags & (libc::O_ACCMODE | libc::O_APPEND | libc::O_NONBLOCK);
        Ok(tree.number(Open { what: What::Device(self), path: None, flags }) as i64)
    }
}

/// Answers a call that names a device; nothing where it names none.
pub(super) fn call(nr: i64, a: &[u64; 6]) -> Option<io::Result<i64>> {
    let place = match nr {
        libc::SYS_open | libc::SYS_creat | libc::SYS_stat | libc::SYS_lstat | libc::SYS_access => 0,
        libc::SYS_openat | libc::SYS_newfstatat | libc::SYS_statx => 1,
        libc::SYS_faccessat | libc::SYS_faccessat2 => 1,
        _ => return None,
    };
    let device = match Device::named(a[place])? {
        Ok(device) => device,
        Err(e) => return Some(Err(e)),
    };
    let open = |flags: i32| with_numbers(|tree| device.open(tree, flags));
    // SAFETY: the program passed the record to the call.
    unsafe {
        match nr {
            libc::SYS_open => return Some(open(a[1] as i32)),
            libc::SYS_openat => return Some(open(a[2] as i32)),
            libc::SYS_creat => return Some(open(libc::O_WRONLY)),
            libc::SYS_stat | libc::SYS_lstat => device.stat(a[1]),
            libc::SYS_newfstatat => device.stat(a[2]),
            libc::SYS_statx => device.statx(a[4]),
            _ => {}
        }
    }
    Some(Ok(0))
}
