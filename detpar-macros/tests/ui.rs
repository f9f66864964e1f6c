//! Diagnostics: what misuse is told. The expected output is generated, never edited by hand
//! (`TRYBUILD=overwrite cargo test -p detpar-macros --test ui`).

#[test]
fn diagnostics() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
