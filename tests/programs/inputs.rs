//! A program whose result depends on all it learns from outside: a digest of it, mixed with what
//! children make of it. Cases that leave the record, or cannot be recorded.
use detpar::prelude::*;
use detpar_tests::program::{digest, job};
use kernel::abi::ChildId;
use kernel::call::{self, Get, Put};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

fn gather(path: &str) -> Vec<u8> {
    let start = Instant::now();
    let mut all = std::fs::read(path).expect("the file");
    std::io::stdin().read_to_end(&mut all).expect("standard input");
    let mut random = [0; 40];
    let device = std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut random));
    device.expect("random bytes");
    all.extend(random);
    // SAFETY: the buffer is writable and as long.
    let drawn = unsafe { libc::getrandom(random.as_mut_ptr().cast(), random.len(), 0) };
    assert_eq!(drawn, random.len() as isize);
    all.extend(random);
    let keys: HashMap<u32, u32> = (0..100).map(|i| (i, i)).collect();
    all.extend(keys.into_keys().flat_map(u32::to_le_bytes));
    for (name, value) in std::env::vars() {
        all.extend(format!("{name}={value}").into_bytes());
    }
    all.extend(std::process::id().to_le_bytes());
    let missing = std::fs::metadata("/nonexistent").map_err(|e| e.to_string());
    all.extend(format!("{missing:?} {:?}", std::env::current_dir()).into_bytes());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    all.extend(format!("{now:?} {:?}", start.elapsed()).into_bytes());
    all
}

#[detpar::main]
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (case, path) = (arguments[1].as_str(), arguments[2].as_str());
    let all = gather(path);
    println!("{} bytes", all.len());
    let parts: Vec<u64> = all
        .par_chunks(16)
        .map(|part| {
            println!("child: {:x}", digest(part));
            digest(part)
        })
        .collect();
    let bytes: Vec<u8> = parts.into_iter().flat_map(u64::to_le_bytes).collect();
    std::io::stderr().write_all(b"to standard error\n").expect("a stream");
    println!("digest {:016x}", digest(&bytes));
    match case {
        "plain" => {}
        "fails" => std::process::exit(3),
        // SAFETY: ends the program, and no destructor is missed.
        "leaves" => unsafe { libc::_exit(4) },
        "aborts" => std::process::abort(),
        "faults" => fault(),
        "stack" => println!("{}", signal_stack()),
        "polls" => println!("{}", polls()),
        "handler" => handler(),
        "pointers" => println!("{:?}", pointers()),
        "numbers" => println!("{:?}", numbers()),
        "signals" => println!("{:?}", signals()),
        // What it does depends on something that is not in the record.
        "differs" => {
            if has_another_name() {
                let _ = std::fs::read("/nonexistent");
            }
        }
        // One more number for standard output: a replay would not print what goes there.
        "duplicate" => {
            let out = std::io::stdout();
            let out = std::os::fd::AsFd::as_fd(&out).try_clone_to_owned().expect("a number");
            std::fs::File::from(out).write_all(b"by another number\n").expect("room");
        }
        "socket" => drop(std::net::UdpSocket::bind("127.0.0.1:0")),
        "command" => drop(std::process::Command::new("/bin/true").status()),
        "thread" => drop(std::thread::Builder::new().spawn(|| {})),
        case => panic!("no case {case}"),
    }
}

/// How often a child was found running: another number in every run.
fn polls() -> usize {
    let id = ChildId(1);
    let count: fn(usize) = |n| {
        (0..n).map(std::hint::black_box).for_each(drop);
    };
    // SAFETY: the entry takes what the job gives it, and does not unwind.
    unsafe { Put::new(id).snap().regs(job(count, 3_000_000)).start().call() }.expect("a child");
    // SAFETY: nothing is merged.
    let running = || unsafe { Get::new(id).dont_wait().call() }.is_err();
    let n = std::iter::repeat_with(running).take_while(|r| *r).count();
    // SAFETY: no handle names the child.
    unsafe { call::kill(id) }.expect("a child");
    n
}

/// What the program was started with: whether it ignores SIGUSR1, whether it blocks SIGUSR2.
fn signals() -> (bool, i32) {
    // SAFETY: plain records of libc's, filled by the calls.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_BLOCK, std::ptr::null(), &mut set);
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGUSR1, std::ptr::null(), &mut action);
        (action.sa_sigaction == libc::SIG_IGN, libc::sigismember(&set, libc::SIGUSR2))
    }
}

/// A handler of faults that blocks all other signals, and makes calls.
fn handler() {
    extern "C" fn on_fault(_: i32) {
        println!("a fault in {}", std::process::id());
        std::process::exit(7);
    }
    // SAFETY: the handler ends the program; the record is filled.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigfillset(&mut action.sa_mask);
        action.sa_sigaction = on_fault as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut()), 0);
    }
    fault();
}

/// What calls answer whose pointers are bad.
fn pointers() -> Vec<i32> {
    let bad = std::ptr::without_provenance::<libc::c_char>(8);
    let name = c"/".as_ptr();
    let mut pipe = [0; 2];
    let error = |result: libc::c_long| match result {
        -1 => std::io::Error::last_os_error().raw_os_error().unwrap_or(-1),
        _ => 0,
    };
    // SAFETY: the system looks at each pointer before it uses it, and nobody else does.
    unsafe {
        assert_eq!(libc::pipe2(pipe.as_mut_ptr(), 0), 0);
        let part =
            |from: *const u8, len| libc::iovec { iov_base: from.cast_mut().cast(), iov_len: len };
        // Three bytes before what cannot be read.
        let room = libc::mmap(
            std::ptr::null_mut(),
            8192,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        let three = room.cast::<u8>().add(4093);
        three.copy_from(c"abc".as_ptr().cast(), 3);
        assert_eq!(libc::mprotect(room.add(4096), 4096, libc::PROT_NONE), 0);
        let first = part(c"there was some ".as_ptr().cast(), 15);
        let parts = [first, part(three, 10), part(c"not".as_ptr().cast(), 3)];
        let list = three.cast::<libc::iovec>();
        vec![
            error(libc::syscall(libc::SYS_openat, libc::AT_FDCWD, bad, 0, 0)),
            error(libc::syscall(libc::SYS_rename, name, bad)),
            error(libc::syscall(libc::SYS_statx, libc::AT_FDCWD, name, 0, 0, bad)),
            error(libc::syscall(libc::SYS_pwrite64, pipe[1], bad, 10, 0)),
            error(libc::syscall(libc::SYS_read, pipe[0], bad, 0)),
            error(libc::syscall(libc::SYS_nanosleep, bad, 0)),
            error(libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, bad, 0, 8)),
            error(libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, 0, bad, 8)),
            error(libc::syscall(libc::SYS_write, 1, bad, 10)),
            error(libc::syscall(libc::SYS_writev, 1, bad, 1)),
            error(libc::syscall(libc::SYS_writev, 1, list, 1)),
            libc::syscall(libc::SYS_writev, 1, parts.as_ptr(), parts.len()) as i32,
        ]
    }
}

/// How many descriptors there were above 2, all of which are closed now, and what children find.
fn numbers() -> (usize, u64) {
    // SAFETY: nothing of the program's is open.
    let closed = (3..70_000).filter(|&fd| unsafe { libc::close(fd) } == 0).count();
    let elapsed = Instant::now().elapsed();
    assert!(elapsed.as_secs() < 1000);
    (closed, (0..1000u64).into_par_iter().sum())
}

fn fault() {
    // SAFETY: none: the program ends by it.
    unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) }
}

/// Bytes of the stack that handlers of faults run on.
fn signal_stack() -> usize {
    // SAFETY: all zeros are a value of the record, which is filled here.
    unsafe {
        let mut stack: libc::stack_t = std::mem::zeroed();
        assert_eq!(libc::sigaltstack(std::ptr::null(), &mut stack), 0);
        stack.ss_size
    }
}

/// Whether the program's file has another name: in memory that was there before the record.
fn has_another_name() -> bool {
    // SAFETY: reads the auxiliary vector.
    let name = unsafe { std::ffi::CStr::from_ptr(libc::getauxval(libc::AT_EXECFN) as *const _) };
    name.to_bytes().ends_with(b"other")
}
