//! Counts that add: reference counts, which children raise and lower without looking at them, and
//! sums.
//!
//! What a merge makes of one is what the children would have made of it one after another: the
//! reference and all that each child added and took away. That holds as long as none of them could
//! have seen the last reference go. So it is a conflict if two children changed a count and one
//! of them, or all together, brought it to zero, where someone ends what is counted: a child that
//! runs first or last in some order would have done so, and the others could not have gone on.

use super::region::{Changes, Hook, HookConflict};
use core::ops::Range;

/// Merges words of eight bytes, counted from the start of the region, as counts that add.
pub const COUNT: Hook = Hook { check, merge };

/// The same for numbers that may be anything, modulo 2^64: whatever children make of them adds.
pub const SUM: Hook = Hook { check: |_| Ok(()), merge };

/// Largest count: a reference count beyond it ends the program.
const LARGEST: i128 = isize::MAX as i128;

/// The places of the words of a slice. Words do not cross pages; where one does all the same its
/// parts are numbers of their own.
fn words(changes: &Changes<'_>) -> impl Iterator<Item = Range<usize>> + use<> {
    let (skew, len) = ((changes.offset() % 8) as usize, changes.reference().len());
    (0..len.saturating_add(skew)).step_by(8).map(move |at| {
        let to = at.saturating_add(8).saturating_sub(skew);
        at.saturating_sub(skew)..to.min(len)
    })
}

fn number(bytes: &[u8], word: &Range<usize>) -> i128 {
    let bytes = bytes.get(word.clone()).unwrap_or_default();
    bytes.iter().rev().fold(0, |n, &b| n << 8 | i128::from(b))
}

fn check(changes: &Changes<'_>) -> Result<(), HookConflict> {
    let is_count = |n: i128| (1..=LARGEST).contains(&n);
    let mut first: Option<HookConflict> = None;
    for word in words(changes) {
        let was = number(changes.reference(), &word);
        let mut sum = was;
        // The first that changed it, and whether it left a count.
        let mut lower: Option<(u32, bool)> = None;
        for (higher, version) in changes.versions() {
            let is = number(version, &word);
            if is == was {
                continue;
            }
            sum += is - was;
            let Some((lower, counted)) = lower else {
                lower = Some((higher, is_count(was) && is_count(is)));
                continue;
            };
            if !(counted && is_count(is) && is_count(sum)) {
                let found = HookConflict { at: word.start, lower, higher };
                if first.is_none_or(|first| higher < first.higher) {
                    first = Some(found);
                }
                break;
            }
        }
    }
    first.map_or(Ok(()), Err)
}

fn merge(changes: &Changes<'_>, out: &mut [u8]) {
    for word in words(changes) {
        let was = number(changes.reference(), &word);
        let sum = changes.versions().fold(was, |sum, (_, v)| sum + number(v, &word) - was);
        let bytes = sum.to_le_bytes();
        for (out, byte) in out.get_mut(word).unwrap_or_default().iter_mut().zip(bytes) {
            *out = byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::cases::Random;

    /// What the merge makes of one count.
    fn merged(was: u64, versions: &[u64]) -> Result<u64, (u32, u32)> {
        let bytes: Vec<[u8; 8]> = versions.iter().map(|v| v.to_le_bytes()).collect();
        let list: Vec<(u32, &[u8])> = (0..).zip(bytes.iter().map(|b| &b[..])).collect();
        let was = was.to_le_bytes();
        let changes = Changes::new(0, &was, &list);
        (COUNT.check)(&changes).map_err(|c| (c.lower, c.higher))?;
        let mut out = was;
        (COUNT.merge)(&changes, &mut out);
        Ok(u64::from_le_bytes(out))
    }

    #[test]
    fn counts_add() {
        assert_eq!(merged(1, &[2, 2, 5]), Ok(7));
        assert_eq!(merged(300, &[255, 256, 300]), Ok(211));
        assert_eq!(merged(2, &[2, 1]), Ok(1));
        // One child alone may do anything: it has seen what there is to see.
        assert_eq!(merged(1, &[1, 0, 1]), Ok(0));
        assert_eq!(merged(0, &[0, 9]), Ok(9));
        assert_eq!(merged(1, &[u64::MAX]), Ok(u64::MAX));
    }

    #[test]
    fn sums_wrap() {
        let versions = [5u64, 10, 9].map(|n| n.to_le_bytes());
        let list: Vec<(u32, &[u8])> = (0..).zip(versions.iter().map(|b| &b[..])).collect();
        let was = 10u64.to_le_bytes();
        let mut out = was;
        let changes = Changes::new(0, &was, &list);
        assert_eq!((SUM.check)(&changes), Ok(()));
        (SUM.merge)(&changes, &mut out);
        assert_eq!(u64::from_le_bytes(out), 4);
        let list = [(0, &[0; 8][..]), (1, &[255; 8][..])];
        (SUM.merge)(&Changes::new(0, &was, &list), &mut out);
        assert_eq!(u64::from_le_bytes(out), 0u64.wrapping_sub(11));
    }

    #[test]
    fn the_last_reference_is_nobodys_to_share() {
        // One let the last one go, one made another of it.
        assert_eq!(merged(1, &[0, 2]), Err((0, 1)));
        assert_eq!(merged(1, &[2, 0]), Err((0, 1)));
        // Each let go of one, and neither saw the last.
        assert_eq!(merged(2, &[1, 1]), Err((0, 1)));
        assert_eq!(merged(3, &[2, 2, 3, 2]), Err((0, 3)));
        // No counts.
        assert_eq!(merged(0, &[1, 1]), Err((0, 1)));
        assert_eq!(merged(1, &[2, u64::MAX]), Err((0, 1)));
        assert_eq!(merged(u64::MAX, &[1, 2]), Err((0, 1)));
        let half = i64::MAX as u64 / 2;
        assert_eq!(merged(half, &[2 * half, half + 1, half + 2]), Err((0, 2)));
    }

    #[test]
    fn several_words_report_the_lowest_higher_child() {
        let was = [[1u8, 0, 0, 0, 0, 0, 0, 0]; 2].concat();
        let with = |first: u8, second: u8| {
            let mut version = was.clone();
            (version[0], version[8]) = (first, second);
            version
        };
        let versions = [with(2, 0), with(1, 2), with(0, 1)];
        let list: Vec<(u32, &[u8])> = (0..).zip(versions.iter().map(|v| &v[..])).collect();
        let found = (COUNT.check)(&Changes::new(0, &was, &list));
        assert_eq!(found, Err(HookConflict { at: 8, lower: 0, higher: 1 }));
    }

    /// Children that each raise and lower a count of theirs, which the merge must add as one after
    /// the other would have, or refuse if in some order one could have seen the end.
    #[test]
    fn like_one_after_the_other() {
        let random = &mut Random(7);
        let (mut sums, mut refused) = (0, 0);
        for _ in 0..20_000 {
            let was = random.draw() % 6;
            let children = 1 + random.draw() % 4;
            let steps: Vec<i64> = (0..children).map(|_| random.draw() as i64 % 4).collect();
            // What each makes of the snapshot; a count does not go below zero.
            let own: Vec<i64> = steps.iter().map(|s| (was as i64 + s).max(0)).collect();
            let steps: Vec<i64> = own.iter().map(|n| n - was as i64).collect();
            let changed = steps.iter().filter(|&&s| s != 0).count();
            let ends = |end: usize| was as i64 + steps[..end].iter().sum::<i64>() < 1;
            let seen = was == 0 || own.contains(&0) || (1..=steps.len()).any(ends);
            let versions: Vec<u64> = own.iter().map(|&n| n as u64).collect();
            match merged(was, &versions) {
                Ok(n) => {
                    assert_eq!(n as i64, was as i64 + steps.iter().sum::<i64>());
                    assert!(changed < 2 || !seen, "{was} {versions:?}");
                    sums += 1;
                }
                Err(_) => {
                    assert!(changed > 1 && seen, "{was} {versions:?}");
                    refused += 1;
                }
            }
        }
        assert!(sums > 1000 && refused > 1000);
    }
}
