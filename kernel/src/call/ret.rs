//! Ret: what a child hands over when its entry ends.

use crate::exec::control::{area, exchange, me};

/// Records the panic that ends this child: its message (`None` for a payload that is not a
/// string) and its source location. The last record counts.
pub fn record_panic(message: Option<&str>, location: &str) {
    let me = me();
    let text = message.unwrap_or("");
    let room = area::MESSAGE_SIZE;
    let location = location.get(..location.len().min(room / 2)).unwrap_or("");
    let mut len = text.len().min(room - location.len());
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    let to = (exchange(me.slot) + area::MESSAGE) as *mut u8;
    // SAFETY: `control`: this worker's message area has room for both.
    unsafe {
        core::ptr::copy_nonoverlapping(text.as_ptr(), to, len);
        core::ptr::copy_nonoverlapping(location.as_ptr(), to.add(len), location.len());
    }
    (me.message_len, me.location_len) = (len, location.len());
    me.message_is_string = u32::from(message.is_some());
}
