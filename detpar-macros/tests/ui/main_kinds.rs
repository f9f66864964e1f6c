//! Functions that cannot be the master's main.
#[detpar::main]
async fn asynchronous() {}

#[detpar::main]
fn arguments(count: usize, names: &[String]) {}

#[detpar::main]
fn generic<T: Default>() {}

#[detpar::main]
fn bounded()
where
    u32: Copy,
{
}

#[detpar::main]
unsafe fn danger() {}

#[detpar::main]
const fn constant() {}

#[detpar::main]
extern "C" fn foreign() {}

#[detpar::main(workers = 2)]
fn configured() {}

#[detpar::main]
static NUMBER: u32 = 1;

fn main() {}
