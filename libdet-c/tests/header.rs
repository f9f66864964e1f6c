//! `det.h` and the library say the same: names, types, numbers, the layout of records.

#[path = "support/cc.rs"]
mod cc;

use cc::{Build, Link};
use kernel::abi::{GetFlags, PutFlags};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(folder().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A parameter or result of one of our functions, in C.
fn in_c(rust: &str) -> &'static str {
    match rust {
        "c_int" => "int",
        "c_long" => "long",
        "c_ulong" => "unsigned long",
        "usize" => "size_t",
        "*mut c_int" => "int *",
        "*mut c_void" => "void *",
        "*const c_char" => "const char *",
        "*mut user_regs_struct" => "struct user_regs_struct *",
        "*const user_regs_struct" => "const struct user_regs_struct *",
        "pid_t" => "pid_t",
        "*mut sigset_t" => "sigset_t *",
        "*const sigset_t" => "const sigset_t *",
        "*mut det_conflict" => "struct det_conflict *",
        "Option<Body>" => "void (*)(void *)",
        "Option<Each>" => "void (*)(size_t, void *)",
        "Option<Leaf>" => "void (*)(size_t, void *, void *)",
        "Option<Combine>" => "void (*)(void *, const void *, void *)",
        "!" => "void",
        other => panic!("no type of C is known for {other}"),
    }
}

/// Declarations in C of all functions that the library's sources export under our names.
fn declarations() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder().join("src")).expect("the sources").flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("a source");
        for part in text.split("#[unsafe(no_mangle)]").skip(1) {
            let (_, rest) = part.split_once("extern \"C\" fn ").expect("a function");
            let (name, rest) = rest.split_once('(').expect("its parameters");
            let (parameters, rest) = rest.split_once(')').expect("their end");
            let (result, _) = rest.split_once('{').expect("a body");
            let types = parameters.split(',').map(str::trim).filter(|p| !p.is_empty());
            let types = types.map(|p| in_c(p.split_once(':').expect("a type").1.trim()));
            let types = types.collect::<Vec<_>>().join(", ");
            let types = if types.is_empty() { "void".into() } else { types };
            let result = result.trim().strip_prefix("->").map_or("void", |r| in_c(r.trim()));
            found.push((name.to_string(), format!("{result} {name}({types});")));
        }
    }
    found
}

/// What the header's numbers must be.
fn numbers() -> Vec<(&'static str, u32)> {
    vec![
        ("DET_PUT_REGS", PutFlags::REGS.bits()),
        ("DET_PUT_COPY", PutFlags::COPY.bits()),
        ("DET_PUT_ZERO", PutFlags::ZERO.bits()),
        ("DET_PUT_SNAP", PutFlags::SNAP.bits()),
        ("DET_PUT_START", PutFlags::START.bits()),
        ("DET_PUT_PERM", PutFlags::PERM.bits()),
        ("DET_PUT_TREE", PutFlags::TREE.bits()),
        ("DET_PUT_LIMIT", PutFlags::LIMIT.bits()),
        ("DET_GET_REGS", GetFlags::REGS.bits()),
        ("DET_GET_COPY", GetFlags::COPY.bits()),
        ("DET_GET_ZERO", GetFlags::ZERO.bits()),
        ("DET_GET_MERGE", GetFlags::MERGE.bits()),
        ("DET_GET_PERM", GetFlags::PERM.bits()),
        ("DET_GET_STATUS", GetFlags::STATUS.bits()),
        ("DET_GET_TREE", GetFlags::TREE.bits()),
        ("DET_GET_DONT_WAIT", GetFlags::DONT_WAIT.bits()),
        ("DET_PERM_READ", PutFlags::READ.bits()),
        ("DET_PERM_WRITE", PutFlags::WRITE.bits()),
        ("DET_PERM_READ", GetFlags::READ.bits()),
        ("DET_PERM_WRITE", GetFlags::WRITE.bits()),
    ]
}

fn compiles(compiler: &str, flags: &[&str], source: &str) -> Result<(), String> {
    let build = Build::new("header", Link::Shared);
    let name = flags.join("").replace([':', '/'], "");
    let path = build.folder().join(format!("{compiler}{name}.c"));
    std::fs::write(&path, source).expect("a source");
    let mut cc = Command::new(compiler);
    cc.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]).args(flags);
    let out = cc.arg("-I").arg(folder().join("include")).arg(&path).output().expect(compiler);
    if out.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&out.stderr).into()) }
}

#[test]
fn types_and_numbers_are_the_library_s() {
    let mut source = String::from("#include <det.h>\n");
    for (_, declaration) in declarations() {
        writeln!(source, "{declaration}").expect("a string");
    }
    for (name, value) in numbers() {
        writeln!(source, "_Static_assert({name} == {value}, \"{name}\");").expect("a string");
    }
    // As asserted in src/error.rs.
    source.push_str(
        "_Static_assert(sizeof(struct det_conflict) == 72, \"size\");\n\
         _Static_assert(offsetof(struct det_conflict, values) == 16, \"values\");\n\
         _Static_assert(offsetof(struct det_conflict, words) == 24, \"words\");\n\
         _Static_assert(offsetof(struct det_conflict, symbol) == 48, \"symbol\");\n\
         _Static_assert(offsetof(struct det_conflict, lines) == 56, \"lines\");\n",
    );
    compiles("gcc", &["-std=c11"], &source).unwrap();
    // Declared in the header, and in it alone, or the check above would check nothing.
    let header = read("include/det.h");
    for (name, declaration) in declarations() {
        assert!(header.contains(&format!("{name}(")), "det.h lacks {name}");
        let wrong = declaration.replace(';', ", int);").replacen(')', "", 1);
        let wrong = wrong.replace("(void, int", "(int");
        let refused = compiles("gcc", &["-std=c11"], &format!("#include <det.h>\n{wrong}\n"));
        assert!(refused.is_err(), "{wrong} passed");
    }
}

#[test]
fn compiles_as_every_standard_of_c_and_cpp() {
    let source = "#include <det.h>\nint main(void) { return det_init(); }\n";
    for standard in ["-std=c11", "-std=c17", "-std=gnu11"] {
        compiles("gcc", &[standard], source).unwrap();
    }
    let source = source.replace("(void)", "()");
    for standard in ["-std=c++11", "-std=c++17", "-std=c++20"] {
        compiles("g++", &["-x", "c++", standard], &source).unwrap();
    }
}

/// `tests/c/wrong.c` calls every function with arguments that cannot be.
#[test]
fn all_are_called_wrongly() {
    let source = read("tests/c/wrong.c");
    let mut missing: Vec<_> = declarations().into_iter().map(|(name, _)| name).collect();
    missing.retain(|name| !source.contains(&format!("{name}(")));
    // Has no argument that would be wrong: tests/c/fork.c.
    assert_eq!(missing, [""; 0], "not called in tests/c/wrong.c");
}

/// Each function has a man page that says how it is called; the page of one name is installed under all
/// that stand in its NAME.
#[test]
fn all_have_man_pages() {
    let pages: Vec<String> = std::fs::read_dir(folder().join("man"))
        .expect("man pages")
        .map(|page| std::fs::read_to_string(page.expect("a page").path()).expect("a page"))
        .collect();
    let names = |page: &String| -> BTreeSet<String> {
        let section = page.split(".SH NAME").nth(1).and_then(|p| p.split("\n.SH ").next());
        let words = section.expect("a NAME").split(|c: char| c != '_' && !c.is_alphanumeric());
        words.map(String::from).collect()
    };
    let named: BTreeSet<_> = pages.iter().flat_map(names).collect();
    let all = declarations().into_iter().map(|(name, _)| name);
    // What the header replaces `errno` by; nobody calls it by name.
    let missing: Vec<_> = all.filter(|n| n != "det_errno" && !named.contains(n)).collect();
    assert_eq!(missing, [""; 0], "without a man page");
}

/// The symbols that the shared library exports: ours, and those of libc that it takes over. One that
/// goes or changes its type is a change of the ABI, for which the soname changes too.
#[test]
fn exports_what_the_list_says() {
    let build = Build::new("symbols", Link::Shared);
    let mut nm = Command::new("nm");
    nm.args(["-D", "--defined-only"]).arg(build.folder().join("libdetpar.so"));
    let out = nm.output().expect("nm");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let found: BTreeSet<_> = text.lines().filter_map(|l| l.split(' ').nth(2)).collect();
    let list = read("symbols.txt");
    let listed: BTreeSet<_> = list.lines().filter(|l| !l.starts_with('#')).collect();
    let more: Vec<_> = found.difference(&listed).collect();
    let less: Vec<_> = listed.difference(&found).collect();
    assert!(more.is_empty() && less.is_empty(), "not in symbols.txt: {more:?}; gone: {less:?}");
    let declared: BTreeSet<_> = declarations().into_iter().map(|(name, _)| name).collect();
    for name in found.iter().filter(|n| n.starts_with("det_")) {
        assert!(declared.contains(*name), "{name} is exported, but not from libdet-c/src");
    }
}
