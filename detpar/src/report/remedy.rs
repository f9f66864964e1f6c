//! What to do about a conflict over memory that a program does not mean to share: lazily filled
//! statics, and the counts of an `Arc`.
use super::describe::Place;
use super::image::Image;
use super::{objects, symbols, types};
use crate::hidden;
use kernel::abi::Conflict;

/// What a type of a lazily filled static is called, and what can be done in the master.
const LAZY: [(&str, &str, Do); 7] = [
    ("std", "LazyLock", Do::Warm),
    ("once_cell", "Lazy", Do::Warm),
    ("lazy_static", "Lazy", Do::Warm),
    ("std", "OnceLock", Do::Declare),
    ("std", "Once", Do::Declare),
    ("once_cell", "OnceCell", Do::Fill),
    ("once_cell", "OnceBox", Do::Fill),
];

#[derive(Clone, Copy, PartialEq)]
enum Do {
    Warm,
    Declare,
    Fill,
}

impl Do {
    fn with(self, name: &str) -> String {
        // The last name, as the source has it where it is in scope.
        let name = name.rsplit("::").next().unwrap_or(name);
        match self {
            Do::Warm => format!("`detpar::warm(&{name})` in the master before they start"),
            Do::Declare => format!(
                "`detpar::write_once(&{name})` in the master before they start, or fill it there"
            ),
            Do::Fill => "fill it in the master before they start".to_owned(),
        }
    }
}

/// What to do, where the place tells; the end of a sentence.
pub(super) fn of(conflict: &Conflict, place: &Place) -> Option<String> {
    match place {
        Place::Static { name: Some(name), .. } if hidden::is_setting(name) => {
            Some("a setting of the whole program: set it in the master".to_owned())
        }
        Place::Static { name: Some(name), offset, .. } => {
            lazy(conflict.address as usize, name, *offset)
        }
        Place::Heap { offset, len } if is_count(conflict, *offset, *len) => Some(
            "if these are the clones of an `Arc`: `detpar::counts(&arc)` before the children \
             start; if they belong to a value that keeps caches, such as a `Regex`: \
             `detpar::PerChild`"
                .to_owned(),
        ),
        _ => None,
    }
}

fn lazy(address: usize, name: &str, offset: usize) -> Option<String> {
    let found = objects::find(address)?;
    let image = Image::of(&found)?;
    let start = found.offset.wrapping_sub(offset);
    let wanted = types::Static { address: start, thread_local: false, name };
    let Some(path) = types::of_static(&image, wanted) else {
        let (_, len) = symbols::variable_in(&image, found.offset)?;
        // SAFETY: the bytes of a static of a loaded object; the master runs, and no child.
        let looks = unsafe { hidden::may_be_lazy(address.wrapping_sub(offset), len) };
        return looks.then(|| {
            "if it is a lazy static, first used in two children: fill it in the master before \
             they start"
                .to_owned()
        });
    };
    let (krate, ty) = (path.split("::").next()?, path.rsplit("::").next()?);
    let known = LAZY.iter().find(|row| row.0 == krate && row.1 == ty)?;
    Some(format!("lazy static first used in two children: {}", known.2.with(name)))
}

/// Whether it looks like one of the two counts of an `Arc`, which children raised or lowered.
fn is_count(conflict: &Conflict, offset: usize, len: usize) -> bool {
    const MANY: u64 = 1 << 20;
    let [was, lower, higher] =
        [conflict.reference, conflict.lower_value, conflict.higher_value].map(u64::from_ne_bytes);
    let is = |n: u64| (1..MANY).contains(&n);
    offset < 16
        && len >= 16
        && is(was)
        && was != lower
        && was != higher
        && is(lower.max(1))
        && is(higher.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::abi::Freed;

    #[test]
    fn counts_by_their_look() {
        let conflict = |words: [u64; 3]| {
            let [reference, lower_value, higher_value] = words.map(u64::to_ne_bytes);
            let freed = Freed::Neither;
            Conflict {
                address: 8,
                lower: 0,
                higher: 1,
                reference,
                lower_value,
                higher_value,
                freed,
            }
        };
        let look = |words, offset, len| {
            of(&conflict(words), &Place::Heap { offset, len }).is_some_and(|r| r.contains("Arc"))
        };
        assert!(look([1, 2, 3], 0, 32) && look([2, 1, 1], 8, 16) && look([1, 0, 2], 0, 64));
        assert!(!look([1, 2, 3], 16, 32) && !look([1, 2, 3], 0, 8) && !look([0, 1, 1], 0, 32));
        assert!(!look([1, 1 << 40, 2], 0, 32) && !look([1, 1, 2], 0, 32));
    }

    #[test]
    fn what_to_do_names_the_static() {
        assert!(Do::Warm.with("a::b::X").starts_with("`detpar::warm(&X)`"));
        assert!(Do::Declare.with("X").starts_with("`detpar::write_once(&X)`"));
    }
}
