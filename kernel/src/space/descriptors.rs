//! Descriptors that children close. A child inherits its parent's descriptors, and a `File`
//! that is dropped there closes one. The child has none in truth: the close is recorded in
//! memory of the image, so that it is seen by the child's own children, travels up with each
//! merge, is forgotten with a failure, and conflicts with the same close by a sibling (closing
//! twice is an error, as freeing twice is). The master closes what has arrived.

use crate::abi::PAGE;
use crate::exec::control::{Role, me};
use crate::exec::master::master;
use crate::replay;
use crate::sys;
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Descriptors from this number on cannot be closed by children.
const COUNT: usize = 1 << 16;

/// Which descriptors the running space closed, or its children did: odd. The master that closes
/// one counts on to the next even number, not back: a child with an older snapshot that closes
/// the same number, or is merged once more, meets that change as it meets any other, in conflict.
static CLOSED: [AtomicU8; COUNT] = [const { AtomicU8::new(0) }; COUNT];

fn entry(fd: u64) -> Option<&'static AtomicU8> {
    CLOSED.get(usize::try_from(fd).ok()?)
}

const fn is_noted(value: u8) -> bool {
    value & 1 != 0
}

/// Whether the running child, or a space above it, has closed a descriptor.
pub(crate) fn is_closed(fd: u64) -> bool {
    entry(fd).is_some_and(|c| is_noted(c.load(Relaxed)))
}

/// Records a close by the running child; false where the number is too high.
pub(crate) fn close(fd: u64) -> bool {
    let entry = entry(fd);
    if let Some(e) = entry {
        e.store(e.load(Relaxed) | 1, Relaxed);
    }
    entry.is_some()
}

/// The descriptor whose record lies at an address.
pub(crate) fn at(address: usize) -> Option<i32> {
    let from = CLOSED.as_ptr() as usize;
    (from..from + COUNT).contains(&address).then(|| (address - from) as i32)
}

/// Where merged children may have closed something: a bit for each page of the records.
#[derive(Clone, Copy, Default)]
pub(crate) struct Closed(u32);

const _: () = assert!(COUNT / PAGE < 32, "a bit for each page, of which one may be cut in two");

impl Closed {
    /// Notes the pages that a merged child changed, ascending.
    pub fn note(&mut self, pages: &[u64]) {
        let from = CLOSED.as_ptr() as usize;
        let first = pages.partition_point(|&p| p as usize + PAGE <= from);
        for &page in pages[first..].iter().take_while(|&&p| (p as usize) < from + COUNT) {
            self.0 |= 1 << ((page as usize + PAGE - 1 - from) / PAGE);
        }
    }

    /// Adds what children changed in another phase.
    pub fn add(&mut self, other: Closed) {
        self.0 |= other.0;
    }

    /// In the master, when all is merged: closes it. Our own descriptors do not exist for the
    /// program, so closing them means nothing.
    pub fn close(self) {
        if self.0 == 0 || me().role != Role::Master {
            return;
        }
        let from = CLOSED.as_ptr() as usize;
        for (fd, closed) in CLOSED.iter().enumerate() {
            let page = (from + fd) & !(PAGE - 1);
            let noted = self.0 >> ((page + PAGE - 1 - from) / PAGE) & 1 != 0;
            let value = closed.load(Relaxed);
            if noted && is_noted(value) {
                closed.store(value.wrapping_add(1), Relaxed);
                if !is_ours(fd as i32) {
                    sys::close(fd as i32);
                }
            }
        }
    }
}

/// Descriptors of the master's own, which the program did not open.
fn ours() -> impl Iterator<Item = i32> {
    let me = me();
    let files = [me.image_fd, me.exchange_fd, me.pagemap_fd, me.life_line[0], me.life_line[1]];
    let all = files.into_iter().chain(replay::descriptor()).chain(master().descriptors());
    // Those that are not there yet are 0, or negative.
    all.filter(|fd| *fd > libc::STDERR_FILENO)
}

/// Whether a descriptor is one of them.
pub(crate) fn is_ours(fd: i32) -> bool {
    ours().any(|own| own == fd)
}

/// The first of them from a number on.
pub(crate) fn next_of_ours(from: u32) -> Option<u32> {
    ours().map(|fd| fd as u32).filter(|fd| *fd >= from).min()
}
