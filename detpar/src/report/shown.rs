//! The report of a conflict that ends in a panic, on standard error behind the panic's message.
use super::conflict::MergeConflict;
use super::read::{self, ReadWarning};
use super::render;
use kernel::abi::{Read, Writer};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// How conflicts that nobody handles are reported (`DETPAR_REPORT`).
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// By the panic's message alone.
    Off = 0,
    /// For people.
    Text = 1,
    /// One JSON object in one line.
    Json = 2,
}

/// A [`Format`].
static FORMAT: AtomicU8 = AtomicU8::new(Format::Off as u8);

thread_local! {
    /// The conflict that the next panic tells of.
    static NEXT: RefCell<Option<MergeConflict>> = const { RefCell::new(None) };
}

/// Chooses the format, before the program starts.
pub(crate) fn choose(format: Format) {
    FORMAT.store(format as u8, Relaxed);
}

/// The panic that comes next is about this conflict.
pub(crate) fn announce(conflict: &MergeConflict) {
    if FORMAT.load(Relaxed) != Format::Off as u8 && !kernel::master::in_child() {
        let _ = NEXT.try_with(|next| *next.borrow_mut() = Some(conflict.clone()));
    }
}

/// Reports it. For the hook that the program starts with: a hook of the program's own says itself
/// what it likes.
pub(crate) fn show() {
    let Ok(Some(conflict)) = NEXT.try_with(|next| next.borrow_mut().take()) else { return };
    if FORMAT.load(Relaxed) == Format::Json as u8 {
        eprintln!("{}", conflict.json());
    } else {
        eprintln!("{}", conflict.told().render(render::wants_colour()));
    }
}

/// Warns of a child that read what a sibling wrote: once of the same two places in the program.
pub(crate) fn warn(read: Read, places: [Option<Writer>; 2]) {
    let format = FORMAT.load(Relaxed);
    if format == Format::Off as u8 || kernel::master::in_child() {
        return;
    }
    let warning = ReadWarning::new(read, places);
    if !read::is_new(&warning) {
        return;
    }
    if format == Format::Json as u8 {
        eprintln!("{}", warning.json());
    } else {
        eprintln!("{}", warning.told().render(render::wants_colour()));
    }
}
