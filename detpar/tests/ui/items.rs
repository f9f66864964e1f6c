//! Items that may not go to another space, or come from one.
use detpar::prelude::*;
use std::cell::Cell;
use std::rc::Rc;

fn main() {
    vec![Rc::new(1)].into_par_iter().for_each(drop);
    [Cell::new(1)].par_iter().for_each(|c| c.set(2));
    let _: Vec<Rc<i32>> = (0..10).into_par_iter().map(Rc::new).collect();
    let mut lists = [Rc::new(1)];
    lists.par_sort();
    lists.iter().par_bridge().count();
}
