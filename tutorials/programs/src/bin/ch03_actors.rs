//! Chapter 3: actors that all look around and then all move.

// ANCHOR: actor
#[derive(Clone, Copy, detpar::Merge)]
struct Actor {
    place: i32,
}

/// An actor moves to the middle between its two neighbours on the ring.
fn update(actors: &mut [Actor], i: usize) {
    let n = actors.len();
    let (left, right) = (actors[(i + n - 1) % n], actors[(i + 1) % n]);
    actors[i].place = (left.place + right.place) / 2;
}
// ANCHOR_END: actor

// ANCHOR: rounds
/// One after another, in place.
fn sequential(actors: &mut [Actor]) {
    for i in 0..actors.len() {
        update(actors, i);
    }
}

/// All at once, each in a copy of its own.
fn at_once(actors: &mut [Actor]) {
    let n = actors.len();
    detpar::workspace(actors, n, |i, actors| update(actors, i));
}
// ANCHOR_END: rounds

fn show(title: &str, round: fn(&mut [Actor]), mut actors: Vec<Actor>) {
    println!("{title}");
    for _ in 0..3 {
        round(&mut actors);
        let places: Vec<i32> = actors.iter().map(|actor| actor.place).collect();
        println!("{places:?}");
    }
}

#[detpar::main]
fn main() {
    let actors: Vec<Actor> =
        [0, 800, 0, 0, 0, 0, 0, 0].into_iter().map(|place| Actor { place }).collect();
    show("one after another:", sequential, actors.clone());
    show("all at once:", at_once, actors);
}
