//! What there is nothing for in a pool without threads.
fn main() {
    let builder = detpar::ThreadPoolBuilder::new();
    builder
        .start_handler(|_| ())
        .exit_handler(|_| ())
        .panic_handler(|_| ())
        .spawn_handler(|_| ());
    let local = std::rc::Rc::new(1);
    detpar::spawn(move || drop(local));
}
