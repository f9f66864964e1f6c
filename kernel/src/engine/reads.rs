//! What children of a closed construct read that siblings wrote (`DETPAR_WARN=reads`). Their
//! changes fit together, so that it is no conflict, and nothing is merged yet: they run once more
//! with the pages that were changed protected from any access; see [`crate::check`].

use super::exact::{self, Again, Second};
use super::joined::{Memory, any_stopped};
use crate::abi::{Conflict, Failure, Freed, MAX_CHILDREN, PAGE, Read};
use crate::check::watch::{LIST_MAX, List};
use crate::check::{self, seen, writers};
use crate::exec::control::{Me, Role};
use crate::exec::stage;
use crate::image::regions;
use crate::merge::{Child, Policy, Target};
use core::slice;

/// Looks for the lowest byte that the lowest child read and another one wrote. Of the master's
/// children: nobody else could tell of it.
pub(super) fn look(me: &mut Me, construct: u32, again: &Again<'_>, children: &[Child<'static>]) {
    if check::reads() == 0 || me.role != Role::Master {
        return;
    }
    let k = again.request.count as usize;
    let in_phases = again.phase > 0 || any_stopped(construct, k);
    if k < 2 || children.is_empty() || in_phases {
        return;
    }
    let mark = me.stage_end;
    // Where there is no room to look, nothing is told.
    if let Ok(Some(read)) = search(me, construct, again, children) {
        seen::note(read);
        let _ = find_places(me, construct, again, &read);
    }
    me.stage_end = mark;
}

/// What a child did to a byte of a page.
fn changed(c: &Child<'_>, page: u64, at: usize) -> bool {
    let own = c.addrs.binary_search(&page).ok();
    own.is_some_and(|n| c.pages[n].0[at] != Memory.page(page).0[at])
}

/// The pages on which some child changed something, ascending.
fn changed_pages(me: &mut Me, children: &[Child<'static>]) -> Option<&'static [u64]> {
    let most: usize = children.iter().map(|c| c.addrs.len()).sum();
    let at = stage::take(me, most * 8)?;
    // SAFETY: `control`: just taken in this process's exchange area; words.
    let pages = unsafe { slice::from_raw_parts_mut(at as *mut u64, most) };
    let all = children.iter().flat_map(|c| c.addrs.iter().zip(c.pages));
    let mut n = 0;
    for (&page, _) in all.filter(|(page, p)| p.0 != Memory.page(**page).0) {
        pages[n] = page;
        n += 1;
    }
    pages[..n].sort_unstable();
    let mut kept = 0;
    for i in 0..n {
        if kept == 0 || pages[kept - 1] != pages[i] {
            pages[kept] = pages[i];
            kept += 1;
        }
    }
    Some(&pages[..kept])
}

fn search(
    me: &mut Me,
    construct: u32,
    again: &Again<'_>,
    children: &[Child<'static>],
) -> Result<Option<Read>, Failure> {
    let k = again.request.count as usize;
    let Some(pages) = changed_pages(me, children) else { return Ok(None) };
    let mut list = of_reads(me, construct, k)?;
    let mut found: Option<Read> = None;
    for part in pages.chunks(LIST_MAX) {
        let mark = me.stage_end;
        list.wanted = [0; MAX_CHILDREN / 64];
        (0..k).for_each(|i| list.wanted[i / 64] |= 1 << (i % 64));
        (list.addrs, list.count) = (part.as_ptr() as usize, part.len());
        let request = exact::prepare(me, construct, again, &mut list)?;
        let second = Second::run(me, &request, &list)?;
        let lowest = (0..k).find_map(|i| {
            let masks = second.noted(i, part.len())?;
            let bytes = part.iter().zip(masks).flat_map(|(page, mask)| {
                let is_marked = |at: &usize| mask.0[at / 8] >> (at % 8) & 1 != 0;
                (0..PAGE).filter(is_marked).map(|at| (*page, at))
            });
            bytes.into_iter().find_map(|(page, at)| of_sibling(children, i as u32, page, at))
        });
        second.release(me);
        me.stage_end = mark;
        let key = |r: &Read| (r.reader(), r.bytes.address);
        found = found.into_iter().chain(lowest).min_by_key(key);
    }
    Ok(found)
}

/// A list of reads, with no pages yet.
fn of_reads(me: &mut Me, construct: u32, k: usize) -> Result<List, Failure> {
    let list = exact::new_list(me, construct, k)?;
    Ok(List { reads: 1, patience: check::reads(), ..list })
}

/// What is told of a byte that a child read, if another one wrote it, and it did not itself.
fn of_sibling(children: &[Child<'static>], reader: u32, page: u64, at: usize) -> Option<Read> {
    let own = children.iter().find(|c| c.index == reader);
    if own.is_some_and(|c| changed(c, page, at)) {
        return None;
    }
    let writer = children.iter().find(|c| c.index != reader && changed(c, page, at))?;
    let address = page + at as u64;
    let other = |r: &crate::merge::Region| !matches!(r.policy, Policy::Bytes);
    let policies = regions::policies();
    if policies.iter().any(|r| other(r) && (r.start..r.end).contains(&address)) {
        return None;
    }
    let word = |p: &[u8; PAGE]| {
        let mut word = [0; 8];
        word.copy_from_slice(&p[at & !7..(at & !7) + 8]);
        word
    };
    let reference = word(&Memory.page(page).0);
    let left = |c: Option<&Child<'_>>| {
        let n = c.and_then(|c| Some((c, c.addrs.binary_search(&page).ok()?)));
        n.map_or(reference, |(c, n)| word(&c.pages[n].0))
    };
    let by_higher = reader > writer.index;
    let (lower_value, higher_value) =
        if by_higher { (left(Some(writer)), left(own)) } else { (left(own), left(Some(writer))) };
    let (lower, higher) = (reader.min(writer.index), reader.max(writer.index));
    let freed = Freed::Neither;
    let bytes = Conflict { address, lower, higher, reference, lower_value, higher_value, freed };
    Some(Read { bytes, by_higher })
}

/// Finds out where the two stood that wrote and read the byte.
fn find_places(me: &mut Me, construct: u32, again: &Again<'_>, read: &Read) -> Result<(), Failure> {
    writers::begin(read.bytes.address);
    if check::patience() == 0 {
        return Ok(());
    }
    let k = again.request.count as usize;
    for (i, higher) in [(read.bytes.lower, false), (read.bytes.higher, true)] {
        let list = &mut of_reads(me, construct, k)?;
        list.reads = u32::from(higher == read.by_higher);
        list.wanted[i as usize / 64] |= 1u64 << (i % 64);
        let request = exact::prepare(me, construct, again, list)?;
        let second = Second::aim(me, &request, list, read.bytes.address)?;
        second.sight(i as usize, higher);
        second.release(me);
    }
    Ok(())
}
