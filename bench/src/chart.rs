//! Results as a picture: SVG, one bar for each case and baseline.

use crate::row::{Row, number};
use std::fmt::Write as _;

/// Pixels: from the left edge, where the baselines' names, the bars and the numbers begin.
const NAMES: f64 = 190.0;
const BARS: f64 = 300.0;
const NUMBERS: f64 = 830.0;
const WIDTH: f64 = 900.0;
/// Pixels: height of a bar's line, and of what stands above the first.
const LINE: f64 = 18.0;
const HEAD: f64 = 76.0;

/// The least and the greatest ratio that a chart has room for, whatever its rows say.
const NARROWEST: (f64, f64) = (0.5, 2.0);

/// Readable on light and dark ground; the classes' fills stand alone, for renderers that know
/// no variables.
const STYLE: &str = "\
text{font:12px system-ui,sans-serif;fill:#24292f}
.ground{fill:#ffffff}.title{font-size:16px;font-weight:600}.suite{font-weight:600}
.faint{fill:#57606a}.mark{text-anchor:middle}.grid{stroke:#d8dee4}.one{stroke:#57606a;stroke-width:1.5}
.less{fill:#2da44e}.more{fill:#bf5b04}.spread{stroke:#24292f;stroke-width:1.5}
@media(prefers-color-scheme:dark){
text{fill:#e6edf3}.ground{fill:#0d1117}.faint{fill:#9198a1}.grid{stroke:#30363d}
.one{stroke:#9198a1}.less{fill:#3fb950}.more{fill:#e3883a}.spread{stroke:#e6edf3}}
";

/// Draws all rows below a title and a line that says where they were measured. A bar begins at
/// the ratio 1; the thin line across its end goes from the least ratio of a round to the
/// greatest.
pub fn svg(title: &str, about: &str, rows: &[Row]) -> String {
    let axis = Axis::of(rows);
    let suites = rows.iter().enumerate().filter(|&(i, _)| begins(rows, i, |r| &r.suite)).count();
    let bottom = HEAD + LINE * (rows.len() as f64 + 1.5 * suites as f64);
    let height = bottom + 2.0 * LINE;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\"/>\n",
        escaped(title)
    );
    put(&mut text, "title", 12.0, 26.0, title);
    put(&mut text, "faint", 12.0, 46.0, about);
    let mut y = HEAD;
    let mut places = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        if begins(rows, i, |r| &r.suite) {
            y += 1.5 * LINE;
            put(&mut text, "suite", 12.0, y - LINE - 1.0, &row.suite);
        }
        if begins(rows, i, |r| (&r.suite, &r.case, r.size)) {
            put(&mut text, "", 12.0, y, &format!("{} {}", row.case, row.size_text()));
        }
        put(&mut text, "faint", NAMES, y, &row.baseline);
        put(&mut text, "", NUMBERS, y, &number(row.ratio));
        places.push(y);
        y += LINE;
    }
    for ratio in axis.marks() {
        let x = axis.place(ratio);
        put(&mut text, "faint mark", x, bottom + LINE, &mark(ratio));
        let class = if ratio == 1.0 { "one" } else { "grid" };
        let top = HEAD - 8.0;
        line(&mut text, class, (x, top), (x, bottom));
    }
    for (row, y) in rows.iter().zip(places) {
        let (from, to) = (axis.place(row.ratio.min(1.0)), axis.place(row.ratio.max(1.0)));
        let class = if row.ratio < 1.0 { "less" } else { "more" };
        let (top, middle, width) = (y - 11.0, y - 4.5, to - from);
        let _ = writeln!(
            text,
            "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" \
             height=\"13\"/>"
        );
        let (low, high) = row.spread;
        line(&mut text, "spread", (axis.place(low), middle), (axis.place(high), middle));
    }
    text + "</svg>\n"
}

/// Whether a row is the first of those that have this in common.
fn begins<'a, T: PartialEq>(rows: &'a [Row], i: usize, of: impl Fn(&'a Row) -> T) -> bool {
    i == 0 || of(&rows[i - 1]) != of(&rows[i])
}

fn put(text: &mut String, class: &str, x: f64, y: f64, words: &str) {
    let words = escaped(words);
    let _ = writeln!(text, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>");
}

fn line(text: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = writeln!(
        text,
        "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
    );
}

/// As in tables of logarithms: equal factors are equal distances.
struct Axis {
    least: f64,
    greatest: f64,
}

impl Axis {
    fn of(rows: &[Row]) -> Axis {
        let ends = rows.iter().flat_map(|r| [r.spread.0, r.spread.1, r.ratio]);
        let known = ends.filter(|r| r.is_finite() && *r > 0.0);
        let (least, greatest) = known.fold(NARROWEST, |(low, high), r| (low.min(r), high.max(r)));
        Axis { least, greatest }
    }

    /// Pixels from the left.
    fn place(&self, ratio: f64) -> f64 {
        let ratio = ratio.clamp(self.least, self.greatest);
        let part = (ratio / self.least).ln() / (self.greatest / self.least).ln();
        BARS + part * (NUMBERS - 15.0 - BARS)
    }

    /// Powers of ten, with halves and doubles of them where there is room.
    fn marks(&self) -> Vec<f64> {
        let decades = (self.greatest / self.least).log10();
        let between: &[f64] = if decades < 4.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let powers = (-9..=9).map(|e| 10f64.powi(e));
        let all = powers.flat_map(|p| between.iter().map(move |b| p * b));
        all.filter(|r| (self.least..=self.greatest).contains(r)).collect()
    }
}

fn mark(ratio: f64) -> String {
    format!("{}", (ratio * 1e9).round() / 1e9)
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::tests::row;

    fn rows(ratios: &[f64]) -> Vec<Row> {
        let of = |(i, &ratio): (usize, &f64)| Row {
            ratio,
            spread: (ratio * 0.9, ratio * 1.2),
            ..row(&format!("case{i}"), "rayon", 1.0)
        };
        ratios.iter().enumerate().map(of).collect()
    }

    /// Attributes of the elements of a class.
    fn all(svg: &str, class: &str, name: &str) -> Vec<f64> {
        let of = |line: &str| {
            let (_, rest) = line.split_once(&format!(" {name}=\""))?;
            rest.split_once('"')?.0.parse().ok()
        };
        svg.lines().filter(|l| l.contains(&format!("class=\"{class}\" x"))).filter_map(of).collect()
    }

    #[test]
    fn bars_begin_at_one_and_are_as_long_as_the_logarithm() {
        let svg = svg("t", "a", &rows(&[10.0, 100.0, 0.1, 1.0]));
        let (widths, from) = (all(&svg, "more", "width"), all(&svg, "more", "x"));
        assert!((widths[1] - 2.0 * widths[0]).abs() < 0.2 && widths[2] == 0.0, "{widths:?}");
        assert!(from.iter().all(|x| *x == from[0]), "{from:?}");
        let (less, end) = (all(&svg, "less", "width"), all(&svg, "less", "x"));
        assert!((less[0] - widths[0]).abs() < 0.2 && (end[0] + less[0] - from[0]).abs() < 0.2);
        assert_eq!(all(&svg, "one", "x1"), from[..1]);
    }

    #[test]
    fn spreads_reach_from_the_least_to_the_greatest() {
        let rows = rows(&[3.0, 0.7]);
        let (svg, axis) = (svg("t", "a", &rows), Axis::of(&rows));
        let (from, to) = (all(&svg, "spread", "x1"), all(&svg, "spread", "x2"));
        for (row, (from, to)) in rows.iter().zip(from.into_iter().zip(to)) {
            let (low, high) = (axis.place(row.spread.0), axis.place(row.spread.1));
            assert!((from - low).abs() < 0.1 && (to - high).abs() < 0.1);
        }
    }

    #[test]
    fn a_case_and_a_suite_are_named_once() {
        let mut rows = rows(&[1.0, 2.0]);
        rows.extend(rows.clone().into_iter().map(|r| Row { baseline: "other".into(), ..r }));
        rows.sort_by(|a, b| a.case.cmp(&b.case));
        let svg = svg("t", "a", &rows);
        let times = |words: &str| svg.matches(words).count();
        assert_eq!((times(">join<"), times(">case0 "), times(">other<")), (1, 1, 2));
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }

    #[test]
    fn words_are_no_markup() {
        let svg = svg("a < b & c", "d > e", &[]);
        assert!(svg.contains(">a &lt; b &amp; c</text>") && svg.contains(">d &gt; e</text>"));
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn marks() {
        let marks = |least, greatest| Axis { least, greatest }.marks();
        assert_eq!(marks(0.5, 2.0), [0.5, 1.0, 2.0]);
        assert_eq!(marks(1e-4, 20.0), [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0]);
    }
}
