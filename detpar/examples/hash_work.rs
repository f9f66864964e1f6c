//! Pure computation, to see what workers bring:
//!
//! ```text
//! cargo build --release --example hash_work
//! DETPAR_WORKERS=1 target/release/examples/hash_work
//! DETPAR_WORKERS=2 target/release/examples/hash_work
//! ```
//!
//! The arguments are `[BLOCKS] [ROUNDS]`. Both runs print the same digest, the second one in
//! half the time.
use detpar::prelude::*;
use std::process::ExitCode;
use std::time::Instant;

const BLOCKS: usize = 256;
const ROUNDS: usize = 1_000_000;

#[detpar::main]
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((blocks, rounds)) = parse(&args) else {
        eprintln!("usage: hash_work [BLOCKS] [ROUNDS] (default {BLOCKS} {ROUNDS})");
        return ExitCode::from(64);
    };
    // The master may read the clock; a child could not.
    let start = Instant::now();
    let hashes = hash_blocks(blocks, rounds);
    let elapsed = start.elapsed();
    println!("{blocks} blocks of {rounds} rounds in {:.3} ms", elapsed.as_secs_f64() * 1e3);
    println!("digest: {:016x}", digest(&hashes));
    ExitCode::SUCCESS
}

fn parse(args: &[String]) -> Option<(usize, usize)> {
    match args {
        [] => Some((BLOCKS, ROUNDS)),
        [blocks] => Some((blocks.parse().ok()?, ROUNDS)),
        [blocks, rounds] => Some((blocks.parse().ok()?, rounds.parse().ok()?)),
        _ => None,
    }
}

#[deterministic]
fn hash_blocks(blocks: usize, rounds: usize) -> Vec<u64> {
    (0..blocks).into_par_iter().map(|block| hash_block(block, rounds)).collect::<Vec<_>>()
}

/// Each round needs the one before, so that neither the compiler nor the processor can take
/// a short cut.
fn hash_block(block: usize, rounds: usize) -> u64 {
    (0..rounds).fold(block as u64, |state, round| mix(state ^ round as u64))
}

/// The rounds of splitmix64.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Depends on the order of the hashes as well.
fn digest(hashes: &[u64]) -> u64 {
    hashes.iter().fold(0, |digest, hash| mix(digest ^ hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_value() {
        // The first output of splitmix64 with seed 0.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(hash_block(7, 0), 7);
        assert_eq!(hash_block(7, 2), mix(mix(7) ^ 1));
    }

    #[test]
    fn digest_sees_order() {
        assert_ne!(digest(&[1, 2]), digest(&[2, 1]));
    }

    #[test]
    fn arguments() {
        let of = |args: &[&str]| parse(&args.iter().map(|&a| a.to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]), Some((BLOCKS, ROUNDS)));
        assert_eq!(of(&["3", "4"]), Some((3, 4)));
        assert_eq!(of(&["x"]), None);
        assert_eq!(of(&["1", "2", "3"]), None);
    }
}
