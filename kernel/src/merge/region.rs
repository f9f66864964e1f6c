//! Regions: address ranges that do not merge by plain bytes, and the hooks that merge them.

use super::once::WriteOnce;
use super::sweep::Group;
use crate::abi::PAGE;

/// How the bytes of a region merge.
#[derive(Clone, Copy, Debug)]
pub enum Policy {
    /// By bytes: a byte changed by two children is a conflict. Holds outside all regions, too.
    Bytes,
    /// Not at all: what children write or free here is forgotten and never conflicts.
    NoMerge,
    /// As one object that is written once: the first child that did it wins, whole, and what
    /// the others wrote is forgotten. A free of it stays a write of the whole block.
    WriteOnce(WriteOnce),
    /// As the hook says.
    Hook(Hook),
}

/// An address range with a policy.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    /// First address.
    pub start: u64,
    /// The address after the last one.
    pub end: u64,
    /// How it merges.
    pub policy: Policy,
}

/// Merges what has a meaning beyond its bytes: scalar leaves, counts that add, write-once statics.
///
/// A region is handed over in slices, one a page ([`Changes`]), so an element that the hook
/// treats as a whole must not cross a page boundary. Both functions are pure: they look at nothing
/// but their arguments, they allocate nothing and do not panic.
///
/// A hook says what two *writes* of its bytes mean. A free stays a write of the whole block: it
/// conflicts with what another child wrote in the block, whatever the hook.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    /// Whether the changes fit together. Called for at least two versions.
    ///
    /// Take the versions in index order; the first one that does not fit the ones before it is the
    /// conflict's higher child. Whether it fits must not depend on versions after it: the plan
    /// leaves those out once it knows of a conflict of a lower child.
    pub check: fn(&Changes<'_>) -> Result<(), HookConflict>,
    /// Writes the result. Called for at least one version, and only if `check` found no conflict;
    /// `out` is as long as the slice and holds the reference.
    pub merge: fn(&Changes<'_>, out: &mut [u8]),
}

/// Two versions that do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookConflict {
    /// The lowest byte in conflict, counted from the start of the slice.
    pub at: usize,
    /// Index of the lower child.
    pub lower: u32,
    /// Index of the higher child.
    pub higher: u32,
}

/// One slice of a region and what children made of it.
#[derive(Clone, Copy)]
pub struct Changes<'a> {
    offset: u64,
    reference: &'a [u8],
    source: Source<'a>,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    /// The children that have the page, and the slice's place in it.
    Group {
        group: Group<'a>,
        from: usize,
        to: usize,
    },
    List(&'a [(u32, &'a [u8])]),
}

impl<'a> Changes<'a> {
    /// Changes from a list of versions in index order, to try a hook on.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::merge::Changes;
    ///
    /// let changes = Changes::new(8, &[1, 2], &[(0, &[1, 2]), (3, &[1, 9])]);
    /// // A version that equals the reference is not a change.
    /// assert_eq!(changes.versions().collect::<Vec<_>>(), [(3, &[1, 9][..])]);
    /// ```
    pub fn new(offset: u64, reference: &'a [u8], versions: &'a [(u32, &'a [u8])]) -> Self {
        Self { offset, reference, source: Source::List(versions) }
    }

    pub(super) fn of(group: Group<'a>, reference: &'a [u8; PAGE], part: &Part<'_>) -> Self {
        Self {
            offset: part.offset,
            reference: reference.get(part.from..part.to).unwrap_or_default(),
            source: Source::Group { group, from: part.from, to: part.to },
        }
    }

    /// Bytes from the start of the region to the start of the slice.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The slice in the reference image.
    pub fn reference(&self) -> &'a [u8] {
        self.reference
    }

    /// The versions that differ from the reference, with their child's index, in index order.
    pub fn versions(&self) -> impl Iterator<Item = (u32, &'a [u8])> + Clone + use<'a> {
        let reference = self.reference;
        let (group, list) = match self.source {
            Source::Group { group, from, to } => (Some((group, from, to)), &[][..]),
            Source::List(list) => (None, list),
        };
        let of_group = group.into_iter().flat_map(|(group, from, to)| {
            group
                .members()
                .filter_map(move |member| Some((member.child.index, member.page?.0.get(from..to)?)))
        });
        let of_list = list.iter().copied();
        of_group.chain(of_list).filter(move |(_, version)| *version != reference)
    }
}

/// The part of a page that one policy covers.
pub(super) struct Part<'r> {
    /// First byte in the page.
    pub(super) from: usize,
    /// The byte after the last.
    pub(super) to: usize,
    pub(super) policy: &'r Policy,
    /// From the start of the region to `from`.
    pub(super) offset: u64,
    /// The address after the region's last byte.
    pub(super) end: u64,
}

/// Splits pages into parts. Pages are asked for in ascending order, so that a whole pass costs one
/// walk over the regions.
#[derive(Clone, Copy)]
pub(super) struct Layout<'r> {
    regions: &'r [Region],
}

impl<'r> Layout<'r> {
    pub(super) fn new(regions: &'r [Region]) -> Self {
        Self { regions }
    }

    /// Moves on to the page at `addr` and answers what lies in it.
    pub(super) fn page(&mut self, addr: u64) -> PageLayout<'r> {
        while let Some((first, rest)) = self.regions.split_first()
            && first.end <= addr
        {
            self.regions = rest;
        }
        PageLayout { regions: self.regions, addr }
    }
}

/// The regions of one page.
#[derive(Clone, Copy)]
pub(super) struct PageLayout<'r> {
    /// Begins with the first region that ends in or after the page.
    regions: &'r [Region],
    addr: u64,
}

impl<'r> PageLayout<'r> {
    /// Whether the whole page merges by bytes.
    pub(super) fn is_plain(&self) -> bool {
        self.parts().all(|part| matches!(part.policy, Policy::Bytes))
    }

    /// The parts of the page in ascending order, without gaps.
    pub(super) fn parts(&self) -> Parts<'r> {
        Parts { regions: self.regions, addr: self.addr, at: 0 }
    }

    /// The part that a byte of the page lies in.
    pub(super) fn part(&self, at: usize) -> Option<Part<'r>> {
        self.parts().find(|part| at < part.to)
    }
}

/// See [`PageLayout::parts`].
pub(super) struct Parts<'r> {
    regions: &'r [Region],
    addr: u64,
    at: usize,
}

impl<'r> Iterator for Parts<'r> {
    type Item = Part<'r>;

    fn next(&mut self) -> Option<Part<'r>> {
        loop {
            let from = self.at;
            if from >= PAGE {
                return None;
            }
            // Places of the next region in this page; PAGE if it lies behind.
            let place = |addr: u64| addr.saturating_sub(self.addr).min(PAGE as u64) as usize;
            let region = self.regions.first();
            let start = region.map_or(PAGE, |region| place(region.start));
            if from < start {
                self.at = start;
                return Some(Part { from, to: start, policy: &Policy::Bytes, offset: 0, end: 0 });
            }
            let region = region?;
            let to = place(region.end);
            self.regions = self.regions.get(1..).unwrap_or_default();
            if from < to {
                self.at = to;
                let offset = self.addr.saturating_add(from as u64).saturating_sub(region.start);
                return Some(Part { from, to, policy: &region.policy, offset, end: region.end });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(start: u64, end: u64, policy: Policy) -> Region {
        Region { start, end, policy }
    }

    #[test]
    fn parts_cover_every_page_once() {
        let page = PAGE as u64;
        let regions = [
            region(10, 20, Policy::NoMerge),
            region(20, 20, Policy::Bytes),
            region(20, 30, Policy::Bytes),
            region(page - 1, 2 * page + 1, Policy::NoMerge),
            region(3 * page, 3 * page + 8, Policy::NoMerge),
        ];
        let mut layout = Layout::new(&regions);
        let mut all = Vec::new();
        for number in 0..5 {
            let page = layout.page(number * page);
            let mut at = 0;
            for part in page.parts() {
                assert_eq!(part.from, at);
                at = part.to;
                let no_merge = matches!(part.policy, Policy::NoMerge);
                assert!((part.from..part.to).all(|i| {
                    let part = page.part(i).expect("parts have no gaps");
                    matches!(part.policy, Policy::NoMerge) == no_merge
                }));
                if no_merge {
                    all.push((number, part.from, part.to, part.offset));
                }
            }
            assert_eq!(at, PAGE);
            assert_eq!(page.is_plain(), number == 4);
        }
        let last = PAGE - 1;
        assert_eq!(
            all,
            [(0, 10, 20, 0), (0, last, PAGE, 0), (1, 0, PAGE, 1), (2, 0, 1, 4097), (3, 0, 8, 0)]
        );
    }
}
