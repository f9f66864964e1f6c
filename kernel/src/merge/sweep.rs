//! Visits, in ascending order, the pages on which children did something, and says which children
//! did: a k-way merge of the sorted lists of dirty pages and freed blocks by a tree of losers
//! (Knuth, The Art of Computer Programming, volume 3, section 5.4.1).

use super::{Block, Child, Mask, Page};
use crate::abi::PAGE;

/// "No child": ends lists.
const NONE: u32 = u32::MAX;

/// A list with nothing in it.
const EMPTY: (u32, u32) = (NONE, NONE);

/// "No page", as a position in a child's list.
const ABSENT: usize = usize::MAX;

/// The key of a child that has no page left. Not the address of a page, and after all of them.
const DONE: u64 = u64::MAX;

/// The address after a page. Claims are checked to end before the last page, so that this is
/// exact.
pub(super) const fn end_of(page: u64) -> u64 {
    page.saturating_add(PAGE as u64)
}

const fn page_of(addr: u64) -> u64 {
    addr & !(PAGE as u64 - 1)
}

/// Scratch memory of a merge, one for each child. What it holds before and after has no meaning.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    /// The child's next page.
    key: u64,
    /// First entry of the dirty list not visited yet.
    page: usize,
    /// The entry of the dirty list at the current page, or ABSENT.
    here: usize,
    /// First freed block that ends behind the current page's start.
    block: usize,
    /// The end of the last freed block that starts before the current page's end.
    reach: u64,
    /// The child that lost at the tree's inner node of this number.
    loser: u32,
    /// The next member of the current group.
    next: u32,
    /// The next child with a block to carry on.
    carry: u32,
}

impl Cursor {
    /// A cursor to fill scratch memory with.
    pub const NEW: Cursor = Cursor {
        key: DONE,
        page: 0,
        here: ABSENT,
        block: 0,
        reach: 0,
        loser: NONE,
        next: NONE,
        carry: NONE,
    };
}

impl Default for Cursor {
    fn default() -> Self {
        Self::NEW
    }
}

/// A pass over all pages. Children are called by their position in the list, which is in the order
/// of their indices.
pub(super) struct Sweep<'a, 's> {
    children: &'a [Child<'a>],
    cursors: &'s mut [Cursor],
    /// Whether freed blocks count.
    frees: bool,
    /// The child with the lowest (page, position).
    winner: u32,
    /// The children of the last group with a block that goes on behind the group's page: first
    /// and last of a list in ascending order.
    carry: (u32, u32),
    /// The end of the last group's page.
    after: u64,
    /// Children from this position on are left out.
    limit: u32,
}

/// A page and who did something there.
#[derive(Clone, Copy)]
pub(super) struct Site {
    pub(super) addr: u64,
    head: u32,
    tail: u32,
    /// How many children did something.
    pub(super) members: u32,
    /// How many of them dirtied the page.
    pub(super) dirty: u32,
}

impl<'a, 's> Sweep<'a, 's> {
    /// Begins a pass. Children without a cursor are left out: the caller provides enough.
    pub(super) fn new(children: &'a [Child<'a>], cursors: &'s mut [Cursor], frees: bool) -> Self {
        // Planted mutant: frees never conflict.
        let frees = frees && cfg!(not(detpar_mutant = "free_not_a_write"));
        let count = children.len().min(cursors.len());
        let cursors = cursors.get_mut(..count).unwrap_or_default();
        let mut sweep = Self {
            children,
            cursors,
            frees,
            winner: NONE,
            carry: EMPTY,
            after: 0,
            limit: count as u32,
        };
        for (cursor, child) in sweep.cursors.iter_mut().zip(children) {
            *cursor = Cursor::NEW;
            cursor.key = next_page(child, cursor, sweep.frees, 0);
        }
        // Each inner node keeps the first child to arrive and sends up the better of it and the
        // second; so all matches are played once the last child has entered.
        for leaf in 0..count {
            sweep.enter(leaf as u32);
        }
        sweep
    }

    fn key(&self, who: u32) -> (u64, u32) {
        (self.cursors.get(who as usize).map_or(DONE, |cursor| cursor.key), who)
    }

    /// Plays `who` up from its leaf, building the tree.
    fn enter(&mut self, who: u32) {
        let mut best = who;
        let mut node = (who as usize + self.cursors.len()) / 2;
        while node > 0 {
            let loser = self.cursors.get(node).map_or(NONE, |cursor| cursor.loser);
            let (up, down) = match loser {
                NONE => (NONE, best),
                other if self.key(other) < self.key(best) => (other, best),
                other => (best, other),
            };
            if let Some(cursor) = self.cursors.get_mut(node) {
                cursor.loser = down;
            }
            if up == NONE {
                return;
            }
            best = up;
            node /= 2;
        }
        self.winner = best;
    }

    /// Plays again after the winner's key has changed.
    fn replay(&mut self) {
        let mut best = self.winner;
        let mut best_key = self.key(best);
        let mut node = (best as usize + self.cursors.len()) / 2;
        while node > 0 {
            let loser = self.cursors.get(node).map_or(NONE, |cursor| cursor.loser);
            let loser_key = self.key(loser);
            if loser_key < best_key {
                if let Some(cursor) = self.cursors.get_mut(node) {
                    cursor.loser = best;
                }
                (best, best_key) = (loser, loser_key);
            }
            node /= 2;
        }
        self.winner = best;
    }

    /// The lowest page of a child below the limit.
    fn lowest(&mut self) -> Option<u64> {
        loop {
            let (who, limit) = (self.winner, self.limit);
            let cursor = self.cursors.get_mut(who as usize)?;
            if cursor.key == DONE {
                return None;
            }
            if who < limit {
                return Some(cursor.key);
            }
            cursor.key = DONE;
            self.replay();
        }
    }

    /// Leaves out, from the next page on, the children from position `limit` on.
    pub(super) fn limit(&mut self, limit: u32) {
        self.limit = self.limit.min(limit);
    }

    /// The next page and who did something there.
    ///
    /// A block that covers pages on which its child did nothing else is carried along, so that
    /// its length costs nothing. Few are carried: of two that reach the next page both cover this
    /// page's last byte, which is a conflict whose higher child is beyond the limit by now, unless
    /// that byte does not merge. Then the page behind it is visited even if nothing begins there.
    pub(super) fn next(&mut self) -> Option<Site> {
        let crowded = self.is_crowded().then_some(self.after);
        let addr = [self.lowest(), crowded].into_iter().flatten().min()?;
        self.after = end_of(addr);
        let mut site = Site { addr, head: NONE, tail: NONE, members: 0, dirty: 0 };
        let old = core::mem::replace(&mut self.carry, EMPTY).0;
        let (mut carried, mut rest) = self.carried(old, addr);
        loop {
            let visitor = if self.lowest() == Some(addr) { self.winner } else { NONE };
            let who = visitor.min(carried);
            if who == NONE {
                return Some(site);
            }
            if who == visitor {
                self.visit(who, addr);
                self.replay();
            }
            // Before the link, which puts the child into the new list.
            if who == carried {
                (carried, rest) = self.carried(rest, addr);
            }
            self.link(&mut site, who);
        }
    }

    /// Whether blocks of several children go on behind the last group's page.
    fn is_crowded(&self) -> bool {
        let mut alive = 0;
        let mut next = self.carry.0;
        while let Some(cursor) = self.cursors.get(next as usize) {
            alive += u32::from(next < self.limit);
            if alive > 1 {
                return true;
            }
            next = cursor.carry;
        }
        false
    }

    /// From `who` on, the first child of the old list whose block reaches the page, and the one
    /// that follows it there.
    fn carried(&mut self, mut who: u32, addr: u64) -> (u32, u32) {
        while let Some(cursor) = self.cursors.get(who as usize) {
            let next = cursor.carry;
            if who < self.limit && self.resume(who, addr) {
                return (who, next);
            }
            who = next;
        }
        EMPTY
    }

    /// Prepares a carried block for the page; whether it reaches the page.
    fn resume(&mut self, who: u32, addr: u64) -> bool {
        let Some(cursor) = self.cursors.get_mut(who as usize) else { return false };
        let Some(child) = self.children.get(who as usize) else { return false };
        cursor.here = ABSENT;
        skip_blocks(child, cursor, addr);
        cursor.reach > addr
    }

    /// Notes what the child did on the page, and moves on to its next.
    fn visit(&mut self, who: u32, addr: u64) {
        let Some(cursor) = self.cursors.get_mut(who as usize) else { return };
        let Some(child) = self.children.get(who as usize) else { return };
        cursor.here = ABSENT;
        if child.addrs.get(cursor.page) == Some(&addr) {
            cursor.here = cursor.page;
            cursor.page = cursor.page.saturating_add(1);
        }
        if self.frees {
            skip_blocks(child, cursor, addr);
        }
        cursor.key = next_page(child, cursor, self.frees, end_of(addr));
    }

    fn link(&mut self, site: &mut Site, who: u32) {
        if let Some(tail) = self.cursors.get_mut(site.tail as usize) {
            tail.next = who;
        } else {
            site.head = who;
        }
        let Some(cursor) = self.cursors.get_mut(who as usize) else { return };
        cursor.next = NONE;
        site.tail = who;
        site.members = site.members.saturating_add(1);
        site.dirty = site.dirty.saturating_add(u32::from(cursor.here != ABSENT));
        if cursor.reach > end_of(site.addr) {
            cursor.carry = NONE;
            let last = self.carry.1;
            match self.cursors.get_mut(last as usize) {
                Some(last) => last.carry = who,
                None => self.carry.0 = who,
            }
            self.carry.1 = who;
        }
    }

    /// Who did something at the site, which is the last one visited.
    pub(super) fn group(&self, site: &Site) -> Group<'_> {
        Group {
            children: self.children,
            cursors: self.cursors,
            head: site.head,
            addr: site.addr,
            frees: self.frees,
        }
    }
}

/// Leaves behind the blocks that end at or before `addr`.
fn skip_blocks(child: &Child<'_>, cursor: &mut Cursor, addr: u64) {
    while child.frees.get(cursor.block).is_some_and(|block| block.end() <= addr) {
        cursor.block = cursor.block.saturating_add(1);
    }
}

/// The child's next dirty page, or the page of its first block from `from` on if that is lower.
/// Sets the cursor's reach.
fn next_page(child: &Child<'_>, cursor: &mut Cursor, frees: bool, from: u64) -> u64 {
    let dirty = child.addrs.get(cursor.page).map_or(DONE, |&addr| addr);
    if !frees {
        return dirty;
    }
    let mut blocks = child.frees.get(cursor.block..).unwrap_or_default().iter();
    loop {
        match blocks.next() {
            Some(block) if block.addr < from => cursor.reach = block.end(),
            Some(block) => return dirty.min(page_of(block.addr)),
            None => return dirty,
        }
    }
}

/// The children that did something on one page.
#[derive(Clone, Copy)]
pub(super) struct Group<'s> {
    children: &'s [Child<'s>],
    cursors: &'s [Cursor],
    head: u32,
    addr: u64,
    frees: bool,
}

/// What one child did on the page.
#[derive(Clone, Copy)]
pub(super) struct Member<'s> {
    /// The child's position.
    pub(super) who: u32,
    pub(super) child: &'s Child<'s>,
    /// The page as the child left it, if it dirtied it.
    pub(super) page: Option<&'s Page>,
    /// The rest of the child's freed blocks; begins with the first one that may lie in the page.
    blocks: &'s [Block],
    addr: u64,
}

impl<'s> Group<'s> {
    /// The page's address.
    pub(super) fn addr(self) -> u64 {
        self.addr
    }

    /// In the order of indices.
    pub(super) fn members(self) -> Members<'s> {
        Members { group: self, next: self.head }
    }
}

/// See [`Group::members`].
#[derive(Clone)]
pub(super) struct Members<'s> {
    group: Group<'s>,
    next: u32,
}

impl<'s> Iterator for Members<'s> {
    type Item = Member<'s>;

    fn next(&mut self) -> Option<Member<'s>> {
        let who = self.next;
        let cursor = self.group.cursors.get(who as usize)?;
        let child = self.group.children.get(who as usize)?;
        self.next = cursor.next;
        let blocks = if self.group.frees { child.frees } else { &[] };
        Some(Member {
            who,
            child,
            page: child.pages.get(cursor.here),
            blocks: blocks.get(cursor.block..).unwrap_or_default(),
            addr: self.group.addr,
        })
    }
}

impl<'s> Member<'s> {
    /// The page's address.
    pub(super) fn addr(&self) -> u64 {
        self.addr
    }

    /// What the child wrote of the page, where that is known exactly.
    pub(super) fn mask(&self) -> Option<&'s Mask> {
        let writes = &self.child.writes;
        let i = writes.addrs.binary_search(&self.addr).ok()?;
        writes.masks.get(i)
    }

    /// The freed bytes of the page, as ranges from its start, in ascending order.
    pub(super) fn freed(&self) -> impl Iterator<Item = (usize, usize)> + use<'s> {
        let start = self.addr;
        let place = move |addr: u64| addr.saturating_sub(start).min(PAGE as u64) as usize;
        self.blocks
            .iter()
            .take_while(move |block| block.addr < end_of(start))
            .map(move |block| (place(block.addr), place(block.end())))
            .filter(|(from, to)| from < to)
    }
}
