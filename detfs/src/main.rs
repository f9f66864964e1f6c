//! `detfs`: makes, fills, lists, looks over, compares and reconciles disk images of detpar-fs.
//!
//! Whatever changes an image changes it in memory and saves it once, atomically, at the end: a
//! command that fails, or is killed, leaves the image as it was.
#![forbid(unsafe_code)]

mod copy;
mod cp;
mod diff;
mod failure;
mod files;
mod fsck;
mod host;
mod image;
mod list;
mod make;
mod mount;
mod place;
mod progress;
mod reconcile;
mod replay;
mod show;
mod tree;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;

const HELP: &str = "\
A path in an image is written IMAGE:/path; all other paths are the host's.

Exit codes:
  0   fine
  1   findings: images differ, or an image is damaged
  2   file conflicts: nothing was reconciled
  64  the command line is wrong
  65  not an image, or a damaged one
  66  an input is missing or cannot be read
  69  the system does not offer FUSE, or does not permit it
  73  an output cannot be made: it is there already, or the image is full
  74  reading or writing failed
  75  the image is in use

A command that fails leaves the image as it was. New files get the time of SOURCE_DATE_EPOCH
(seconds since 1970) where that is set. There are no colours, so NO_COLOR changes nothing.";

/// File systems in one file: makes them, copies in and out, compares, reconciles, looks over.
#[derive(Parser)]
#[command(name = "detfs", version, arg_required_else_help = true, after_help = HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes an image with an empty file system.
    Mkfs(make::Mkfs),
    /// Makes an image larger.
    Grow(make::Grow),
    /// Lists directories.
    Ls(list::Ls),
    /// Shows all that is below a directory.
    Tree(tree::Options),
    /// Writes the contents of files to standard output.
    Cat(list::Cat),
    /// Tells all about files.
    Stat(list::Stat),
    /// Tells how much images hold and could hold.
    Df(list::Df),
    /// Copies into, out of and within images.
    Cp(cp::Options),
    /// Makes directories.
    Mkdir(make::Mkdir),
    /// Removes files and directories.
    Rm(make::Rm),
    /// Shows an image as a directory, by FUSE.
    Mount(mount::Options),
    /// Looks an image over, and repairs it.
    Fsck(fsck::Options),
    /// Tells what differs between two trees.
    Diff(diff::Options),
    /// Takes over into an image what was changed in copies of it.
    Reconcile(reconcile::Options),
}

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Fine = 0,
    Findings = 1,
    Conflicts = 2,
    Usage = 64,
    BadImage = 65,
    NoInput = 66,
    Unavailable = 69,
    NoOutput = 73,
    Io = 74,
    InUse = 75,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Mkfs(options) => make::mkfs(options),
        Command::Grow(options) => make::grow(options),
        Command::Ls(options) => list::ls(options),
        Command::Tree(options) => tree::run(options),
        Command::Cat(options) => list::cat(options),
        Command::Stat(options) => list::stat(options),
        Command::Df(options) => list::df(options),
        Command::Cp(options) => cp::run(options),
        Command::Mkdir(options) => make::mkdir(options),
        Command::Rm(options) => make::rm(options),
        Command::Mount(options) => mount::run(options),
        Command::Fsck(options) => fsck::run(options),
        Command::Diff(options) => diff::run(options),
        Command::Reconcile(options) => reconcile::run(options),
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => {
            // A reader that is gone has seen enough.
            let _ = e.print();
            let asked_for = matches!(e.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked_for { Exit::Fine } else { Exit::Usage }.into();
        }
    };
    let exit = run(&arguments.command).unwrap_or_else(|failure| {
        if !failure.text.is_empty() {
            eprintln!("detfs: {}", failure.text);
        }
        failure.exit
    });
    exit.into()
}
