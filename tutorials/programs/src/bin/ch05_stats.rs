//! Chapter 5: sort and histogram.
use detpar::prelude::*;

// ANCHOR: histogram
/// How many words there are of each length up to 9.
fn histogram(words: &[String]) -> [u32; 10] {
    words
        .par_iter()
        .fold(
            || [0; 10],
            |mut counts, word| {
                counts[word.len().min(9)] += 1;
                counts
            },
        )
        .reduce(|| [0; 10], |a, b| std::array::from_fn(|i| a[i] + b[i]))
}
// ANCHOR_END: histogram

#[detpar::main]
fn main() {
    // ANCHOR: sort
    let mut words: Vec<String> =
        (0..5000u32).map(|i| format!("{:x}", i.wrapping_mul(2_654_435_761) >> (i % 29))).collect();
    println!("{:?}", histogram(&words));
    // Stable: words of one length stay in their order.
    words.par_sort_by_key(|word| word.len());
    println!("shortest: {:?}", &words[..4]);
    // By the alphabet, in every run.
    words.par_sort_unstable();
    println!("first: {:?}, last: {:?}", words[0], words[4999]);
    // ANCHOR_END: sort
    let longest = words.par_iter().max_by_key(|word| word.len()).unwrap();
    let any = words.par_iter().find_any(|word| word.len() == 3).unwrap();
    println!("longest: {longest:?}, some word of length 3: {any:?}");
}
