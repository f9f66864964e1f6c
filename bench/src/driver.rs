//! Rounds of subprocesses: in each round everybody has one turn, so that what disturbs the
//! machine for a while disturbs all alike.

use crate::program::Programs;
use crate::row::{Row, markdown, table};
use crate::stats;
use crate::suite::{Case, Contender, Program, Suite, Workers};
use crate::system;
use crate::task::{Answer, Task};
use crate::{c, chart};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// What to measure, and how thoroughly.
#[derive(Debug)]
pub struct Plan {
    /// In this order.
    pub suites: Vec<&'static Suite>,
    /// What runs detpar's children; `None`: what does so where nothing is said.
    pub engine: Option<String>,
    /// How to print.
    pub form: Form,
    /// Where to draw.
    pub svg: Option<PathBuf>,
    /// Rounds of each case.
    pub rounds: Rounds,
    /// How long each subprocess takes samples.
    pub budget: Duration,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// To be read.
    Table,
    /// For documents.
    Markdown,
    /// For other programs, as soon as a case is done.
    Json,
}

/// How many rounds a case has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounds {
    /// However long they take.
    pub least: usize,
    /// Where they are over in time.
    pub most: usize,
}

impl Rounds {
    /// Whether there is to be one more after so many, which took this long.
    fn more(self, done: usize, took: Duration) -> bool {
        done < self.least || (done < self.most && took < LONG)
    }
}

/// A case that takes longer than this gets no more rounds than it must.
const LONG: Duration = Duration::from_secs(60);

/// Memory beyond a case's own that a subprocess may need.
const SPARE: u64 = 256 << 20;

/// Measures and prints everything.
pub fn run(plan: &Plan) -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("warning: built without optimisation: the numbers mean nothing; add --release");
    }
    let setting = Programs::find().and_then(|programs| Ok((programs, usual_workers()?)));
    let (programs, usual) = match setting {
        Ok(setting) => setting,
        Err(e) => {
            eprintln!("error: {e}");
            return ExitCode::FAILURE;
        }
    };
    let of_suite = |s: &Suite| s.cases.iter().map(|c| s.contenders(c).count()).sum::<usize>();
    let turns = |s: &&Suite| of_suite(s) * plan.rounds.most;
    let bar = bar(plan.suites.iter().map(turns).sum());
    let mut driver =
        Driver { plan, programs, c: None, usual, bar, failed: false, rows: Vec::new() };
    let mut printed = plan.suites.iter().try_for_each(|suite| driver.suite(suite));
    driver.bar.finish_and_clear();
    if let (Ok(()), Some(path)) = (&printed, &plan.svg) {
        printed = fs::write(path, driver.picture())
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())));
    }
    match printed {
        Ok(()) if driver.failed => ExitCode::FAILURE,
        printed => exit(printed),
    }
}

/// Prints a text, and says how that went.
pub fn printed(text: &str) -> ExitCode {
    exit(print(text))
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

fn exit(printed: io::Result<()>) -> ExitCode {
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that has seen enough.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: printing the results: {e}");
            ExitCode::FAILURE
        }
    }
}

/// On standard error, if that is a terminal. Draws between subprocesses only: while one
/// measures, this process sleeps.
fn bar(turns: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(turns as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta} {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn usual_workers() -> Result<usize, String> {
    match std::env::var("DETPAR_WORKERS") {
        Ok(text) => match text.trim().parse() {
            Ok(n) if (1..=1024).contains(&n) => Ok(n),
            _ => Err(format!("DETPAR_WORKERS={text}: give a number from 1 to 1024")),
        },
        Err(_) => Ok(std::thread::available_parallelism().map_or(1, |n| n.get())),
    }
}

struct Driver<'a> {
    plan: &'a Plan,
    programs: Programs,
    /// Those in C, as soon as a suite needs them.
    c: Option<c::Programs>,
    usual: usize,
    bar: ProgressBar,
    failed: bool,
    rows: Vec<Row>,
}

/// The answers that a contender gave so far.
struct Score {
    who: Contender,
    workers: usize,
    answers: Vec<Answer>,
    failed: bool,
}

impl Driver<'_> {
    fn suite(&mut self, suite: &Suite) -> io::Result<()> {
        let mut rows = Vec::new();
        if suite.subject.program == Program::C && self.c.is_none() {
            match c::Programs::build() {
                Ok(programs) => self.c = Some(programs),
                Err(e) => {
                    self.complain(&format!("{}: skipped: {e}", suite.name));
                    return Ok(());
                }
            }
        }
        for case in suite.cases {
            let scores = self.case(suite, case);
            let of_case = rows_of(suite, case, &scores);
            if self.plan.form == Form::Json {
                let text: String = of_case.iter().map(|r| r.json() + "\n").collect();
                self.bar.suspend(|| print(&text))?;
            }
            rows.extend(of_case);
        }
        let text = match self.plan.form {
            Form::Json => String::new(),
            Form::Table => {
                let bold = io::stdout().is_terminal() && !no_color();
                format!("{}: {}\n{}\n", suite.name, suite.about, table(&rows, bold))
            }
            Form::Markdown => format!(
                "`{}`: {} ({})\n\n{}\n",
                suite.name,
                suite.about,
                system::machine(),
                markdown(&rows)
            ),
        };
        self.bar.suspend(|| print(&text))?;
        self.rows.extend(rows);
        Ok(())
    }

    fn picture(&self) -> String {
        let first = self.rows.first();
        let engine = first.map_or("", |row| row.engine.as_str());
        let title = format!("detpar ({engine}): time or memory, divided by the baseline's");
        let workers = first.map_or(0, |row| row.workers);
        let about = format!("{}, {workers} workers. Less than 1 is better.", system::machine());
        chart::svg(&title, &about, &self.rows)
    }

    fn case(&mut self, suite: &Suite, case: &Case) -> Vec<Score> {
        let score = |who: Contender| {
            let workers = match who.workers {
                Workers::Usual => self.usual,
                Workers::Exactly(n) => n,
            };
            Score { who, workers, answers: Vec::new(), failed: false }
        };
        let mut scores: Vec<Score> = suite.contenders(case).map(score).collect();
        if system::available_memory().is_some_and(|m| m < case.bytes() + SPARE) {
            let need = (case.bytes() + SPARE) >> 20;
            self.complain(&format!("{}: skipped, needs {need} MiB of free memory", case.name));
            self.bar.inc((scores.len() * self.plan.rounds.most) as u64);
            return Vec::new();
        }
        let begin = Instant::now();
        let mut done = 0;
        while self.plan.rounds.more(done, begin.elapsed()) {
            done += 1;
            for score in &mut scores {
                self.bar.set_message(format!("{} {} {}", suite.name, case.name, score.who.name));
                if !score.failed {
                    self.turn(suite, case, score);
                }
                self.bar.inc(1);
            }
        }
        self.bar.inc((scores.len() * (self.plan.rounds.most - done)) as u64);
        scores
    }

    fn turn(&mut self, suite: &Suite, case: &Case, score: &mut Score) {
        let (who, workers) = (score.who, score.workers);
        let task = Task::new(suite.name, case, who, workers, self.plan.budget);
        match self.ask(&task, who.program) {
            Ok(answer) => score.answers.push(answer),
            Err(e) => {
                score.failed = true;
                self.complain(&format!("{} {} {}: {e}", suite.name, case.name, who.name));
            }
        }
    }

    fn ask(&self, task: &Task, program: Program) -> Result<Answer, String> {
        let in_c = |threads| {
            let programs = self.c.as_ref().ok_or("the programs in C were not built")?;
            Ok::<_, String>(programs.path(&task.case, threads))
        };
        let path = match program {
            Program::Detpar => self.programs.detpar.clone(),
            Program::Baseline => self.programs.baseline.clone(),
            Program::C => in_c(false)?,
            Program::CThreads => in_c(true)?,
        };
        let mut command = Command::new(&path);
        task.pass_to(&mut command);
        if let Some(engine) = &self.plan.engine {
            command.env("DETPAR_ENGINE", engine);
        }
        let done = command.stdin(Stdio::null()).output();
        let done = done.map_err(|e| format!("{}: {e}", path.display()))?;
        if !done.status.success() {
            let why = String::from_utf8_lossy(&done.stderr);
            return Err(format!("{}: {}", done.status, why.trim_end()));
        }
        let answer: Answer = serde_json::from_slice(&done.stdout)
            .map_err(|e| format!("{}: no answer ({e})", path.display()))?;
        if answer.owns_malloc != program.owns_malloc() {
            let why = "whether malloc is taken over is the difference between the programs";
            return Err(format!("{}: {why}, and it is wrong here", path.display()));
        }
        Ok(answer)
    }

    fn complain(&mut self, why: &str) {
        self.failed = true;
        self.bar.suspend(|| eprintln!("error: {why}"));
    }
}

/// Whether the user wants none: <https://no-color.org>.
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
}

/// One row for each baseline, where it and the subject answered every time.
fn rows_of(suite: &Suite, case: &Case, scores: &[Score]) -> Vec<Row> {
    let Some((subject, baselines)) = scores.split_first() else { return Vec::new() };
    let Some(of_subject) = median(subject) else { return Vec::new() };
    let minima: Vec<f64> = subject.answers.iter().map(|a| a.min).collect();
    let min = stats::minimum(&minima).unwrap_or(of_subject);
    let row = |baseline: &Score| {
        let baseline_median = median(baseline)?;
        Some(Row {
            suite: suite.name.into(),
            case: case.name.into(),
            size: case.size,
            of: case.of,
            engine: subject.answers.first().map(|a| a.engine.clone()).unwrap_or_default(),
            workers: subject.workers,
            unit: case.unit,
            min,
            median: of_subject,
            baseline: baseline.who.name.into(),
            baseline_median,
            ratio: of_subject / baseline_median,
            spread: spread(&subject.answers, &baseline.answers),
        })
    };
    baselines.iter().filter_map(row).collect()
}

/// The least and the greatest ratio of one round.
fn spread(subject: &[Answer], baseline: &[Answer]) -> (f64, f64) {
    let ratios = subject.iter().zip(baseline).map(|(s, b)| s.median / b.median);
    ratios.fold((f64::INFINITY, 0.0), |(low, high), r| (low.min(r), high.max(r)))
}

fn median(score: &Score) -> Option<f64> {
    if score.failed {
        return None;
    }
    stats::median(&mut score.answers.iter().map(|a| a.median).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::find;

    fn score(who: Contender, medians: &[f64]) -> Score {
        let answer = |&median: &f64| Answer {
            min: median / 2.0,
            median,
            engine: "spaces".into(),
            owns_malloc: true,
        };
        Score { who, workers: 2, answers: medians.iter().map(answer).collect(), failed: false }
    }

    #[test]
    fn long_cases_have_fewer_rounds() {
        let rounds = Rounds { least: 3, most: 7 };
        assert!(rounds.more(2, 9 * LONG) && !rounds.more(3, LONG));
        assert!(rounds.more(6, LONG / 2) && !rounds.more(7, LONG / 2));
    }

    #[test]
    fn rows_compare_medians_of_medians() {
        let suite = find("iter").unwrap();
        let mut scores: Vec<Score> = suite
            .contenders(&suite.cases[0])
            .zip([[6.0, 5.0, 99.0], [12.0, 3.0, 12.5], [3.0, 3.0, 3.0]])
            .map(|(who, medians)| score(who, &medians))
            .collect();
        let rows = rows_of(suite, &suite.cases[0], &scores);
        let seen: Vec<_> = rows.iter().map(|r| (r.baseline.as_str(), r.ratio)).collect();
        assert_eq!(seen, [("rayon", 0.5), ("sequential", 2.0)]);
        assert_eq!((rows[0].min, rows[0].median), (2.5, 6.0));
        assert_eq!(rows[0].spread, (0.5, 99.0 / 12.5));
        assert_eq!((rows[0].engine.as_str(), rows[0].size), ("spaces", 80_000_000));

        scores[1].failed = true;
        let rows = rows_of(suite, &suite.cases[0], &scores);
        assert_eq!(rows.iter().map(|r| r.baseline.as_str()).collect::<Vec<_>>(), ["sequential"]);
        scores[0].failed = true;
        assert!(rows_of(suite, &suite.cases[0], &scores).is_empty());
        assert!(rows_of(suite, &suite.cases[0], &[]).is_empty());
    }
}
