//! Tells a fork on demand that does a step right from one that does not yet.
use super::audit::audit;
use super::{Cost, ENTRIES, Forks, Pid, System};
use crate::checks::{Checked, that};
use crate::solution::tables::Ours;

/// Steps of side track B.
pub const STEPS: usize = 4;

/// Regions of the processes here.
const REGIONS: usize = 3;

/// Checks a step, from 1 to [`STEPS`].
///
/// # Errors
///
/// What is not right.
pub fn step<F: Forks>(number: usize) -> Checked {
    match number {
        1 => fork::<F>(),
        2 => fault::<F>(),
        3 => exit::<F>(),
        4 => all::<F>(),
        _ => Err(format!("there are the steps 1 to {STEPS}")),
    }
}

fn costs(system: &System, since: Cost, entries: usize, pages: usize, what: &str) -> Checked {
    let found = [system.cost.entries - since.entries, system.cost.pages - since.pages];
    let [of_tables, of_pages] = found;
    that(
        found == [entries, pages],
        format!(
            "{what} copied {of_tables} entries and {of_pages} pages; {entries} and {pages} are \
             enough"
        ),
    )
}

fn same(system: &System, a: Pid, b: Pid) -> Checked {
    let differs = (0..REGIONS * ENTRIES).find(|&page| {
        let read = system.read(a, page);
        read.is_none() || read != system.read(b, page)
    });
    differs
        .map_or(Ok(()), |page| Err(format!("after the fork, page {page} is not the same in both")))
}

fn fork<F: Forks>() -> Checked {
    let mut system = System::default();
    let parent = system.process(REGIONS);
    let child = F::fork(&mut system, parent);
    same(&system, parent, child)?;
    costs(&system, Cost::default(), 0, 0, "the fork")?;
    audit(&system)?;
    let grandchild = F::fork(&mut system, child);
    same(&system, parent, grandchild)?;
    costs(&system, Cost::default(), 0, 0, "two forks")?;
    audit(&system)
}

fn fault<F: Forks>() -> Checked {
    let mut system = System::default();
    let parent = system.process(REGIONS);
    let child = Ours::fork(&mut system, parent);
    let page = ENTRIES + 7;
    let value = system.read(parent, page);
    let mut write = |process, page, value, entries, pages, what: &str| {
        let before = system.cost;
        system.write::<F>(process, page, value)?;
        that(system.read(process, page) == Some(value), "what was written is not there")?;
        costs(&system, before, entries, pages, what)?;
        audit(&system).map(|()| system.clone())
    };
    let after = write(child, page, 70, ENTRIES, 1, "the child's first write to a region")?;
    that(after.read(parent, page) == value, "the parent sees what the child wrote")?;
    write(child, page, 71, 0, 0, "its second write to the page")?;
    write(child, page + 1, 72, 0, 1, "its write to the page beside it")?;
    let after =
        write(parent, page, 73, 0, 0, "the parent's write there, where the table is its own")?;
    that(after.read(child, page) == Some(71), "the child sees what the parent wrote")?;
    write(parent, 0, 74, ENTRIES, 1, "the parent's first write to another region")?;
    let after = write(parent, page + 2, 75, 0, 1, "the parent's write to a page of both")?;
    that(after.read(child, page + 2) == Some((page + 2) as u64), "the child sees that")
}

fn exit<F: Forks>() -> Checked {
    for last in 0..3 {
        let mut system = System::default();
        let parent = system.process(REGIONS);
        let child = Ours::fork(&mut system, parent);
        system.write::<Ours>(child, 5, 70)?;
        let grandchild = Ours::fork(&mut system, child);
        system.write::<Ours>(grandchild, 6, 71)?;
        let mut all = [parent, child, grandchild];
        all.swap(last, 2);
        let left = system.read(all[2], 5);
        for process in &all[..2] {
            F::exit(&mut system, *process);
            that(system.processes[*process].is_none(), "the process is still there")?;
            audit(&system)?;
        }
        that(system.read(all[2], 5) == left, "the process that is left sees something else")?;
        F::exit(&mut system, all[2]);
        audit(&system)?;
    }
    Ok(())
}

/// Numbers that look random, the same in every run (Marsaglia, 2003: xorshift).
fn random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 8) as usize
}

/// Forks, writes and ends of processes at random, beside processes that copy everything.
fn all<F: Forks>() -> Checked {
    for seed in 1..=20 {
        let mut state = seed;
        let mut system = System::default();
        let first = system.process(REGIONS);
        let mut naive = vec![(first, (0..(REGIONS * ENTRIES) as u64).collect::<Vec<_>>())];
        for value in 1000..1200 {
            let at = random(&mut state) % naive.len();
            let process = naive[at].0;
            match random(&mut state) % 8 {
                0 if naive.len() < 6 => {
                    let before = system.cost;
                    let child = F::fork(&mut system, process);
                    costs(&system, before, 0, 0, "a fork")?;
                    naive.push((child, naive[at].1.clone()));
                }
                1 if naive.len() > 1 => {
                    F::exit(&mut system, process);
                    naive.swap_remove(at);
                }
                _ => {
                    // A few pages, so that processes meet.
                    let page = random(&mut state) % REGIONS * ENTRIES + random(&mut state) % 3;
                    system.write::<F>(process, page, value)?;
                    naive[at].1[page] = value;
                }
            }
            audit(&system)?;
            for (process, pages) in &naive {
                let wrong = (0..pages.len()).find(|&p| system.read(*process, p) != Some(pages[p]));
                if let Some(page) = wrong {
                    let (found, right) = (system.read(*process, page), pages[page]);
                    return Err(format!(
                        "process {process} sees {found:?} in page {page}, not {right}"
                    ));
                }
            }
        }
        naive.iter().for_each(|(process, _)| F::exit(&mut system, *process));
        audit(&system)?;
    }
    Ok(())
}
