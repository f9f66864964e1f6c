//! The printed results: a line of JSON, or a row of a table.

use crate::stats::significant;
use crate::suite::{Of, Unit};
use serde_json::json;
use std::fmt::Write as _;

/// A case beside one baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Suite.
    pub suite: String,
    /// Case.
    pub case: String,
    /// What the case works on, or what was touched before.
    pub size: u64,
    /// What that counts.
    pub of: Of,
    /// What ran the children.
    pub engine: String,
    /// Workers.
    pub workers: usize,
    /// What the numbers are.
    pub unit: Unit,
    /// The least of all rounds.
    pub min: f64,
    /// The median of the rounds' medians.
    pub median: f64,
    /// Name of the baseline.
    pub baseline: String,
    /// Its median of medians.
    pub baseline_median: f64,
    /// `median / baseline_median`: below 1 the case is faster, or needs less.
    pub ratio: f64,
    /// The least and the greatest ratio of one round.
    pub spread: (f64, f64),
}

/// Significant digits of numbers in JSON.
const DIGITS: usize = 5;

impl Row {
    /// As an object on one line, numbers rounded to five digits.
    pub fn json(&self) -> String {
        let unit = self.unit.name();
        let number = |x: f64| json!(significant(x, DIGITS)).to_string();
        let fields = [
            ("suite".into(), json!(self.suite).to_string()),
            ("case".into(), json!(self.case).to_string()),
            ("size".into(), self.size.to_string()),
            ("engine".into(), json!(self.engine).to_string()),
            ("workers".into(), self.workers.to_string()),
            (format!("min_{unit}"), number(self.min)),
            (format!("median_{unit}"), number(self.median)),
            ("baseline".into(), json!(self.baseline).to_string()),
            (format!("baseline_median_{unit}"), number(self.baseline_median)),
            ("ratio".into(), number(self.ratio)),
            ("ratio_min".into(), number(self.spread.0)),
            ("ratio_max".into(), number(self.spread.1)),
        ];
        let fields: Vec<String> = fields.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
        format!("{{{}}}", fields.join(","))
    }

    /// The size as tables have it.
    pub fn size_text(&self) -> String {
        match self.of {
            Of::Bytes => bytes(self.size),
            Of::Items => self.size.to_string(),
            Of::Rows => format!("{0} x {0}", self.size),
        }
    }

    fn cells(&self) -> [String; COLUMNS] {
        [
            self.case.clone(),
            self.size_text(),
            self.engine.clone(),
            self.workers.to_string(),
            self.unit.name().into(),
            number(self.min),
            number(self.median),
            self.baseline.clone(),
            number(self.baseline_median),
            number(self.ratio),
        ]
    }
}

const COLUMNS: usize = 10;
const HEAD: [&str; COLUMNS] = [
    "case",
    "size",
    "engine",
    "workers",
    "unit",
    "min",
    "median",
    "baseline",
    "its median",
    "ratio",
];
/// Columns that describe the case: said once for all its baselines.
const OF_CASE: usize = 7;
/// Columns of words; the others are aligned to the right.
const WORDS: [usize; 4] = [0, 2, 4, 7];

/// The rows of one suite as an aligned table; the head in bold where `bold`.
pub fn table(rows: &[Row], bold: bool) -> String {
    let lines = lines(rows);
    let width = |column: usize| lines.iter().map(|l| l[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    let mut text = String::new();
    for (i, cells) in lines.iter().enumerate() {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let width = widths[column];
            let _ = if WORDS.contains(&column) {
                write!(line, "{cell:<width$}  ")
            } else {
                write!(line, "{cell:>width$}  ")
            };
        }
        let line = line.trim_end();
        let _ = if bold && i == 0 {
            writeln!(text, "\x1b[1m{line}\x1b[0m")
        } else {
            writeln!(text, "{line}")
        };
    }
    text
}

/// The same as Markdown.
pub fn markdown(rows: &[Row]) -> String {
    let line = |cells: &[String; COLUMNS]| format!("| {} |\n", cells.join(" | "));
    let mut lines = lines(rows).into_iter();
    let mut text: String = lines.next().iter().map(line).collect();
    let aligned = |column| if WORDS.contains(&column) { "---" } else { "---:" };
    text += &line(&std::array::from_fn(|column| aligned(column).into()));
    lines.for_each(|cells| text += &line(&cells));
    text
}

/// The head and the rows' cells; what describes a case is said once.
fn lines(rows: &[Row]) -> Vec<[String; COLUMNS]> {
    let mut lines = vec![HEAD.map(String::from)];
    for (i, row) in rows.iter().enumerate() {
        let mut cells = row.cells();
        if i > 0 && (&rows[i - 1].case, rows[i - 1].size) == (&row.case, row.size) {
            cells[..OF_CASE].fill(String::new());
        }
        lines.push(cells);
    }
    lines
}

/// Three significant digits, without an exponent.
pub fn number(x: f64) -> String {
    let x = significant(x, 3);
    let digits = if x == 0.0 { 0.0 } else { x.abs().log10().floor() };
    let decimals = (2.0 - digits).clamp(0.0, 9.0) as usize;
    format!("{x:.decimals$}")
}

/// A size in binary units; `-` for none.
fn bytes(n: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.iter().find(|(shift, _)| n >> shift > 0);
    match unit {
        _ if n == 0 => "-".into(),
        None => format!("{n} B"),
        Some((shift, unit)) => {
            let x = n as f64 / (1u64 << shift) as f64;
            if x.fract() == 0.0 { format!("{x} {unit}") } else { format!("{x:.1} {unit}") }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn row(case: &str, baseline: &str, baseline_median: f64) -> Row {
        Row {
            suite: "join".into(),
            case: case.into(),
            size: 1 << 20,
            of: Of::Bytes,
            engine: "spaces".into(),
            workers: 2,
            unit: Unit::Microseconds,
            min: 5.123456,
            median: 6.0,
            baseline: baseline.into(),
            baseline_median,
            ratio: 6.0 / baseline_median,
            spread: (5.0 / baseline_median, 7.0 / baseline_median),
        }
    }

    #[test]
    fn json_has_these_fields_in_this_order() {
        let expected = r#"{"suite":"join","case":"empty2","size":1048576,"engine":"spaces","workers":2,"min_us":5.1235,"median_us":6.0,"baseline":"fork_wait","baseline_median_us":30000.0,"ratio":0.0002,"ratio_min":0.00016667,"ratio_max":0.00023333}"#;
        let row = row("empty2", "fork_wait", 30000.0);
        assert_eq!(row.json(), expected);
        let megabytes = Row { unit: Unit::Megabytes, ..row }.json();
        assert_eq!(megabytes, expected.replace("_us\"", "_mb\""));
        serde_json::from_str::<serde_json::Value>(&megabytes).unwrap();
    }

    #[test]
    fn a_case_is_named_once() {
        let rows = [row("a", "x", 3.0), row("a", "long_name", 1200.0), row("b", "x", 0.03)];
        let expected = "\
case   size  engine  workers  unit   min  median  baseline   its median    ratio
a     1 MiB  spaces        2  us    5.12    6.00  x                3.00     2.00
                                                  long_name        1200  0.00500
b     1 MiB  spaces        2  us    5.12    6.00  x              0.0300      200
";
        let widths = |t: &str| t.lines().map(|l| l.trim_end().len()).collect::<Vec<_>>();
        let table = table(&rows, false);
        assert_eq!(widths(&table)[0], widths(&table)[1], "aligned:\n{table}");
        let words = |t: &str| t.split_whitespace().map(String::from).collect::<Vec<_>>();
        assert_eq!(words(&table), words(expected));
    }

    #[test]
    fn markdown_has_the_cells_of_the_table() {
        let rows = [row("a", "x", 3.0), row("a", "y", 1200.0)];
        let text = markdown(&rows);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[1].matches("---").count(), COLUMNS);
        assert_eq!(lines[2], "| a | 1 MiB | spaces | 2 | us | 5.12 | 6.00 | x | 3.00 | 2.00 |");
        assert_eq!(lines[3], "|  |  |  |  |  |  |  | y | 1200 | 0.00500 |");
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn only_bold_tables_have_escapes() {
        let rows = [row("a", "x", 3.0)];
        assert!(!table(&rows, false).contains('\x1b'));
        assert!(table(&rows, true).starts_with("\x1b[1mcase"));
    }

    #[test]
    fn numbers() {
        let of = [0.0, 0.03, 0.000123456, 5.126, 14.5, 99.96, 1234.5, 33000.0, 1e7].map(number);
        let expected = ["0.00", "0.0300", "0.000123", "5.13", "14.5", "100", "1230", "33000"];
        assert_eq!(of[..8], expected);
        assert_eq!(of[8], "10000000");
    }

    #[test]
    fn sizes() {
        let of = [0, 16, 65536, 1 << 20, 80_000_000, 1 << 30].map(bytes);
        assert_eq!(of, ["-", "16 B", "64 KiB", "1 MiB", "76.3 MiB", "1 GiB"]);
    }
}
