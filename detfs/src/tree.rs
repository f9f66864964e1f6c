//! `detfs tree`.

use crate::Exit;
use crate::failure::Failure;
use crate::files::{Files, InFs};
use crate::image::{For, Image};
use crate::place::InImage;
use crate::show;
use clap::Args;
use detpar_fs::Kind;
use std::path::Path;

#[derive(Args)]
pub(crate) struct Options {
    /// A directory; an image alone stands for its root.
    #[arg(value_name = "IMAGE[:/PATH]")]
    path: InImage,
}

struct Tree {
    files: InFs,
    text: String,
    directories: u64,
    others: u64,
}

pub(crate) fn run(options: &Options) -> Result<Exit, Failure> {
    let place = &options.path;
    let fs = Image::open(&place.image, For::Reading)?.fs;
    let files = InFs { fs, image: place.image.clone() };
    let text = format!("{place}\n");
    let mut tree = Tree { files, text, directories: 0, others: 0 };
    tree.below(&place.path, &mut String::new())?;
    let (directories, others) = (tree.directories, tree.others);
    tree.text += &format!("\n{directories} directories, {others} files and links\n");
    show::print(tree.text.as_bytes())?;
    Ok(Exit::Fine)
}

impl Tree {
    fn below(&mut self, dir: &Path, indent: &mut String) -> Result<(), Failure> {
        let fail = |files: &InFs, path: &Path, e| Failure::input(files.name(path), &e);
        let names = self.files.list(dir).map_err(|e| fail(&self.files, dir, e))?;
        for (n, name) in names.iter().enumerate() {
            let last = n + 1 == names.len();
            let path = dir.join(name);
            let meta = self.files.meta(&path, false).map_err(|e| fail(&self.files, &path, e))?;
            let branch = if last { "└── " } else { "├── " };
            self.text += &format!("{indent}{branch}{}", show::path(Path::new(name)));
            if meta.is(Kind::Symlink) {
                let target = self.files.read_link(&path);
                let target = target.map_err(|e| fail(&self.files, &path, e))?;
                self.text += &format!(" -> {}", show::path(&target));
            }
            self.text.push('\n');
            if !meta.is(Kind::Dir) {
                self.others += 1;
                continue;
            }
            self.directories += 1;
            let before = indent.len();
            indent.push_str(if last { "    " } else { "│   " });
            self.below(&path, indent)?;
            indent.truncate(before);
        }
        Ok(())
    }
}
