//! Installs libdet-c: headers, libraries, files for pkg-config and CMake, man pages.
use crate::run::{self, Result, cargo, root, target};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What to install where.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Folder that gets `include`, `lib` and `share`.
    #[arg(long)]
    prefix: PathBuf,
    /// Folder where the libraries were built already, `libdetpar_c.so` and `libdetpar_c.a`.
    #[arg(long)]
    built: Option<PathBuf>,
}

/// Name of the shared library that programs find: it changes with the ABI. As in
/// `libdet-c/build.rs`.
const SONAME: &str = "libdetpar.so.0";

/// Builds the libraries and installs them.
pub(crate) fn install_c(options: &Options) -> Result {
    let built = match &options.built {
        Some(dir) => dir.clone(),
        None => {
            let mut build = cargo(&["build", "--release", "--package", "libdet-c"]);
            if !run::run(&mut build)?.success {
                return Err("libdet-c does not build".into());
            }
            target().join("release")
        }
    };
    fs::create_dir_all(&options.prefix).map_err(|e| wrong(&options.prefix, &e))?;
    let prefix = options.prefix.canonicalize().map_err(|e| wrong(&options.prefix, &e))?;
    let version = env!("CARGO_PKG_VERSION");
    let (source, lib) = (root().join("libdet-c"), prefix.join("lib"));

    copy_all(&source.join("include"), &prefix.join("include"))?;
    let real = format!("libdetpar.so.{version}");
    copy(&built.join("libdetpar_c.so"), &lib.join(&real))?;
    link(&real, &lib.join(SONAME))?;
    link(SONAME, &lib.join("libdetpar.so"))?;
    copy(&built.join("libdetpar_c.a"), &lib.join("libdetpar.a"))?;

    for name in ["detpar.pc", "detpar-compat.pc"] {
        let template = source.join("install").join(name).with_extension("pc.in");
        let text = fs::read_to_string(&template).map_err(|e| wrong(&template, &e))?;
        let text = text.replace("@PREFIX@", &prefix.display().to_string());
        write(&lib.join("pkgconfig").join(name), &text.replace("@VERSION@", version))?;
    }
    let cmake = "detparConfig.cmake";
    copy(&source.join("install").join(cmake), &lib.join("cmake/detpar").join(cmake))?;
    man_pages(&source.join("man"), &prefix.join("share/man"))?;
    println!("installed under {}; to use it:", prefix.display());
    println!("    export PKG_CONFIG_PATH={}", lib.join("pkgconfig").display());
    println!("    cc program.c $(pkg-config --cflags --libs detpar)");
    Ok(())
}

/// Installs pages by section, and each under every name that its first line of names has.
fn man_pages(from: &Path, to: &Path) -> Result {
    for entry in fs::read_dir(from).map_err(|e| wrong(from, &e))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((title, section)) = name.rsplit_once('.') else { continue };
        let folder = to.join(format!("man{section}"));
        copy(&entry.path(), &folder.join(&name))?;
        let text = fs::read_to_string(entry.path()).map_err(|e| wrong(&entry.path(), &e))?;
        for other in names(&text).filter(|n| *n != title) {
            let alias = format!(".so man{section}/{name}\n");
            write(&folder.join(format!("{other}.{section}")), &alias)?;
        }
    }
    Ok(())
}

/// The names that a page is about: those of its section NAME.
fn names(page: &str) -> impl Iterator<Item = &str> {
    let line = page.lines().skip_while(|l| *l != ".SH NAME").nth(1).unwrap_or("");
    line.split(" \\- ").next().unwrap_or("").split(", ").filter(|n| !n.is_empty())
}

fn wrong(path: &Path, e: &std::io::Error) -> String {
    format!("{}: {e}", path.display())
}

fn make_parent(path: &Path) -> Result {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(|e| wrong(parent, &e))
}

fn copy(from: &Path, to: &Path) -> Result {
    make_parent(to)?;
    // A program that runs keeps the file that it has.
    remove(to)?;
    fs::copy(from, to).map(drop).map_err(|e| wrong(from, &e))
}

fn copy_all(from: &Path, to: &Path) -> Result {
    for entry in fs::read_dir(from).map_err(|e| wrong(from, &e))?.flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() { copy_all(&from, &to)? } else { copy(&from, &to)? }
    }
    Ok(())
}

fn write(to: &Path, text: &str) -> Result {
    make_parent(to)?;
    remove(to)?;
    fs::write(to, text).map_err(|e| wrong(to, &e))
}

fn link(name: &str, to: &Path) -> Result {
    remove(to)?;
    symlink(name, to).map_err(|e| wrong(to, &e))
}

fn remove(path: &Path) -> Result {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(wrong(path, &e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_page() {
        let page = ".TH X 3\n.SH NAME\na, b_c \\- what they do\n.SH SYNOPSIS\n";
        assert_eq!(names(page).collect::<Vec<_>>(), ["a", "b_c"]);
        assert_eq!(names(".TH X 3\n").count(), 0);
    }
}
