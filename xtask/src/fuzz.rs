//! Coverage-guided fuzzing of detpar-fs (`fuzz/`), on the stable compiler: what the engine needs
//! to see is a pass of LLVM's that any compiler has.
use crate::run::{self, Result, cargo};
use std::fs;
use std::path::Path;

/// Counters at every edge, a table of their places, and what is compared with what.
const FLAGS: &str = "--cfg detpar_fuzz -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The flags must not reach build scripts, so a target is named.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Longest input in bytes, and with that the largest seed.
const LONGEST: usize = 2048;

/// Builds the fuzzer and runs it for some seconds. What it has found worth keeping stays in
/// `target/fuzz/corpus`; an input that fails is put beside that, and the run ends.
pub(crate) fn fuzz(seconds: u64) -> Result {
    let dir = run::target().join("fuzz");
    let mut build = cargo(&["build", "--release", "--target", TARGET]);
    build.current_dir(run::root().join("fuzz")).env("CARGO_TARGET_DIR", &dir);
    run::add_rustflags(&mut build, FLAGS);
    if !run::run(&mut build)?.success {
        return Err("the fuzzer does not compile; its engine needs a C++ compiler".into());
    }
    let corpus = dir.join("corpus");
    seed(&corpus).map_err(|e| format!("{}: {e}", corpus.display()))?;
    let mut fuzzer = std::process::Command::new(dir.join(TARGET).join("release/detpar-fuzz"));
    fuzzer.args(arguments(seconds)).arg(&corpus).current_dir(&dir);
    let outcome = run::run(&mut fuzzer)?;
    if !outcome.success {
        return Err(format!("an input failed; it lies in {}", dir.display()));
    }
    match outcome.lines.iter().find(|l| l.starts_with("Done ")) {
        Some(line) => println!("fuzz: {line}; nothing failed"),
        None => return Err("the fuzzer ended before its time".into()),
    }
    Ok(())
}

fn arguments(seconds: u64) -> Vec<String> {
    vec![
        format!("-max_total_time={seconds}"),
        format!("-max_len={LONGEST}"),
        // The seeds are long already.
        "-len_control=0".into(),
        "-timeout=20".into(),
        "-rss_limit_mb=1500".into(),
        "-print_final_stats=1".into(),
    ]
}

/// Inputs to start from: of each kind some, without sense, of growing length.
fn seed(corpus: &Path) -> std::io::Result<()> {
    fs::create_dir_all(corpus)?;
    let mut state = 1u64;
    for i in 0..48 {
        let mut bytes = vec![i as u8];
        for _ in 0..(i + 1) * LONGEST / 64 {
            // Knuth's MMIX generator.
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            // Small values more often: they name operations and paths that exist.
            let byte = (state >> 56) as u8;
            bytes.push(if state >> 32 & 3 == 0 { byte } else { byte % 26 });
        }
        fs::write(corpus.join(format!("seed-{i}")), bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_of_every_kind_and_the_same_each_time() {
        let dir = std::env::temp_dir().join(format!("detpar-seeds-{}", std::process::id()));
        let read = || -> Vec<Vec<u8>> {
            seed(&dir).unwrap();
            (0..48).map(|i| fs::read(dir.join(format!("seed-{i}"))).unwrap()).collect()
        };
        let (first, second) = (read(), read());
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(first, second);
        for kind in 0..3 {
            assert!(first.iter().filter(|s| s[0] % 3 == kind).count() >= 16);
        }
        assert!(first.iter().all(|s| s.len() <= LONGEST));
    }
}
