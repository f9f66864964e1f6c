//! `detfs fsck`.

use crate::Exit;
use crate::failure::Failure;
use crate::image::Image;
use crate::show;
use clap::Args;
use detpar_fs::{LoadError, Problem};
use serde_json::json;
use std::path::PathBuf;

const NOTES: &str = "\
Exits with 0 where the image is whole, or was made so, and with 1 where it is damaged. A repair
keeps what is whole; files that have lost their names get one in /lost+found, damaged blocks of
contents become zeros. It is saved atomically.";

#[derive(Args)]
#[command(after_help = NOTES)]
pub(crate) struct Options {
    /// The image.
    image: PathBuf,
    /// Repair it.
    #[arg(long)]
    repair: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> Result<Exit, Failure> {
    let name = show::path(&options.image);
    let problems = match Image::look(&options.image)? {
        Ok(()) => Vec::new(),
        Err(LoadError::Damaged(problems)) => problems,
        Err(e) => return Err(Failure::load(name, &e)),
    };
    let repaired = options.repair && !problems.is_empty();
    let problems = if repaired { repair(options)? } else { problems };
    let verdict = match (problems.is_empty(), repaired) {
        (true, _) => "whole",
        (false, true) => "repaired",
        (false, false) => "damaged",
    };
    let text = if options.json {
        let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
        format!("{:#}\n", json!({ "verdict": verdict, "problems": problems }))
    } else {
        let remedy = if verdict == "damaged" { "; --repair keeps what is whole" } else { "" };
        let lines: String = problems.iter().map(|p| format!("{p}\n")).collect();
        format!("{lines}{name}: {verdict}{remedy}\n")
    };
    show::print(text.as_bytes())?;
    Ok(if verdict == "damaged" { Exit::Findings } else { Exit::Fine })
}

fn repair(options: &Options) -> Result<Vec<Problem>, Failure> {
    let (mut image, problems) = Image::repaired(&options.image)?;
    image.save()?;
    Ok(problems)
}
