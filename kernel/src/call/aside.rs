//! What a parent has read ahead of standard input, while its children start or are waited for.

use crate::confine;
use crate::exec::control::{Role, me};
use crate::exec::input;

/// It is put aside until this is dropped.
pub(super) struct Aside(());

impl Aside {
    /// Puts it aside; before that the parent's own output goes out.
    pub fn put() -> Aside {
        if let Some(h) = confine::handler() {
            h.before_fork();
            let parts = h.put_aside();
            // What a child has is the rest of a line, which is its own.
            if me().role == Role::Master && parts.iter().any(|p| !p.is_empty()) {
                input::lay_ahead(parts);
            }
        }
        Aside(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(h) = confine::handler() {
            let read = if me().role == Role::Master { input::take_ahead() } else { 0 };
            h.take_back(read);
        }
    }
}
