//! Draws a timeline as SVG: above a row for each track, below a row for each space of the tree.

use super::read::{Slice, Space, Trace};
use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;

const WIDTH: f64 = 1000.0;
/// Where the time begins, and where it ends.
const LEFT: f64 = 200.0;
const RIGHT: f64 = 985.0;
/// Heights of rows, and of what stands in them.
const TRACK: f64 = 26.0;
const ROW: f64 = 16.0;
/// Width of a character, about.
const CHARACTER: f64 = 6.6;
/// What is narrower is drawn together with its neighbours.
const NARROW: f64 = 0.5;

const LEGEND: &str = "in tracks: grey = construct, orange = merge, dark = seal, snapshot, stage; \
                      red = fault, conflict; below: p = dirty pages";

const STYLE: &str = "\
text{font:11px ui-monospace,monospace;fill:#1f2328}
.ground{fill:#fff}.rule{stroke:#d0d7de}.title{font-size:14px;font-weight:bold}
.in{fill:#111}.faint{opacity:.65}
.d0{fill:#9fb3c8}.d1{fill:#7cb7e8}.d2{fill:#86cf9e}.d3{fill:#f0c274}.d4{fill:#cfa6e3}
.construct{fill:#d9dee4}.merge{fill:#e8866a}.side{fill:#000;opacity:.28}
.fault{stroke:#d1242f;stroke-width:2}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.in{fill:#111}.ground{fill:#0d1117}
.rule{stroke:#3d444d}.construct{fill:#8b949e}}
";

/// The picture of what happened in `cut`, in microseconds; the tree has at most so many rows.
pub(super) fn picture(trace: &Trace, most: usize, cut: Range<f64>) -> String {
    let shown = cut.start.max(0.0)..cut.end.min(trace.end.max(1.0));
    let mut p = Picture { out: String::new(), shown, y: 46.0 };
    let mut title = format!(
        "{} spaces, {} tracks, {}",
        trace.spaces.len(),
        trace.tracks.len(),
        duration(trace.end)
    );
    if p.shown.start > 0.0 || p.shown.end < trace.end {
        let [from, to] = [p.shown.start, p.shown.end].map(duration);
        write!(title, "; shown: {from} to {to}").expect("a string takes all");
    }
    p.text(10.0, 20.0, "title", &title);
    p.text(10.0, 38.0, "faint", LEGEND);
    p.tracks(trace);
    p.tree(&trace.spaces, most);
    let height = p.y + 10.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\"/>\n{}</svg>\n",
        p.out
    )
}

struct Picture {
    out: String,
    /// Microseconds that the width stands for.
    shown: Range<f64>,
    /// The top of what is drawn next.
    y: f64,
}

impl Picture {
    fn x(&self, time: f64) -> f64 {
        let Range { start, end } = self.shown;
        LEFT + (RIGHT - LEFT) * ((time.clamp(start, end) - start) / (end - start))
    }

    /// Whether anything of it is in the picture.
    fn has(&self, from: f64, lasts: f64) -> bool {
        from <= self.shown.end && from + lasts >= self.shown.start
    }

    fn add(&mut self, piece: std::fmt::Arguments<'_>) {
        self.out.write_fmt(piece).expect("a string takes all");
    }

    fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        let text = escape(text);
        self.add(format_args!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n"));
    }

    fn bar(&mut self, class: &str, (from, lasts): (f64, f64), (y, height): (f64, f64), tip: &str) {
        let x = self.x(from);
        let width = (self.x(from + lasts) - x).max(2.0 * NARROW);
        self.add(format_args!(
            "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{y:.1}\" width=\"{width:.2}\" \
             height=\"{height:.1}\"><title>{}</title></rect>\n",
            escape(tip)
        ));
    }

    /// Lines at round times over the rows from `top` on, and the times.
    fn axis(&mut self, top: f64) {
        let Range { start, end } = self.shown;
        let step = round_step(end - start);
        let bottom = self.y;
        for i in (start / step).ceil() as usize..=(end / step) as usize {
            let at = i as f64 * step;
            let x = self.x(at);
            self.add(format_args!(
                "<line class=\"rule\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" \
                 y2=\"{bottom:.1}\"/>\n"
            ));
            if x < RIGHT - 40.0 {
                self.text(x + 2.0, top - 2.0, "faint", &duration(at));
            }
        }
    }

    fn tracks(&mut self, trace: &Trace) {
        self.y += 16.0;
        let top = self.y;
        let rows: HashMap<u64, f64> = (trace.tracks.iter().enumerate())
            .map(|(i, track)| (track.id, top + i as f64 * TRACK))
            .collect();
        self.y += rows.len() as f64 * TRACK + 4.0;
        self.axis(top);
        for track in &trace.tracks {
            self.text(10.0, rows[&track.id] + 16.0, "", &track.name);
        }
        let mut drawn = HashMap::new();
        for category in ["space", "construct", "step", "merge"] {
            let mut slices: Vec<_> =
                trace.slices.iter().filter(|s| s.category == category).collect();
            slices.retain(|s| self.has(s.from, s.lasts));
            slices.sort_by(|a, b| a.from.total_cmp(&b.from));
            for s in slices {
                if let Some(&y) = rows.get(&s.track) {
                    self.slice(s, y, &mut drawn);
                }
            }
        }
        for mark in trace.marks.iter().filter(|m| m.category == "fault") {
            let Some(&y) = rows.get(&mark.track).filter(|_| self.has(mark.at, 0.0)) else {
                continue;
            };
            let x = self.x(mark.at);
            self.add(format_args!(
                "<line class=\"fault\" x1=\"{x:.2}\" x2=\"{x:.2}\" y1=\"{y:.1}\" \
                 y2=\"{:.1}\"><title>{}</title></line>\n",
                y + TRACK - 4.0,
                escape(&mark.name)
            ));
        }
    }

    fn slice(&mut self, s: &Slice, y: f64, drawn: &mut HashMap<(u64, String), f64>) {
        let class = match (s.category.as_str(), s.name.as_str()) {
            ("space", name) => format!("d{}", name.matches('/').count().min(4)),
            ("step", "snapshot" | "stage" | "seal" | "start") => "side".to_owned(),
            ("step", _) => return,
            (other, _) => other.to_owned(),
        };
        // What is too narrow to be told from the one before is part of it.
        let (left, right) = (self.x(s.from), self.x(s.from + s.lasts));
        let last = drawn.entry((s.track, class.clone())).or_insert(0.0);
        if right < *last + NARROW {
            return;
        }
        *last = right;
        let about = s.space.as_deref().filter(|_| s.category != "space");
        let about = about.map_or(String::new(), |space| format!(" of {space}"));
        let tip = format!("{}{about}: {} at {}", s.name, duration(s.lasts), duration(s.from));
        // What happens in the track of a space that waits lies over its lower half.
        let place = if s.category == "space" { (y, TRACK - 4.0) } else { (y + 11.0, 11.0) };
        self.bar(&class, (s.from, s.lasts), place, &tip);
        if s.category == "space" && right - left > s.name.len() as f64 * CHARACTER + 6.0 {
            self.text(left + 3.0, y + 10.0, "in", &s.name);
        }
    }

    fn tree(&mut self, spaces: &[Space], most: usize) {
        self.y += 30.0;
        let top = self.y;
        let shown = &spaces[..most.min(spaces.len())];
        self.y += shown.len() as f64 * ROW + 4.0;
        self.axis(top);
        for (i, space) in shown.iter().enumerate() {
            let y = top + i as f64 * ROW;
            self.space(space, y);
        }
        let more = spaces.len() - shown.len();
        if more > 0 {
            self.y += ROW;
            let y = self.y - 6.0;
            self.text(10.0, y, "faint", &format!("and {more} more (--spaces)"));
        }
    }

    fn space(&mut self, space: &Space, y: f64) {
        let depth = space.depth();
        let own = if depth == 0 { &space.name } else { last_part(&space.name) };
        let indent = 10.0 + (depth.min(12) * 12) as f64;
        self.text(indent, y + 11.0, "", own);
        let tip = format!(
            "{}: {}; {} dirty pages, {} merged bytes, {} page faults, {} of scans",
            space.name,
            if space.end.is_empty() { "ran" } else { &space.end },
            space.dirty_pages,
            space.merged_bytes,
            space.page_faults,
            duration(space.scan)
        );
        let class = format!("d{}", depth.min(4));
        for &(from, lasts, _) in &space.runs {
            if self.has(from, lasts) {
                self.bar(&class, (from, lasts), (y + 2.0, ROW - 4.0), &tip);
            }
        }
        let numbers = format!("{} p", space.dirty_pages);
        let x = LEFT - 8.0 - numbers.len() as f64 * CHARACTER;
        if depth > 0 && x > indent + own.len() as f64 * CHARACTER + 6.0 {
            self.text(x, y + 11.0, "faint", &numbers);
        }
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// A round step that gives some ten lines.
fn round_step(end: f64) -> f64 {
    let rough = end / 10.0;
    let ten = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|f| f * ten).find(|s| *s >= rough).unwrap_or(ten)
}

/// A time in microseconds, for people.
fn duration(micros: f64) -> String {
    let (unit, number) = match micros {
        m if m >= 1e6 => ("s", m / 1e6),
        m if m >= 1e3 => ("ms", m / 1e3),
        m => ("us", m),
    };
    let digits = if number >= 100.0 { 0 } else { 2 };
    let text = format!("{number:.digits$}");
    let text = if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {unit}")
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no way to write these.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_for_people() {
        let table = [(0.0, "0 us"), (1.5, "1.5 us"), (999.0, "999 us"), (20_000.0, "20 ms")];
        for (micros, text) in table.into_iter().chain([(1_234_000.0, "1.23 s")]) {
            assert_eq!(duration(micros), text);
        }
        for end in [1.0, 7.0, 123.0, 45_678.0, 2e9] {
            let lines = end / round_step(end);
            assert!((4.0..=10.01).contains(&lines), "{end}: {lines}");
        }
    }

    #[test]
    fn names_are_escaped() {
        assert_eq!(escape("a<b>&\"\u{1}"), "a&lt;b&gt;&amp;&quot;\u{fffd}");
    }
}
