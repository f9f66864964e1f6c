//! Names of what is nondeterministic, one kind a function.
#![allow(unused_imports)]
use detpar::deterministic;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock, mpsc};
use std::time::{Instant, SystemTime};
use std::{env, fs, process, thread};

static COUNT: AtomicUsize = AtomicUsize::new(0);

#[deterministic]
fn clock() {
    let start = Instant::now();
    let _ = (SystemTime::now(), std::time::Instant::elapsed(&start));
    thread::sleep(core::time::Duration::ZERO);
}

#[deterministic]
fn threads() {
    thread::spawn(|| 1);
    std::thread::scope(|s| s.spawn(|| 1));
    let (a, b) = rayon::join(|| 1, || 2);
}

#[deterministic]
fn random() {
    let mut rng = rand::thread_rng();
    let x: u8 = rand::random();
    let id = uuid::Uuid::new_v4();
}

#[deterministic]
fn atomics(count: &AtomicUsize) {
    COUNT.fetch_add(1, Ordering::Relaxed);
    COUNT.store(COUNT.load(Ordering::Relaxed), Ordering::SeqCst);
}

#[deterministic]
fn locks(names: &Mutex<Vec<String>>) -> RwLock<u8> {
    let (send, receive) = mpsc::channel::<u8>();
    RwLock::new(parking_lot::Mutex::new(0))
}

#[deterministic]
fn environment() {
    println!("{:?} {:?}", env::var("HOME"), std::env::args());
}

#[deterministic]
fn processes() {
    process::Command::new("true").status();
    process::exit(1);
}

#[deterministic]
fn processes_by_a_name_from_outside() {
    Command::new("true").status();
}

#[deterministic]
fn files() -> String {
    let file = std::fs::File::open("a");
    fs::read_to_string("b").unwrap()
}

#[deterministic]
fn network() {
    std::net::TcpStream::connect("localhost:80");
}

#[deterministic]
fn addresses(values: &[u8]) -> usize {
    println!("{values:p} {:#p}", values);
    values as *const [u8] as *const u8 as usize + values.as_ptr() as usize
}

#[deterministic]
fn static_mut() -> u32 {
    static mut CALLS: u32 = 0;
    unsafe {
        CALLS += 1;
        CALLS
    }
}

#[deterministic]
fn hardware() {
    unsafe {
        core::arch::asm!("nop");
        core::arch::x86_64::_rdtsc();
    }
}

#[deterministic]
fn futures() {
    let soon = async { 1 };
    let now = soon.await;
}

#[deterministic]
fn renamed() {
    use std::sync::Mutex as Guarded;
    use std::time as hours;
    let x = Guarded::new(hours::Instant::now());
}

#[deterministic]
fn inside_of_macros() -> Vec<Instant> {
    vec![Instant::now()]
}

#[deterministic(allow(clock))]
fn something_else() -> Instant {
    COUNT.fetch_add(1, Ordering::Relaxed);
    Instant::now()
}

/// Imported where the macro does not see it.
mod imported {
    use detpar::deterministic;
    use std::env::{current_dir, set_var};
    use std::process::{Command, exit};
    use std::thread::{sleep, yield_now};

    #[deterministic]
    fn by_their_last_names() {
        yield_now();
        sleep(core::time::Duration::ZERO);
        Command::new("true").status();
        let here = current_dir();
        unsafe { set_var("A", "b") };
        exit(1);
    }
}

fn main() {}
