//! Chapter 3: two children swap two variables without a third.

// ANCHOR: swap
#[detpar::main]
fn main() {
    let mut pair = (1, 2);
    detpar::workspace(&mut pair, 2, |i, (x, y)| match i {
        0 => *x = *y,
        _ => *y = *x,
    });
    println!("x = {}, y = {}", pair.0, pair.1);
}
// ANCHOR_END: swap
