//! Diagnostics: what misuse is told. The expected output is generated, never edited by hand
//! (`TRYBUILD=overwrite cargo test -p detpar-macros --test ui`).

#[test]
fn diagnostics() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    cases.pass("tests/ui/pass/*.rs");
}
