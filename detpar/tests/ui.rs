//! What must not compile, and what it is told. The expected output is generated, never edited by
//! hand (`TRYBUILD=overwrite cargo test -p detpar --test ui`).

#[test]
fn misuse() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
