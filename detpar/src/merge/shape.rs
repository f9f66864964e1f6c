//! What a value consists of, as the kernel's merge takes it.
use super::{Merge, State};
use kernel::merge::{self, Area, NOBODY, Owner, Run};
use std::ptr;

/// Collects the units of a type; see [`Merge::units`].
#[derive(Debug, Default)]
pub struct Units {
    runs: Vec<Run>,
}

impl Units {
    /// A unit of `size` bytes.
    pub fn unit(&mut self, at: usize, size: usize) {
        self.run(at, at + size, size);
    }

    /// `count` values side by side, the first of them at `at`.
    pub fn array<T: Merge>(&mut self, at: usize, count: usize) {
        let (first, size) = (self.runs.len(), size_of::<T>());
        if count == 0 || size == 0 {
            return;
        }
        T::units(at, self);
        if let [run] = self.runs[first..]
            && (run.start, run.end) == (at as u64, (at + size) as u64)
        {
            self.runs[first].end = (at + count * size) as u64;
            return;
        }
        let runs = first..self.runs.len();
        for shift in (1..count).map(|i| (i * size) as u64) {
            for i in runs.clone() {
                let Run { start, end, unit } = self.runs[i];
                self.runs.push(Run { start: start + shift, end: end + shift, unit });
            }
        }
    }

    fn run(&mut self, start: usize, end: usize, unit: usize) {
        if unit > 0 {
            self.runs.push(Run { start: start as u64, end: end as u64, unit: unit as u64 });
        }
    }

    /// In order, and as few as can be.
    fn finish(mut self) -> Vec<Run> {
        self.runs.sort_by_key(|run| run.start);
        self.runs.dedup_by(|next, run| {
            let joined = run.end == next.start && run.unit == next.unit;
            if joined {
                run.end = next.end;
            }
            joined
        });
        self.runs
    }
}

/// Where the units of a value lie, and of all that it owns.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Shape {
    areas: Vec<Area>,
    runs: Vec<Run>,
    owners: Vec<Owner>,
}

impl Shape {
    /// Of a state.
    pub(crate) fn of<T: State + ?Sized>(state: &T) -> Shape {
        let (mut shape, values) = (Shape::default(), state.values());
        shape.area::<T::Value>(values.as_ptr().addr(), values.len(), NOBODY);
        if T::Value::OWNS {
            for value in values {
                value.owned(&mut Owned { shape: &mut shape, outer: NOBODY, whole: None });
            }
        }
        // They are disjoint since no two values own one byte.
        shape.areas.sort_by_key(|area| area.start);
        shape
    }

    /// As the kernel takes it.
    pub(crate) fn units(&self) -> merge::Units<'_> {
        merge::Units { areas: &self.areas, runs: &self.runs, owners: &self.owners }
    }

    fn area<T: Merge>(&mut self, at: usize, count: usize, owner: usize) {
        let mut units = Units::default();
        T::units(0, &mut units);
        self.runs_at(at, count, size_of::<T>(), units.finish(), owner);
    }

    fn runs_at(&mut self, at: usize, count: usize, stride: usize, runs: Vec<Run>, owner: usize) {
        if count == 0 || stride == 0 {
            return;
        }
        // Vectors of one type follow each other.
        let last = self
            .areas
            .last()
            .map(|area| area.runs)
            .filter(|&(first, count)| self.runs[first..][..count] == runs[..]);
        let place = last.unwrap_or_else(|| {
            let first = self.runs.len();
            self.runs.extend_from_slice(&runs);
            (first, runs.len())
        });
        let (start, end) = (at as u64, (at + count * stride) as u64);
        self.areas.push(Area { start, end, stride: stride as u64, runs: place, owner });
    }

    fn owner(&mut self, (start, end): (usize, usize), outer: usize) -> usize {
        self.owners.push(Owner { start: start as u64, end: end as u64, outer });
        self.owners.len() - 1
    }
}

/// Collects the memory that a value owns; see [`Merge::owned`].
#[derive(Debug)]
pub struct Owned<'s> {
    shape: &'s mut Shape,
    /// What owns the memory in which the value lies.
    outer: usize,
    /// The unit that the value is a part of, if it is not one itself.
    whole: Option<(usize, usize)>,
}

impl Owned<'_> {
    /// What is named in `parts` is owned by `value` as a whole, which is one unit.
    pub fn whole<T>(&mut self, value: &T, parts: impl FnOnce(&mut Owned<'_>)) {
        let whole = self.whole.or(Some(place_of(value)));
        parts(&mut Owned { shape: self.shape, outer: self.outer, whole });
    }

    /// The unit `header` owns room for `capacity` elements from `start` on, of which those in
    /// `elements` are there.
    pub fn elements<H, T: Merge>(
        &mut self,
        header: &H,
        start: *const T,
        capacity: usize,
        elements: &[T],
    ) {
        if capacity == 0 || size_of::<T>() == 0 {
            return;
        }
        let owner = self.owner(header);
        self.shape.area::<T>(start.addr(), capacity, owner);
        if T::OWNS {
            for element in elements {
                element.owned(&mut Owned { shape: self.shape, outer: owner, whole: None });
            }
        }
    }

    /// The unit `header` owns `len` bytes from `start` on, which are one unit.
    pub fn one<H>(&mut self, header: &H, start: *const u8, len: usize) {
        if len > 0 {
            let owner = self.owner(header);
            let mut units = Units::default();
            units.unit(0, len);
            self.shape.runs_at(start.addr(), 1, len, units.finish(), owner);
        }
    }

    fn owner<H>(&mut self, header: &H) -> usize {
        self.shape.owner(self.whole.unwrap_or_else(|| place_of(header)), self.outer)
    }
}

fn place_of<T>(value: &T) -> (usize, usize) {
    let at = ptr::from_ref(value).addr();
    (at, at + size_of::<T>())
}
