//! Every kind of nondeterminism can be allowed by its name.
#![deny(warnings)]
use detpar::deterministic;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process, thread};

mod rand {
    pub fn random() -> u8 {
        4
    }
}

#[deterministic(allow(clock))]
fn clock() -> bool {
    let start = std::time::Instant::now();
    start.elapsed() >= std::time::Duration::ZERO
}

#[deterministic(allow(threads))]
fn threads() {
    thread::spawn(|| 1).join().unwrap();
}

#[deterministic(allow(random))]
fn random() -> u8 {
    rand::random()
}

#[deterministic(allow(atomics))]
fn atomics(count: &AtomicUsize) -> usize {
    count.fetch_add(1, Ordering::Relaxed)
}

#[deterministic(allow(locks))]
fn locks(values: &Mutex<Vec<u8>>) -> usize {
    values.lock().unwrap().len()
}

#[deterministic(allow(env), panic)]
fn environment() -> Result<String, env::VarError> {
    env::var("HOME")
}

#[deterministic(allow(process))]
fn processes() -> u32 {
    process::id()
}

#[deterministic(allow(files))]
fn files() -> bool {
    fs::read("a").is_ok()
}

#[deterministic(allow(network))]
fn network() -> bool {
    std::net::TcpStream::connect("localhost:80").is_ok()
}

#[deterministic(allow(addresses))]
fn addresses(values: &[u8]) -> usize {
    values.as_ptr() as usize
}

#[deterministic(allow(static_mut))]
fn static_mut() -> u32 {
    static mut CALLS: u32 = 0;
    unsafe {
        CALLS += 1;
        CALLS
    }
}

#[deterministic(allow(hardware))]
fn hardware() {
    unsafe { core::arch::asm!("nop") }
}

#[deterministic(allow(async))]
fn futures() {
    drop(async { 1 });
}

#[deterministic(allow(clock, locks), allow(env))]
fn several() -> bool {
    let now = Mutex::new(std::time::SystemTime::now());
    env::args().len() > 0 && now.lock().is_ok()
}

fn main() {
    let count = AtomicUsize::new(0);
    let all: (fn() -> bool, fn(), fn() -> u8) = (clock, threads, random);
    let more: (fn(&AtomicUsize) -> usize, fn(&Mutex<Vec<u8>>) -> usize) = (atomics, locks);
    let still: (fn() -> u32, fn() -> bool, fn() -> bool) = (processes, files, network);
    let last: (fn(&[u8]) -> usize, fn() -> u32, fn(), fn()) =
        (addresses, static_mut, hardware, futures);
    let _ = (environment as fn() -> _, several as fn() -> bool, all, more, still, last, count);
}
