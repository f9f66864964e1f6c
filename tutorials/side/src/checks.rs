//! Tells a machine that does a step right from one that does not yet.
use crate::machine::{Body, Change, Conflict, Failed, Machine, PAGE};
use std::fs;
use std::process::ExitCode;

/// What is not right yet.
pub type Checked = Result<(), String>;

/// Steps of side track A.
pub const STEPS: usize = 6;

/// Checks a step of a machine, from 1 to [`STEPS`].
///
/// # Errors
///
/// What is not right.
pub fn step<M: Machine>(number: usize) -> Checked {
    match number {
        1 => create::<M>(),
        2 => snap::<M>(),
        3 => changed_pages::<M>(),
        4 => changes::<M>(),
        5 => merge::<M>(),
        6 => run::<M>(),
        _ => Err(format!("there are the steps 1 to {STEPS}")),
    }
}

/// Says on standard output whether a step is right; the exit code says so, too.
pub fn tell(number: usize, checked: Checked) -> ExitCode {
    match checked {
        Ok(()) => {
            println!("step {number}: right");
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("step {number}: not right yet\n  {why}");
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn that(right: bool, wrong: impl Into<String>) -> Checked {
    if right { Ok(()) } else { Err(wrong.into()) }
}

/// Access and name of the mapping that has these bytes: `rw-s` and `/memfd:memory (deleted)`.
fn mapping(bytes: &[u8]) -> Result<(String, String), String> {
    let maps = fs::read_to_string("/proc/self/maps").map_err(|e| format!("/proc: {e}"))?;
    let at = bytes.as_ptr() as usize;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let range = words.next().and_then(|r| r.split_once('-'));
        let number = |text| usize::from_str_radix(text, 16).unwrap_or(0);
        if range.is_some_and(|(from, to)| (number(from)..number(to)).contains(&at)) {
            let access = words.next().unwrap_or_default().to_string();
            return Ok((access, words.skip(3).collect::<Vec<_>>().join(" ")));
        }
    }
    Err("the memory is nowhere in /proc/self/maps".into())
}

fn made<T>(made: std::io::Result<T>) -> Result<T, String> {
    made.map_err(|e| format!("the system refused: {e}"))
}

fn create<M: Machine>() -> Checked {
    for pages in [1, 3, 64] {
        let mut memory = made(M::create(pages * PAGE))?;
        that(memory.as_ref().len() == pages * PAGE, "the length is not as asked for")?;
        that(memory.as_ref().iter().all(|&b| b == 0), "it is not all zeros")?;
        memory.as_mut()[pages * PAGE - 1] = 7;
        that(memory.as_ref()[pages * PAGE - 1] == 7, "what was written is not there")?;
        let (access, name) = mapping(memory.as_ref())?;
        that(
            name.starts_with("/memfd:"),
            format!("the memory is in {name:?}, not in a file of memfd_create"),
        )?;
        that(access == "rw-s", format!("it is mapped {access}, which is not MAP_SHARED"))?;
    }
    Ok(())
}

fn snap<M: Machine>() -> Checked {
    let mut memory = made(M::create(4 * PAGE))?;
    memory.as_mut()[PAGE + 5] = 11;
    {
        let mut child = made(M::snap(&memory))?;
        let other = made(M::snap(&memory))?;
        that(child.as_ref() == memory.as_ref(), "the snapshot is not what the parent has")?;
        child.as_mut()[PAGE + 5] = 12;
        that(child.as_ref()[PAGE + 5] == 12, "the child does not see what it wrote")?;
        that(memory.as_ref()[PAGE + 5] == 11, "the parent sees what the child wrote")?;
        that(other.as_ref()[PAGE + 5] == 11, "another child sees what the child wrote")?;
        let (access, name) = mapping(child.as_ref())?;
        that(
            name.starts_with("/memfd:") && access == "rw-p",
            format!("all was copied: it is in {name:?}, mapped {access}; MAP_PRIVATE copies less"),
        )?;
    }
    memory.as_mut()[PAGE + 5] = 13;
    let again = made(M::snap(&memory))?;
    that(again.as_ref()[PAGE + 5] == 13, "a later snapshot is not what the parent has then")
}

/// A memory with something in it, of a length that is no number of pages.
fn before() -> Vec<u8> {
    (0..5 * PAGE + 100).map(|at| (at % 251) as u8).collect()
}

fn changed_pages<M: Machine>() -> Checked {
    let before = before();
    for expected in [&[][..], &[0], &[4], &[5], &[1, 3], &[0, 1, 2, 3, 4, 5]] {
        for within in [0, 99] {
            let mut after = before.clone();
            expected.iter().for_each(|page| after[page * PAGE + within] ^= 0x80);
            let found = M::changed_pages(&before, &after);
            that(found == expected, format!("changed were pages {expected:?}, not {found:?}"))?;
        }
    }
    Ok(())
}

fn changes<M: Machine>() -> Checked {
    let before = before();
    for places in [&[][..], &[0], &[PAGE - 1, PAGE], &[7, 2 * PAGE + 9], &[5 * PAGE + 99]] {
        let mut after = before.clone();
        places.iter().for_each(|&at| after[at] ^= 0x80);
        let expected: Vec<_> = places.iter().map(|&at| Change { at, value: after[at] }).collect();
        let found = M::changes(&before, &after);
        let all = found.len();
        that(
            found == expected,
            format!("changed were the bytes {places:?} alone; {all} changes were found"),
        )?;
    }
    Ok(())
}

fn merge<M: Machine>() -> Checked {
    let change = |at, value| Change { at, value };
    let merged = M::merge(&[vec![change(9, 1)], vec![], vec![change(2, 3), change(8, 4)]]);
    that(
        merged == Ok(vec![change(2, 3), change(8, 4), change(9, 1)]),
        format!("bytes 9, and 2 and 8, are all to be merged, sorted by place, not {merged:?}"),
    )?;
    let conflict = |at, lower, higher| Err(Conflict { at, lower, higher });
    for (children, expected, why) in [
        (vec![vec![change(4, 1)], vec![change(4, 2)]], conflict(4, 0, 1), "both changed byte 4"),
        (
            vec![vec![change(4, 1)], vec![], vec![change(4, 1)]],
            conflict(4, 0, 2),
            "that both wrote the same value does not make it right",
        ),
        (
            vec![vec![change(7, 1)], vec![change(3, 1), change(7, 2)], vec![change(3, 2)]],
            conflict(3, 1, 2),
            "the lowest byte is told, whoever came first",
        ),
        (
            vec![vec![change(3, 1)], vec![change(3, 2)], vec![change(3, 3)]],
            conflict(3, 0, 1),
            "of three, the two with the lowest numbers are told",
        ),
    ] {
        let found = M::merge(&children);
        that(found == expected, format!("{why}: {expected:?}, not {found:?}"))?;
    }
    Ok(())
}

fn run<M: Machine>() -> Checked {
    let mut memory = made(M::create(8 * PAGE))?;
    memory.as_mut()[..2].copy_from_slice(&[1, 2]);
    let swap: [Body; 2] = [&|m| m[0] = m[1], &|m| m[1] = m[0]];
    let said = |e: Failed| e.to_string();
    M::run(&mut memory, &swap).map_err(said)?;
    let pair = &memory.as_ref()[..2];
    that(pair == [2, 1], format!("x = y beside y = x made {pair:?} of [1, 2], not [2, 1]"))?;

    // Written at the ends of pages, so that neighbours are of different children.
    let own: Vec<_> = (0..8usize)
        .map(|i| {
            move |m: &mut [u8]| {
                (i..8 * PAGE).step_by(PAGE / 2).for_each(|at| m[at] = i as u8 + 10);
            }
        })
        .collect();
    let bodies: Vec<Body> = own.iter().map(|body| body as Body).collect();
    M::run(&mut memory, &bodies).map_err(said)?;
    let right =
        (0..16).all(|at| (0..8).all(|i| memory.as_ref()[at * PAGE / 2 + i] == i as u8 + 10));
    that(right, "eight children wrote side by side, and not all of it is there")?;

    let before = memory.as_ref().to_vec();
    let clash: [Body; 2] = [&|m| (m[40], m[50]) = (1, 1), &|m| (m[50], m[60]) = (2, 2)];
    match M::run(&mut memory, &clash) {
        Err(Failed::Conflict(Conflict { at: 50, lower: 0, higher: 1 })) => {}
        other => return Err(format!("both changed byte 50, and the run said {other:?}")),
    }
    that(memory.as_ref() == before, "after a conflict the memory is not as before")
}
