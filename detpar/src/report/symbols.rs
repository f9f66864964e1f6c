//! Names and source lines for addresses, from symbol tables and debug information.
//!
//! Everything is optional: a stripped program or an unreadable file only makes the answer poorer. Nothing is kept, so that errors which nobody
//! prints cost nothing, and no lazily filled static can conflict.
use super::image::Image;
use super::objects::{self, Found};
use addr2line::gimli::{EndianSlice, LittleEndian};
use object::{Object, ObjectSymbol, SymbolKind};

/// A variable, as far as tables tell.
#[derive(Debug)]
pub(super) struct Variable {
    /// Its name, where a table has one.
    pub name: Option<String>,
    /// File name of the library it belongs to; nothing for the program itself.
    pub library: Option<String>,
    /// Bytes from its start; without a name, from the start of the object.
    pub offset: usize,
    /// Whether it is thread-local.
    pub thread_local: bool,
}

/// A place in the code, as far as tables tell.
#[derive(Clone, Debug, Default)]
pub(super) struct Code {
    /// `file:line:column`.
    pub line: Option<String>,
    /// The same, with the file's path as it was compiled.
    pub source: Option<Source>,
    /// The function.
    pub function: Option<String>,
    /// File name of the library it belongs to; nothing for the program itself.
    pub library: Option<String>,
}

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub path: String,
    /// From 1 on.
    pub line: u32,
    /// From 1 on, in bytes; 0: not known.
    pub column: u32,
}

/// What lies at a data address in a loaded object. In a child: without the name.
pub(super) fn variable(address: usize) -> Option<Variable> {
    let found = objects::find(address)?;
    let kind = if found.thread_local { SymbolKind::Tls } else { SymbolKind::Data };
    let symbol = Image::of(&found).and_then(|image| symbol(&image.bytes, found.offset, kind));
    let library = found.library.as_deref().map(objects::file_name);
    let thread_local = found.thread_local;
    Some(match symbol {
        Some(Symbol { name, offset, .. }) => {
            Variable { name: Some(name), library, offset, thread_local }
        }
        None => Variable { name: None, library, offset: found.offset, thread_local },
    })
}

/// What code an instruction belongs to. In a child: the library at most.
pub(super) fn code(ip: usize) -> Code {
    let Some(found) = objects::find(ip) else { return Code::default() };
    let image = Image::of(&found);
    let known = image.as_deref().map(|image| (image, Lines::new(image)));
    code_in(&found, known.as_ref().map(|(image, lines)| (*image, lines))).0
}

/// What code lies at a place in an object whose file this is, and whether it is the
/// program's own: not the system's, the standard library's or ours.
pub(super) fn code_in(found: &Found, known: Option<(&Image, &Lines<'_>)>) -> (Code, bool) {
    let library = found.library.as_deref().map(objects::file_name);
    let of_system = library.as_deref().is_some_and(is_system);
    let Some((image, lines)) = known else {
        // Without names, other libraries may be the standard library as well.
        return (Code { library, ..Code::default() }, false);
    };
    let frame = frame(lines, found.offset).unwrap_or_default();
    let name = || Some(symbol(&image.bytes, found.offset, SymbolKind::Text)?.name);
    let function = frame.function.or_else(name);
    let own = !of_system && !frame.of_std && !function.as_deref().is_none_or(is_std_function);
    (Code { line: frame.line, source: frame.source, function, library }, own)
}

/// Whether a library is the system's part of every program.
fn is_system(library: &str) -> bool {
    ["libc.", "libc-", "ld-", "libgcc_s", "libpthread", "linux-vdso", "libstd-"]
        .iter()
        .any(|name| library.starts_with(name))
}

/// Whether a function, by its path, is the standard library's or ours.
fn is_std_function(path: &str) -> bool {
    let path = path.trim_start_matches(['<', '&', '(']);
    let path = path.strip_prefix("dyn ").unwrap_or(path);
    // Taken over from libc in assembly, which has no lines that say so.
    ["mmap", "mmap64"].contains(&path)
        || ["std::", "core::", "alloc::", "kernel::", "detpar::", "__rust", "rust_", "_rust"]
            .iter()
            .any(|part| path.starts_with(part))
}

/// Offset in the variable around an address, and the variable's size.
pub(super) fn variable_in(image: &Image, address: usize) -> Option<(usize, usize)> {
    symbol(&image.bytes, address, SymbolKind::Data).map(|s| (s.offset, s.len))
}

/// A symbol, as seen from an address in it.
struct Symbol {
    name: String,
    /// Bytes from its start.
    offset: usize,
    /// Its size.
    len: usize,
}

/// The symbol around an address. Where several cover the address, the
/// smallest; where those agree, the first in the table.
fn symbol(bytes: &[u8], address: usize, kind: SymbolKind) -> Option<Symbol> {
    let file = object::File::parse(bytes).ok()?;
    let address = address as u64;
    let covers = |s: &object::Symbol<'_, '_>| {
        s.kind() == kind && !s.is_undefined() && address.wrapping_sub(s.address()) < s.size()
    };
    let best = file.symbols().filter(covers).min_by_key(|s| s.size());
    let best = best.or_else(|| file.dynamic_symbols().filter(covers).min_by_key(|s| s.size()))?;
    let (offset, len) = ((address - best.address()) as usize, best.size() as usize);
    Some(Symbol { name: demangle(best.name().ok()?), offset, len })
}

/// A name as the source has it. What `thread_local!` makes is named after the variable, and
/// so are the parts (`.0`) that an optimiser splits a variable into.
pub(super) fn demangle(name: &str) -> String {
    let Ok(path) = rustc_demangle::try_demangle(name) else { return name.to_owned() };
    let path = format!("{path:#}");
    let inner = ["::{constant#", "::{{constant}}"].iter().filter_map(|part| path.find(part)).min();
    let path = &path[..inner.unwrap_or(path.len())];
    match path.rsplit_once('.') {
        Some((whole, part)) if part.bytes().all(|b| b.is_ascii_digit()) => whole.to_owned(),
        _ => path.to_owned(),
    }
}

/// Function and source line of an instruction.
#[derive(Default)]
struct Frame {
    function: Option<String>,
    line: Option<String>,
    source: Option<Source>,
    /// Whether it is known to be the standard library's or ours.
    of_std: bool,
}

/// What an object's debug information says of its lines: parsed once for several questions.
pub(super) struct Lines<'a>(Option<addr2line::Context<EndianSlice<'a, LittleEndian>>>);

impl<'a> Lines<'a> {
    pub fn new(image: &'a Image) -> Lines<'a> {
        Lines(image.dwarf().and_then(|dwarf| addr2line::Context::from_dwarf(dwarf).ok()))
    }
}

/// Function and source line of an instruction. Of inlined calls it is the innermost that is
/// not the standard library's, where there is one.
fn frame(lines: &Lines<'_>, ip: usize) -> Option<Frame> {
    let context = lines.0.as_ref()?;
    let ip = ip as u64;
    let directory = context
        .find_dwarf_and_unit(ip)
        .skip_all_loads()
        .and_then(|unit| Some(unit.comp_dir?.to_string_lossy().into_owned()));
    let mut frames = context.find_frames(ip).skip_all_loads().ok()?;
    let mut innermost = None;
    while let Ok(Some(frame)) = frames.next() {
        let path = frame.location.as_ref().and_then(|l| l.file);
        let of_std = path.is_some_and(is_std);
        let line = frame.location.as_ref().and_then(|l| line(l, directory.as_deref()));
        let source = frame.location.as_ref().and_then(|l| {
            let (path, column) = (l.file?.to_owned(), l.column.unwrap_or(0));
            Some(Source { path, line: l.line?, column })
        });
        let name = frame.function.and_then(|f| Some(demangle(&f.raw_name().ok()?)));
        if !of_std {
            return Some(Frame { function: name, line, source, of_std });
        }
        innermost.get_or_insert(Frame { function: name, line, source, of_std });
    }
    innermost
}

fn is_std(path: &str) -> bool {
    path.starts_with("/rustc/")
        // What the standard library is built from besides.
        || path.starts_with("/rust/deps/")
        || ["/library/core/src/", "/library/std/src/", "/library/alloc/src/"]
            .iter()
            .any(|part| path.contains(part))
        // Functions of libc that we take over, which bear no path of ours.
        || ["kernel/src/interpose/", "kernel/src/space/memory.rs", "kernel/src/check/allocated.rs"]
            .iter()
            .any(|part| path.contains(part))
}

fn line(location: &addr2line::Location<'_>, directory: Option<&str>) -> Option<String> {
    let mut text = relative(location.file?, directory).to_owned();
    let numbers = [location.line?, location.column.unwrap_or(0)];
    for number in numbers.iter().take_while(|&&n| n != 0) {
        text.push_str(&format!(":{number}"));
    }
    Some(text)
}

/// A path as the compiler's own messages have it: from the directory that the crate was
/// compiled in, and for a crate from a registry with the crate's name and version first.
fn relative<'a>(path: &'a str, directory: Option<&str>) -> &'a str {
    if let Some((_, inside)) = path.split_once("/registry/src/") {
        return inside.split_once('/').map_or(inside, |(_registry, krate)| krate);
    }
    directory
        .and_then(|d| path.strip_prefix(d))
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    static NAMED: [AtomicU64; 2] = [const { AtomicU64::new(1) }; 2];

    #[inline(never)]
    fn here() -> u32 {
        std::hint::black_box(line!())
    }

    #[test]
    fn variables_have_names() {
        let v = variable(&raw const NAMED[1] as usize + 3).expect("the program is loaded");
        assert_eq!(v.name.as_deref(), Some("detpar::report::symbols::tests::NAMED"));
        assert_eq!((v.offset, v.library, v.thread_local), (11, None, false));
        assert!(variable(Vec::<u8>::with_capacity(9).as_ptr() as usize).is_none());
    }

    #[test]
    fn code_has_names_and_lines() {
        let c = code(here as *const () as usize);
        assert!(c.function.is_some_and(|f| f.ends_with("symbols::tests::here")));
        let line = c.line.expect("tests have debug information");
        assert_eq!(line.split(':').next(), Some("detpar/src/report/symbols.rs"), "{line}");
        // The first instruction belongs to the signature, or where optimised to the body.
        let at: u32 = line.split(':').nth(1).and_then(|l| l.parse().ok()).expect("a line");
        assert!((here() - 1..=here()).contains(&at), "{line}");
        let c = code(libc::getpid as *const () as usize);
        assert!(c.library.is_some_and(|l| l.contains("libc")));
        assert!(c.function.is_some_and(|f| f.contains("getpid")));
        assert!(code(8).function.is_none());
    }

    #[test]
    fn names_are_those_of_the_source() {
        let total = "_ZN10quickstart4race5TOTAL17h0123456789abcdefE";
        assert_eq!(demangle(total), "quickstart::race::TOTAL");
        assert_eq!(demangle(&format!("{total}.0")), "quickstart::race::TOTAL");
        assert_eq!(demangle("counter.1"), "counter.1");
        let own = "_ZN1a3OWN29_$u7b$$u7b$constant$u7d$$u7d$28_$u7b$$u7b$closure$u7d$$u7d$3VAL\
                   17h0123456789abcdefE";
        assert_eq!(demangle(own), "a::OWN");
    }

    #[test]
    fn broken_objects_have_none() {
        for bytes in [&b""[..], b"\x7fELF", &[0; 4096]] {
            assert!(symbol(bytes, 0, SymbolKind::Data).is_none());
            assert!(frame(&Lines::new(&Image::new(bytes.to_vec())), 0).is_none());
        }
    }

    #[test]
    fn paths_leave_out_the_machine() {
        let at = |path: &str, directory| relative(path, directory).to_owned();
        assert_eq!(at("/home/me/prog/src/main.rs", Some("/home/me/prog")), "src/main.rs");
        assert_eq!(at("/home/me/program/x.rs", Some("/home/me/prog")), "/home/me/program/x.rs");
        assert_eq!(at("src/main.rs", Some("/home/me/prog")), "src/main.rs");
        let krate = "/home/me/.cargo/registry/src/index-0/krate-1.2.3";
        assert_eq!(at(&format!("{krate}/src/lib.rs"), Some(krate)), "krate-1.2.3/src/lib.rs");
        assert_eq!(at("/x.c", None), "/x.c");
    }
}
