//! Ret: what a child hands over when its entry ends.

use crate::exec::control::{area, exchange, me};

/// Records where this child's panic started (`file:line:column`). The last record counts.
pub fn record_location(location: &str) {
    let me = me();
    let len = fit(location, LOCATION_MAX);
    put(0, &location.as_bytes()[..len]);
    me.location_len = len;
    me.message_len = 0;
}

/// Records the message of the panic that ends this child; `None` for a payload that is not
/// a string.
pub fn record_panic(message: Option<&str>) {
    let me = me();
    let text = message.unwrap_or("");
    let len = fit(text, area::MESSAGE_SIZE - me.location_len);
    put(me.location_len, &text.as_bytes()[..len]);
    me.message_len = len;
    me.message_is_string = u32::from(message.is_some());
}

const LOCATION_MAX: usize = 4096;

/// Length of the longest prefix of whole characters within `room` bytes.
fn fit(text: &str, room: usize) -> usize {
    let mut len = text.len().min(room);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    len
}

fn put(at: usize, bytes: &[u8]) {
    let to = exchange(me().slot) + area::MESSAGE + at;
    // SAFETY: `control`: this worker's message area has room, see the callers.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to as *mut u8, bytes.len()) };
}
