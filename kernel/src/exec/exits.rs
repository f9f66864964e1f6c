//! Destructors of thread-local variables: those of the running child, and of the template that its
//! storage is a copy of.

use super::control::{Me, me, private, private_item};

/// An entry of a table of them.
pub(super) fn exit_at(table: usize, i: u32) -> &'static mut (usize, usize) {
    // SAFETY: fewer than EXITS_MAX entries fit in either table; any bytes are valid.
    unsafe { private_item::<(usize, usize)>(table, i as usize) }
}

/// The running child has those of the template.
pub(super) fn copy_template(me: &mut Me) {
    for i in 0..me.template_exit_count {
        *exit_at(private::EXITS, i) = *exit_at(private::TEMPLATE_EXITS, i);
    }
    me.thread_exit_count = me.template_exit_count;
}

/// Registers a thread-exit function of the running child (or of the template).
pub(crate) fn at_thread_exit(f: usize, arg: usize) -> bool {
    let me = me();
    let (table, count) = if me.template == 1 {
        (private::TEMPLATE_EXITS, &mut me.template_exit_count)
    } else {
        (private::EXITS, &mut me.thread_exit_count)
    };
    if *count >= private::EXITS_MAX {
        return false;
    }
    *exit_at(table, *count) = (f, arg);
    *count += 1;
    true
}

/// Runs the destructors of thread-local variables, last first; they may register more.
pub(super) fn run() {
    while me().thread_exit_count > 0 {
        me().thread_exit_count -= 1;
        let (f, arg) = *exit_at(private::EXITS, me().thread_exit_count);
        // SAFETY: the pair was given to __cxa_thread_atexit_impl, whose contract is this call.
        unsafe {
            let f: unsafe extern "C" fn(*mut u8) = core::mem::transmute(f);
            f(arg as *mut u8);
        }
    }
}
