//! What a closure of a parallel call may not capture: children each have a copy, and what is
//! not `Sync` may be neither read nor changed by two of them.
use detpar::prelude::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

fn main() {
    let rc = Rc::new(1);
    (0..10).into_par_iter().for_each(|i| assert!(i >= 0 && *rc == 1));

    let cell = Cell::new(0);
    (0..10).into_par_iter().for_each(|i| cell.set(i));

    let list = RefCell::new(Vec::new());
    let _: Vec<i32> = (0..10).into_par_iter().inspect(|i| list.borrow_mut().push(*i)).collect();

    let pointer: *const i32 = std::ptr::null();
    detpar::broadcast(|_| pointer.is_null());
}
