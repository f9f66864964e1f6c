//! Methods with every kind of receiver, associated functions and trait items.
use crate::Case;
use detpar::deterministic;
use std::pin::Pin;
use std::rc::Rc;

pub(crate) const CASES: &[Case] = &[
    ("methods::receivers", receivers),
    ("methods::traits", traits),
    ("methods::unsafe_functions", unsafe_functions),
];

#[derive(Debug, Default, Clone, PartialEq)]
struct Tally<T> {
    items: Vec<T>,
    last: Option<T>,
}

impl<T: Clone> Tally<T> {
    #[deterministic]
    fn new() -> Self {
        Self { items: Vec::new(), last: None }
    }

    #[deterministic]
    fn len(&self) -> usize {
        self.items.len()
    }

    #[deterministic]
    pub(crate) fn push(&mut self, item: T) -> &mut Self {
        self.items.push(item.clone());
        self.last = Some(item);
        self
    }

    #[deterministic]
    fn first_mut(&mut self) -> Option<&mut T> {
        self.items.first_mut()
    }

    #[deterministic]
    fn last(&self) -> Option<&T> {
        self.last.as_ref()
    }

    #[deterministic]
    fn into_items(self) -> Vec<T> {
        self.items
    }

    #[deterministic]
    fn into_last(self: Box<Self>) -> Option<T> {
        self.last
    }

    #[deterministic]
    fn replace(self: Pin<&mut Self>, items: Vec<T>) -> Vec<T>
    where
        T: Unpin,
    {
        std::mem::replace(&mut self.get_mut().items, items)
    }

    #[deterministic]
    fn shared(self: &Rc<Self>) -> Rc<Self> {
        self.clone()
    }

    #[deterministic]
    fn drained(mut self) -> usize {
        self.items.clear();
        self.len()
    }
}

fn receivers() {
    let mut tally = Tally::new();
    tally.push(1).push(2);
    *tally.first_mut().unwrap() = 5;
    assert_eq!((tally.len(), tally.last()), (2, Some(&2)));
    assert_eq!(tally.clone().into_items(), [5, 2]);
    assert_eq!(Box::new(tally.clone()).into_last(), Some(2));
    assert_eq!(Pin::new(&mut tally).replace(vec![9]), [5, 2]);
    assert_eq!(Rc::new(tally.clone()).shared().items, [9]);
    assert_eq!(tally.drained(), 0);
}

trait Shape {
    type Unit;
    fn area(&self) -> Self::Unit;
    #[deterministic]
    fn doubled(&self) -> (Self::Unit, Self::Unit) {
        (self.area(), self.area())
    }
    fn named<'a>(&self, name: &'a str) -> &'a str;
}

struct Square(u32);

impl Shape for Square {
    type Unit = u32;
    #[deterministic]
    fn area(&self) -> Self::Unit {
        self.0 * self.0
    }
    #[deterministic]
    fn named<'a>(&self, name: &'a str) -> &'a str {
        &name[..self.0 as usize]
    }
}

fn traits() {
    let shape: &dyn Shape<Unit = u32> = &Square(3);
    assert_eq!((shape.area(), shape.doubled()), (9, (9, 9)));
    assert_eq!(shape.named("square"), "squ");
}

/// Reads a number.
///
/// # Safety
/// `at` must point to one.
#[deterministic]
unsafe fn read(at: *const u32) -> u32 {
    // SAFETY: the caller's contract.
    unsafe { at.read() }
}

fn unsafe_functions() {
    let value = 7;
    // SAFETY: a reference points to a number.
    assert_eq!(unsafe { read(&value) }, 7);
}
