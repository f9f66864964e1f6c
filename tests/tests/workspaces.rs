//! Children that change private copies of one value, in production and in checking mode.

detpar_tests::everywhere_in_both_modes!(env!("CARGO_BIN_EXE_workspaces"));
