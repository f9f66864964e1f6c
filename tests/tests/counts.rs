//! Reference counts of shared values, in production and in checking mode.

detpar_tests::everywhere_in_both_modes!(env!("CARGO_BIN_EXE_counts"));
