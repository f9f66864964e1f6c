//! What ranges are refused.
use super::super::program::{HUGE, OVERFLOWING, PAGE, PARTS, Part, Perm, Span};
use super::super::runner::Refused;

/// Checks ranges by themselves: first that they are ranges, then that they are memory.
pub(super) fn check(
    ranges: impl Iterator<Item = Span> + Clone,
    perm: Option<(Span, Perm)>,
) -> Result<(), Refused> {
    let mut all = ranges.chain(perm.map(|(span, _)| span));
    let overflows = |s: &Span| s.len == OVERFLOWING;
    if all.clone().any(|s| overflows(&s)) {
        return Err(Refused::Invalid);
    }
    if let Some((span, _)) = perm
        && (span.place.part == Part::Frame || span.place.offset % PAGE != 0 || span.len % PAGE != 0)
    {
        return Err(Refused::Invalid);
    }
    if all.any(|s| s.len > 0 && !inside(s)) { Err(Refused::Fault) } else { Ok(()) }
}

fn inside(span: Span) -> bool {
    if span.len == HUGE || !PARTS.contains(&span.place.part) {
        return false;
    }
    let within = span.place.offset + span.len <= span.place.part.size();
    assert!(within, "{span:?} leaves its part: what lies there differs between engines");
    true
}
