//! `detpar doctor`: what this machine supports, what is missing, and the remedy.
//!
//! Facts come from three places: `system.rs` reads what the system says of itself, `limits.rs`
//! what it grants, and `probe.rs` has `detpar-probe` try the engine's own calls and a join. The
//! join decides whether the engine runs.
mod limits;
mod probe;
mod report;
mod system;

use crate::Exit;
use crate::style;
use clap::Args;
use report::Report;

const EXAMPLES: &str = "\
Examples:
  detpar doctor                       what this machine supports
  detpar doctor --json | jq .verdict  for scripts
  DETPAR_WORKERS=64 detpar doctor     whether 64 workers would fit

Needs no privileges. Exits with 0 where the engine runs, with limits too, and with 1 where
it cannot.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// What is known of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As it should be.
    Ok,
    /// Worth knowing, without consequences.
    Note,
    /// The engine runs, but not as well as it could.
    Limit,
    /// The engine cannot run.
    Missing,
}

/// One line of the report.
#[derive(Debug)]
struct Item {
    topic: Topic,
    name: String,
    state: State,
    text: String,
    /// Invariant: there is one where the state is `Limit` or `Missing`.
    remedy: Option<String>,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    System,
    Limits,
    Calls,
    Engine,
}

impl Item {
    fn ok(topic: Topic, name: &str, text: impl Into<String>) -> Item {
        Item { topic, name: name.into(), state: State::Ok, text: text.into(), remedy: None }
    }

    fn note(topic: Topic, name: &str, text: impl Into<String>) -> Item {
        Item { state: State::Note, ..Item::ok(topic, name, text) }
    }

    fn limit(topic: Topic, name: &str, text: impl Into<String>, remedy: &str) -> Item {
        Item { state: State::Limit, remedy: Some(remedy.into()), ..Item::ok(topic, name, text) }
    }

    fn missing(topic: Topic, name: &str, text: impl Into<String>, remedy: &str) -> Item {
        Item { state: State::Missing, ..Item::limit(topic, name, text, remedy) }
    }
}

/// Looks at everything and prints the report.
pub(crate) fn run(options: &Options) -> Exit {
    let workers = system::workers();
    let mut items = Vec::new();
    system::look(&mut items);
    limits::look(workers, &mut items);
    let engine = probe::look(workers, &mut items);
    let report = Report { items, workers, engine };
    let text = if options.json { report.json() } else { report.text() };
    style::print(&text);
    if report.engine.is_some() { Exit::Fine } else { Exit::Findings }
}
