//! What children cannot share in a workspace.
use detpar::Merge;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Mutex;

#[derive(Merge)]
struct Borrows<'a>(u32, &'a mut u32);

#[derive(Merge)]
struct Points(*const u8);

#[derive(Merge)]
enum Counted {
    Rc(Rc<u8>),
    Cell { n: Cell<u8> },
}

#[derive(Merge)]
#[merge(whole)]
struct Locked {
    lock: Mutex<u8>,
}

#[derive(Merge)]
struct Map(Vec<HashMap<u8, u8>>);

struct Plain;

#[derive(Merge)]
struct Generic<T>(T);

#[derive(Merge)]
union Either {
    a: u32,
    b: f32,
}

#[derive(Merge)]
#[merge(parts)]
struct Unknown(u8);

fn main() {
    detpar::workspace(&mut Plain, 2, |_, _| ());
    detpar::workspace(&mut Generic(Plain), 2, |_, _| ());
}
