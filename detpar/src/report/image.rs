//! The file of a loaded object: its bytes and its debug information.
use super::objects::Found;
use addr2line::gimli::{self, EndianSlice, LittleEndian};
use object::{Object, ObjectSection};
use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

/// Files that were read for the report that is being made, by path.
type Kept = Vec<(String, Rc<Image>)>;

thread_local! {
    /// Nothing but while a report is made: a write in between would be one beside children.
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// Keeps files, once they were read, until this is dropped.
pub(super) struct Keep {
    /// Whether they are kept since this one was made.
    first: bool,
}

impl Keep {
    pub fn new() -> Keep {
        if kernel::master::in_child() {
            return Keep { first: false };
        }
        let first = KEPT.with_borrow_mut(|kept| {
            let first = kept.is_none();
            kept.get_or_insert_default();
            first
        });
        Keep { first }
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        if self.first {
            drop(KEPT.take());
        }
    }
}

/// The file of the program or of a library.
pub(super) struct Image {
    /// All of it.
    pub bytes: Vec<u8>,
    /// The compressed sections of its debug information, by name, once they are asked for.
    inflated: OnceCell<Vec<(String, Vec<u8>)>>,
}

impl Image {
    pub fn new(bytes: Vec<u8>) -> Image {
        Image { bytes, inflated: OnceCell::new() }
    }

    /// The object's file, where this space may read files.
    pub fn of(found: &Found) -> Option<Rc<Image>> {
        if kernel::master::in_child() {
            return None;
        }
        let path = found.path();
        let known = |kept: &Kept| kept.iter().find(|(p, _)| p == path).map(|k| k.1.clone());
        if let Some(image) = KEPT.with_borrow(|kept| kept.as_ref().and_then(known)) {
            return Some(image);
        }
        let image = Rc::new(Image::new(std::fs::read(path).ok()?));
        KEPT.with_borrow_mut(|kept| {
            if let Some(kept) = kept {
                kept.push((path.to_owned(), image.clone()));
            }
        });
        Some(image)
    }

    /// The program's file, where this space may read files.
    pub fn of_program() -> Option<Rc<Image>> {
        Image::of(&Found { library: None, offset: 0, thread_local: false })
    }

    /// Debug information, where it is there.
    pub fn dwarf(&self) -> Option<gimli::Dwarf<EndianSlice<'_, LittleEndian>>> {
        let file = object::File::parse(&self.bytes[..]).ok()?;
        let inflated = self.inflated.get_or_init(|| inflate(&file));
        let load = |id: gimli::SectionId| -> Result<_, gimli::Error> {
            let data = match inflated.iter().find(|(name, _)| name == id.name()) {
                Some((_, data)) => &data[..],
                None => file.section_by_name(id.name()).and_then(|s| s.data().ok()).unwrap_or(&[]),
            };
            Ok(EndianSlice::new(data, LittleEndian))
        };
        gimli::Dwarf::load(load).ok()
    }
}

/// The compressed among the sections of debug information (linker option
/// `--compress-debug-sections`). One that cannot be inflated is empty.
fn inflate(file: &object::File<'_>) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for section in file.sections() {
        let Ok(name) = section.name() else { continue };
        if !name.starts_with(".debug_") {
            continue;
        }
        match section.uncompressed_data() {
            Ok(Cow::Borrowed(_)) => {}
            Ok(Cow::Owned(data)) => all.push((name.to_owned(), data)),
            Err(_) => all.push((name.to_owned(), Vec::new())),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::objects;
    use super::super::symbols::{Lines, code_in};
    use super::*;
    use std::process::Command;

    fn line(image: &Image) -> Option<String> {
        let found = objects::find(line as *const () as usize)?;
        code_in(&found, Some((image, &Lines::new(image)))).0.line
    }

    #[test]
    fn compressed_sections_say_the_same() {
        let directory = std::env::temp_dir().join(format!("detpar-image-{}", std::process::id()));
        std::fs::create_dir(&directory).expect("a directory of our own");
        let program = std::env::current_exe().expect("this program");
        let all = ["decompress-debug-sections", "compress-debug-sections=zlib"].map(|option| {
            let copy = directory.join("program");
            let mut objcopy = Command::new("objcopy");
            objcopy.arg(format!("--{option}")).arg(&program).arg(&copy);
            assert!(objcopy.status().expect("objcopy, which every linker comes with").success());
            let image = Image::new(std::fs::read(&copy).expect("just written"));
            let line = line(&image).expect("tests have debug information");
            (line, image.bytes.len(), image.inflated.into_inner().expect("asked for").len())
        });
        std::fs::remove_dir_all(&directory).expect("a directory of our own");
        let [(plain, len, none), (compressed, shorter, some)] = all;
        assert!(plain.starts_with("detpar/src/report/image.rs:"), "{plain}");
        assert_eq!(plain, compressed);
        assert!(shorter < len && none == 0 && some > 3, "{len} {shorter} {none} {some}");
    }
}
