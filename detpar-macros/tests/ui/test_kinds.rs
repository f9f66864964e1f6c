//! Functions that cannot be a test of their own process, and values without a digest.
#[detpar::test]
async fn asynchronous() {}

#[detpar::test]
fn arguments(count: usize) {}

#[detpar::test]
fn generic<T: Default>() {}

#[detpar::test]
unsafe fn danger() {}

#[detpar::test]
const fn constant() {}

#[detpar::test]
extern "C" fn foreign() {}

#[detpar::test]
#[test]
fn twice() {}

#[detpar::test]
#[should_panic]
fn returns() -> Result<(), String> {
    Ok(())
}

#[detpar::test(workers = 2)]
fn configured() {}

#[detpar::test(deterministic, deterministic)]
fn configured_twice() {}

#[detpar::test(deterministic deterministic)]
fn without_comma() {}

#[detpar::test]
struct Number(u32);

#[derive(detpar::Digest)]
union Either {
    a: u32,
    b: f32,
}

#[derive(detpar::Digest)]
struct Holder {
    started: std::time::Instant,
}

fn main() {}
