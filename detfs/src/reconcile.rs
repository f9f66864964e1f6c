//! `detfs reconcile`: changed copies of an image back to the image.

use crate::Exit;
use crate::failure::Failure;
use crate::image::{self, For, Image};
use crate::replay::{Clock, replay};
use crate::show;
use clap::Args;
use detpar_fs::{FileConflict, Fs, ReconcileError};
use serde_json::json;
use std::path::PathBuf;

const NOTES: &str = "\
Example:
  cp disk.img a.img; cp disk.img b.img      then change both, and
  detfs reconcile disk.img a.img b.img      disk.img has the changes of both

What one copy changed is taken; what both appended to a file is kept, in the order of the
copies; names made, removed or renamed are kept where they differ. Anything else that two
changed is a conflict: all are listed, nothing is changed, and the exit code is 2.";

#[derive(Args)]
#[command(after_help = NOTES)]
pub(crate) struct Options {
    /// The image that the others are changed copies of. It gets their changes.
    reference: PathBuf,
    /// The copies, in order.
    #[arg(required = true)]
    changed: Vec<PathBuf>,
    /// Write the result to a new image, and leave the reference as it is.
    #[arg(short, long, value_name = "IMAGE")]
    output: Option<PathBuf>,
    /// Replace the output if it is there.
    #[arg(long, requires = "output")]
    force: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> Result<Exit, Failure> {
    let reference = show::path(&options.reference);
    let clock = Clock::new();
    let shown = clock.clone();
    let what_for = if options.output.is_some() { For::Reading } else { For::Writing };
    let mut image = Image::with_clock(&options.reference, what_for, move || shown.now())?;
    let mut forks = Vec::new();
    for path in &options.changed {
        let changed = Image::open(path, For::Reading)?;
        let fork = replay(&image.fs, &changed.fs, &clock);
        forks.push(fork.map_err(|e| failed(&reference, &e))?);
    }
    let result = image.fs.reconcile(&forks.iter().collect::<Vec<&Fs>>());
    let conflicts = match result {
        Ok(()) => Vec::new(),
        Err(ReconcileError::Conflicts(conflicts)) => conflicts,
        Err(ReconcileError::Io(e)) => return Err(failed(&reference, &e)),
        Err(e @ ReconcileError::Stranger(_)) => {
            return Err(Failure::new(Exit::Io, format!("{reference}: {e}")));
        }
    };
    if conflicts.is_empty() {
        match &options.output {
            Some(output) => image::make(output, &image.fs, options.force)?,
            None => image.save()?,
        }
    }
    show::print(text(options, &conflicts).as_bytes())?;
    Ok(if conflicts.is_empty() { Exit::Fine } else { Exit::Conflicts })
}

fn failed(reference: &str, e: &std::io::Error) -> Failure {
    let mut failure = Failure::output(reference, e);
    failure.text += "; nothing was changed";
    failure
}

/// The conflicts, one a line.
fn text(options: &Options, conflicts: &[FileConflict]) -> String {
    let lower = |c: &FileConflict| c.lower.map(|n| show::path(&options.changed[n]));
    let higher = |c: &FileConflict| show::path(&options.changed[c.higher]);
    if options.json {
        let all = conflicts.iter().map(|c| {
            json!({
                "path": c.path.to_string_lossy(),
                "kind": format!("{:?}", c.kind).to_lowercase(),
                "images": [lower(c), Some(higher(c))],
            })
        });
        return format!("{:#}\n", json!({ "conflicts": all.collect::<Vec<_>>() }));
    }
    let line = |c: &FileConflict| {
        let lower = lower(c).unwrap_or_else(|| "one before it".into());
        format!("{}: {}: {} and {lower}\n", show::path(&c.path), c.kind, higher(c))
    };
    conflicts.iter().map(line).collect()
}
