//! A barrier and a counter stay where they are.
fn main() {
    detpar::workspace_with_barrier(&mut 0i32, 2, |_, state, barrier| {
        detpar::workspace(&mut 1, 2, |_, _| barrier.wait(&mut 2));
        barrier.wait(state);
    });
    detpar::workspace_with_barrier(&mut 0u8, 2, |_, _, barrier| {
        detpar::scope(|s| s.spawn(|_| barrier.wait(&mut 3)));
    });
    let counter = detpar::Counter::new(0);
    detpar::join(move || counter.add(1), || ());
}
