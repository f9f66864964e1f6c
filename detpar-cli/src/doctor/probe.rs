//! Has `detpar-probe` try the engine's calls and a join.
use super::{Item, Topic};
use serde_json::Value;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const NAME: &str = "detpar-probe";

/// The variable that chooses the engine, and the engine where it is not set.
const ENGINE: &str = "DETPAR_ENGINE";
const SPACES: &str = "spaces";

/// How long it may take; each of its checks has a limit of its own.
const LIMIT: Duration = Duration::from_secs(120);

/// Adds what it found; the engine that ran a join, if it worked.
pub(super) fn look(workers: usize, items: &mut Vec<Item>) -> Option<String> {
    let looked = start("calls").and_then(|ran| {
        let calls = calls(&ran, items);
        // Other engines make none of these calls.
        if std::env::var_os(ENGINE).is_none_or(|v| v == SPACES) {
            calls?;
        }
        join(&start("join")?, workers)
    });
    let (item, engine) = match looked {
        Ok((item, engine)) => (item, Some(engine)),
        Err(missing) => (missing, None),
    };
    items.push(item);
    engine
}

fn calls(ran: &Ran, items: &mut Vec<Item>) -> Result<(), Item> {
    for line in &ran.lines {
        if let Some(version) = line["c_library"].as_str() {
            items.push(Item::ok(Topic::System, "C library", format!("glibc {version}")));
            continue;
        }
        let word = |key: &str| line[key].as_str().unwrap_or_default();
        let (name, purpose) = (word("name"), word("purpose"));
        let remedy = word("remedy");
        let item = match line["error"].as_str() {
            None => Item::ok(Topic::Calls, name, purpose),
            // What failed before has the remedy.
            Some(error) if line["tried"] == false => {
                Item::note(Topic::Calls, name, format!("{purpose}: {error}"))
            }
            Some(error) if line["needed"] == true => {
                Item::missing(Topic::Calls, name, format!("{purpose}: {error}"), remedy)
            }
            Some(error) => {
                let text = format!("{purpose}: {error}; {}", word("without"));
                if line["without"] == "PAGEMAP_SCAN is used" {
                    Item::note(Topic::Calls, name, text)
                } else {
                    Item::limit(Topic::Calls, name, text, remedy)
                }
            }
        };
        items.push(item);
    }
    if ran.status.success() { Ok(()) } else { Err(ran.failure("trying the calls")) }
}

const JOIN: &str = "a join of two children";

fn join(ran: &Ran, workers: usize) -> Result<(Item, String), Item> {
    let Some(line) = ran.lines.first().filter(|_| ran.status.code().is_some()) else {
        return Err(ran.failure(JOIN));
    };
    if let Some(error) = line["error"].as_str() {
        let remedy = "the message names it; limits and calls above show what stands in the way";
        return Err(Item::missing(Topic::Engine, JOIN, error, remedy));
    }
    let word = |key: &str| line[key].as_str().unwrap_or_default();
    let engine = word("engine").to_owned();
    let why = match std::env::var_os(ENGINE) {
        Some(_) => format!(" as {ENGINE} asks for"),
        None => String::new(),
    };
    let mut text = format!("works: engine `{engine}`{why}, at most {workers} workers");
    if engine == SPACES {
        text += ", changed pages are found by ";
        text += word("scan");
    }
    Ok((Item::ok(Topic::Engine, JOIN, text), engine))
}

/// What the probe did.
struct Ran {
    lines: Vec<Value>,
    errors: String,
    status: ExitStatus,
}

impl Ran {
    /// It ended without a word of its own on standard output.
    fn failure(&self, what: &str) -> Item {
        let said = self.errors.lines().find_map(|l| l.strip_prefix("detpar: "));
        let text = match said {
            Some(said) => said.to_string(),
            None => format!("{NAME} ended by {}: {}", self.status, self.errors.trim()),
        };
        let remedy = match text.rsplit_once("remedy: ") {
            Some((_, remedy)) => remedy.to_string(),
            None => "the message names it; limits and calls show what stands in the way".into(),
        };
        Item::missing(Topic::Engine, what, text, &remedy)
    }
}

/// Runs the probe that lies beside this program.
fn start(mode: &str) -> Result<Ran, Item> {
    let missing = |text: String, remedy: &str| Item::missing(Topic::Engine, NAME, text, remedy);
    let reinstall = "both programs belong into one directory: install detpar-cli again, or build all \
                     of it (cargo build --release -p detpar-cli)";
    let path = std::env::current_exe()
        .map_err(|e| missing(format!("this program cannot find itself: {e}"), "mount /proc"))?
        .with_file_name(NAME);
    if !path.exists() {
        return Err(missing(format!("{} does not exist", path.display()), reinstall));
    }
    let mut command = Command::new(&path);
    command.arg(mode).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|e| {
        let remedy = "allow processes to be started: raise the limit on processes (ulimit -u), \
                      allow clone";
        missing(format!("cannot be started: {e}"), remedy)
    })?;
    wait(child).ok_or_else(|| {
        let remedy = "report this with the output of `detpar doctor`: nothing may wait for ever";
        missing(format!("`{NAME} {mode}` did not end within {} s", LIMIT.as_secs()), remedy)
    })
}

/// Waits for the end of the probe, which writes less than a pipe holds; kills it where it hangs.
fn wait(mut child: Child) -> Option<Ran> {
    let end = Instant::now() + LIMIT;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(2)),
            _ => {
                // Already gone is as good as killed.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    };
    let lines = text(child.stdout.take());
    let lines = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    Some(Ran { lines, errors: text(child.stderr.take()), status })
}

fn text(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What came before an error counts.
        let _ = pipe.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
