//! `detpar trace`: what a timeline (`DETPAR_TRACE`) tells, as numbers or as a picture.
mod draw;
mod read;

use crate::{Exit, style};
use clap::Args;
use read::Trace;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  DETPAR_TRACE=run.json ./program            makes the timeline of a run
  detpar trace run.json                      totals
  detpar trace run.json --svg run.svg        draws the tree of spaces and the timeline
  detpar trace run.json --svg run.svg --from 2 --to 3.5
                                             only what happened between these milliseconds

The file is a Chrome trace: chrome://tracing and https://ui.perfetto.dev show it as well.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// A file that DETPAR_TRACE named.
    file: PathBuf,
    /// Draw it to this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Most spaces that the tree has in the picture.
    #[arg(long, value_name = "N", default_value_t = 200)]
    spaces: usize,
    /// Begin the picture so many milliseconds after the start of the run.
    #[arg(long, value_name = "MS", requires = "svg", default_value_t = 0.0)]
    from: f64,
    /// End the picture so many milliseconds after the start of the run.
    #[arg(long, value_name = "MS", requires = "svg", default_value_t = f64::INFINITY)]
    to: f64,
}

/// Reads the file, prints totals or draws.
pub(crate) fn run(options: &Options) -> Exit {
    let name = options.file.display();
    let trace = match std::fs::read(&options.file) {
        Ok(bytes) => Trace::parse(&bytes).map_err(|e| format!("{name}: {e}")),
        Err(e) => Err(format!("{name}: {e}")),
    };
    let trace = match trace {
        Ok(trace) => trace,
        Err(why) => return failed(Exit::NoInput, &why),
    };
    let Some(svg) = &options.svg else {
        style::print(&totals(&trace));
        return Exit::Fine;
    };
    let cut = options.from * 1000.0..options.to * 1000.0;
    let some = cut.start < cut.end && cut.start < trace.end.max(1.0) && cut.end > 0.0;
    if !some {
        let whole = trace.end / 1000.0;
        let why = format!("--from and --to leave nothing of this run, which took {whole} ms");
        return failed(Exit::Usage, &why);
    }
    match std::fs::write(svg, draw::picture(&trace, options.spaces, cut)) {
        Ok(()) => Exit::Fine,
        Err(e) => failed(Exit::CannotWrite, &format!("{}: {e}", svg.display())),
    }
}

fn failed(exit: Exit, why: &str) -> Exit {
    eprintln!("detpar: {why}");
    exit
}

/// The sums that one looks at first.
fn totals(trace: &Trace) -> String {
    let steps = |name: &str| -> f64 {
        trace.slices.iter().filter(|s| s.name == name).map(|s| s.lasts).sum()
    };
    let sum = |of: fn(&read::Space) -> u64| -> u64 { trace.spaces.iter().map(of).sum() };
    let constructs = trace.slices.iter().filter(|s| s.category == "construct").count();
    let mut text = format!(
        "{} spaces in {constructs} closed constructs, {} tracks, {} faults and conflicts\n",
        trace.spaces.len(),
        trace.tracks.len(),
        trace.marks.iter().filter(|m| m.category == "fault").count(),
    );
    for (what, time) in [
        ("the whole run", trace.end),
        ("snapshots", steps("snapshot")),
        ("children's code", steps("run")),
        ("scanning for changed pages", trace.spaces.iter().map(|s| s.scan).sum()),
        ("staging, scans included", steps("stage")),
        ("merges", steps("merge")),
    ] {
        text.push_str(&format!("{what:28} {:>12.3} ms\n", time / 1000.0));
    }
    for (what, number) in [
        ("dirty pages", sum(|s| s.dirty_pages)),
        ("merged bytes", sum(|s| s.merged_bytes)),
        ("page faults", sum(|s| s.page_faults)),
    ] {
        text.push_str(&format!("{what:28} {number:>12}\n"));
    }
    if trace.lost > 0 {
        text.push_str(&format!("{} records were lost: the ring was full\n", trace.lost));
    }
    text
}
