//! `detpar lint`: what deterministic code names that is nondeterministic, callees included.
//!
//! The attribute macro sees one function. Here `source.rs` follows its calls through the
//! package, the macro's own search looks at names in what it reaches, and `clippy.rs` adds what
//! only types tell. What `main` and other code of the master names is its own affair.
mod clippy;
mod config;
mod show;
mod source;

use crate::refuse::table::Group;
use crate::style;
use crate::{Exit, refuse};
use clap::Args;
use serde_json::Value;
use source::{File, Piece};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  detpar lint                                the package in this directory
  detpar lint crates/model crates/solver     these packages
  detpar lint --no-clippy                    by names only, without compiling
  detpar lint --allow clock --allow env      other findings than these
  detpar lint --json | jq '.findings[].name'
  detpar lint --print-clippy-config          names and reasons for your own clippy.toml

Code is looked at where it runs in children: bodies of #[deterministic] functions, closures
given to detpar::join and the like or to parallel iterators, and functions that these call. To
keep a name in a function, put #[deterministic(allow(...))] or
#[allow(clippy::disallowed_methods)] on it.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Packages: directories with a Cargo.toml, or workspaces.
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// Leave out a kind of nondeterminism, by its name in #[deterministic(allow(...))].
    #[arg(long, value_name = "KIND", value_parser = refuse::group)]
    allow: Vec<&'static Group>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Look at names only; compile nothing.
    #[arg(long)]
    no_clippy: bool,
    /// Print what to merge into a clippy.toml, and do nothing else.
    #[arg(long, exclusive = true)]
    print_clippy_config: bool,
}

/// A package to look at.
struct Package {
    name: String,
    manifest: PathBuf,
    directory: PathBuf,
    workspace: PathBuf,
    target: PathBuf,
    /// First files of its binaries, tests and examples.
    programs: Vec<PathBuf>,
}

/// Something that deterministic code names.
struct Finding {
    file: PathBuf,
    line: usize,
    /// First column and the one after the last, from 1.
    columns: (usize, usize),
    group: &'static str,
    name: String,
    message: String,
    help: &'static str,
    /// How the code is reached.
    chain: Vec<String>,
}

/// What was found, and how much was looked at.
struct Report {
    findings: Vec<Finding>,
    pieces: usize,
    files: Vec<File>,
    /// What kept clippy from being asked.
    without_clippy: Option<&'static str>,
}

/// Looks at the packages and prints what it finds.
pub(crate) fn run(options: &Options) -> Exit {
    if options.print_clippy_config {
        style::print(&config::fragment());
        return Exit::Fine;
    }
    let without_clippy = if options.no_clippy {
        Some("clippy was not asked")
    } else if clippy::is_installed() {
        None
    } else {
        Some("clippy is not installed (rustup component add clippy)")
    };
    let mut report = Report { findings: Vec::new(), pieces: 0, files: Vec::new(), without_clippy };
    for path in &options.paths {
        let packages = match packages(path) {
            Ok(packages) => packages,
            Err(why) => return failed(Exit::NoInput, &why),
        };
        for package in &packages {
            if let Err((exit, why)) = look(package, &mut report) {
                return failed(exit, &why);
            }
        }
    }
    report.findings.retain(|f| options.allow.iter().all(|group| group.name != f.group));
    style::print(&if options.json { report.json() } else { report.text() });
    if report.findings.is_empty() { Exit::Fine } else { Exit::Findings }
}

fn failed(exit: Exit, why: &str) -> Exit {
    eprintln!("detpar lint: {}", why.trim_end());
    exit
}

/// The packages at a path.
fn packages(path: &Path) -> Result<Vec<Package>, String> {
    let manifest = if path.is_dir() { path.join("Cargo.toml") } else { path.to_path_buf() };
    let manifest = manifest.canonicalize().map_err(|e| format!("{}: {e}", manifest.display()))?;
    let mut command = clippy::cargo();
    command.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]);
    let output = command.arg(&manifest).output().map_err(|e| format!("cargo metadata: {e}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?;
    let path_of = |value: &Value| value.as_str().map(PathBuf::from).unwrap_or_default();
    let all = metadata["packages"].as_array().cloned().unwrap_or_default();
    let all: Vec<Package> = all
        .iter()
        .map(|p| {
            let manifest = path_of(&p["manifest_path"]);
            Package {
                name: p["name"].as_str().unwrap_or_default().into(),
                directory: manifest.parent().map(PathBuf::from).unwrap_or_default(),
                manifest,
                workspace: path_of(&metadata["workspace_root"]),
                target: path_of(&metadata["target_directory"]),
                programs: programs(&p["targets"]),
            }
        })
        .collect();
    // A manifest without a package of its own stands for all members.
    match all.iter().any(|p| p.manifest == manifest) {
        true => Ok(all.into_iter().filter(|p| p.manifest == manifest).collect()),
        false => Ok(all),
    }
}

/// The first files of targets that nobody can depend on.
fn programs(targets: &Value) -> Vec<PathBuf> {
    let kinds = ["bin", "test", "example", "bench", "custom-build"];
    let is_program = |target: &&Value| {
        let of = target["kind"].as_array().into_iter().flatten();
        of.filter_map(Value::as_str).any(|kind| kinds.contains(&kind))
    };
    let all = targets.as_array().into_iter().flatten().filter(is_program);
    all.filter_map(|target| Some(PathBuf::from(target["src_path"].as_str()?))).collect()
}

fn look(package: &Package, report: &mut Report) -> Result<(), (Exit, String)> {
    let files =
        source::read(&package.directory, &package.programs).map_err(|why| (Exit::NoInput, why))?;
    let pieces = source::reached(&files);
    let mut findings: Vec<Finding> = pieces.iter().flat_map(|p| by_names(p, &files)).collect();
    if report.without_clippy.is_none() && !pieces.is_empty() {
        let by_types = clippy::run(package).map_err(|why| (Exit::Unavailable, why))?;
        for mut finding in by_types {
            let Some(piece) = around(&finding, &pieces, &files) else { continue };
            let known = |f: &Finding| {
                f.file == finding.file && f.line == finding.line && f.group == finding.group
            };
            let allowed = piece.allow.iter().any(|word| word == finding.group);
            if !allowed && !findings.iter().any(known) {
                finding.chain.clone_from(&piece.chain);
                findings.push(finding);
            }
        }
    }
    findings.sort_by(|a, b| (&a.file, a.line, a.columns).cmp(&(&b.file, b.line, b.columns)));
    // A piece may lie in another.
    findings.dedup_by(|a, b| (&a.file, a.line, a.columns) == (&b.file, b.line, b.columns));
    report.findings.extend(findings);
    report.pieces += pieces.len();
    report.files.extend(files);
    Ok(())
}

/// What a piece of code names.
fn by_names(piece: &Piece, files: &[File]) -> Vec<Finding> {
    if piece.silenced {
        return Vec::new();
    }
    let file = &files[piece.file];
    let mut found = refuse::search(&piece.code, file.names.clone());
    found.retain(|f| !piece.allow.iter().any(|word| word == f.group.name));
    let finding = found.into_iter().filter_map(|f| {
        let mut spans = f.tokens.into_iter().map(|t| t.span());
        let first = spans.next()?;
        let (start, end) = (first.start(), spans.last().unwrap_or(first).end());
        let end = if start.line == end.line { end.column } else { start.column + 1 };
        Some(Finding {
            file: file.path.clone(),
            line: start.line,
            columns: (start.column + 1, end + 1),
            group: f.group.name,
            message: format!("`{}` {}", f.name, f.group.reason),
            name: f.name,
            help: f.group.instead,
            chain: piece.chain.clone(),
        })
    });
    finding.collect()
}

/// The innermost piece of code that a finding lies in.
fn around<'p>(finding: &Finding, pieces: &'p [Piece], files: &[File]) -> Option<&'p Piece> {
    let at = (finding.line, finding.columns.0 - 1);
    let inside = |p: &&Piece| {
        let (start, end) = ((p.place.0.line, p.place.0.column), (p.place.1.line, p.place.1.column));
        files[p.file].path == finding.file && start <= at && at < end
    };
    pieces.iter().filter(inside).max_by_key(|p| (p.place.0.line, p.place.0.column))
}
