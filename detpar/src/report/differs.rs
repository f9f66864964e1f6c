//! Children that did not do the same when they ran once more.
use super::describe::{Address, Place};
use kernel::abi::Difference;
use std::fmt;

/// In checking mode a child ran twice from the same snapshot, and did not do the same: something
/// that confinement cannot catch reaches it, an instruction that reads the hardware for instance.
#[derive(Debug, Clone)]
pub struct ChildDiffers(Box<Record>);

#[derive(Debug, Clone)]
struct Record {
    child: usize,
    difference: Difference,
    address: Address,
}

impl ChildDiffers {
    pub(crate) fn new(child: usize, difference: Difference) -> ChildDiffers {
        let at = if let Difference::Memory(at) = difference { at } else { 0 };
        let address = Address::new(at as usize);
        ChildDiffers(Box::new(Record { child, difference, address }))
    }

    /// Index of the child.
    pub fn child(&self) -> usize {
        self.0.child
    }

    /// The lowest address at which it left something else, where that is what differed.
    pub fn address(&self) -> Option<usize> {
        matches!(self.0.difference, Difference::Memory(_)).then(|| self.0.address.get())
    }

    /// What lies there. Names of variables are read from the program's file, by the master only.
    pub fn what(&self) -> Option<Place> {
        self.address().map(|_| self.0.address.place())
    }
}

impl fmt::Display for ChildDiffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let child = self.0.child;
        write!(f, "child {child} ran twice from one snapshot and did not do the same: ")?;
        match self.0.difference {
            Difference::Memory(_) => {
                write!(f, "it left another value in {}", self.0.address.place())
            }
            Difference::Result => f.write_str("its results differ"),
            Difference::Output => f.write_str("it printed something else"),
            Difference::End => f.write_str("it ended in another way"),
        }?;
        f.write_str(
            "; look for what reads the hardware (rdrand, rdseed, the processor's number) and pass \
             it in from the master",
        )
    }
}
