//! Memory that the master maps, protects or takes away, and libraries that it loads.
use super::errno;
use detpar::error::FaultKind;
use detpar::{JoinError, join, try_join};
use detpar_tests::harness::check;
use detpar_tests::program::assert_alive;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

fn map(at: usize, len: usize, prot: i32, flags: i32, fd: RawFd) -> *mut u8 {
    let at = std::ptr::without_provenance_mut(at);
    // SAFETY: fresh memory, or that of an earlier mapping of the same case.
    let p = unsafe { libc::mmap(at, len, prot, flags, fd, 0) };
    assert_ne!(p, libc::MAP_FAILED, "{}", errno());
    p.cast()
}

const RW: i32 = libc::PROT_READ | libc::PROT_WRITE;
const PAGE: usize = 4096;

/// What a child says of a byte that it reads, or writes.
fn touched(p: *mut u8, write: bool) -> Result<u8, FaultKind> {
    let p = p as usize;
    let touch = move || {
        let p = std::ptr::with_exposed_provenance_mut::<u8>(p);
        // SAFETY: mapped by the master; where a child must not touch it, it faults.
        unsafe {
            if write {
                p.write_volatile(1);
            }
            p.read_volatile()
        }
    };
    match try_join(|| 0, touch) {
        Ok((_, byte)) => Ok(byte),
        Err(JoinError::Fault(f)) => {
            assert_eq!((f.child(), f.address()), (1, Some(p)), "{f}");
            Err(f.kind())
        }
        Err(e) => panic!("{e}"),
    }
}

/// Writable memory that the master maps is not part of the image, whether workers were made
/// before or after.
pub fn mapped_later() {
    let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let shared = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    for flags in [anonymous, shared, anonymous] {
        assert_alive();
        let p = map(0, 4 * PAGE, RW, flags, -1);
        // SAFETY: just mapped.
        unsafe { p.write(7) };
        for _ in 0..3 {
            assert_eq!(touched(p, false), Err(FaultKind::OutsideImage));
            assert_eq!(touched(p, true), Err(FaultKind::OutsideImage));
        }
        // SAFETY: still mapped.
        assert_eq!(unsafe { p.read() }, 7);
    }
    // Segments of System V are mappings, too.
    assert_alive();
    // SAFETY: a fresh segment that goes with its last user.
    let p = unsafe {
        let id = libc::shmget(libc::IPC_PRIVATE, PAGE, 0o600);
        let p = libc::shmat(id, std::ptr::null(), 0).cast::<u8>();
        check(libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut())).expect("shmctl");
        p
    };
    assert_eq!(touched(p, false), Err(FaultKind::OutsideImage));
}

fn file(name: &str, byte: u8) -> File {
    let path = std::env::temp_dir().join(format!("detpar-{name}-{}", std::process::id()));
    let mut f = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)
        .expect("a file");
    f.write_all(&[byte; PAGE]).expect("writing");
    std::fs::remove_file(path).expect("removing");
    f
}

/// Read-only mappings of files are input that children share, as they are now.
pub fn file_mapped_later() {
    use std::os::unix::fs::FileExt;
    let f = file("mapped", 1);
    for kind in [libc::MAP_PRIVATE, libc::MAP_SHARED] {
        assert_alive();
        f.write_all_at(&[1; PAGE], 0).expect("writing");
        let p = map(0, PAGE, libc::PROT_READ, kind, f.as_raw_fd());
        assert_eq!(touched(p, false), Ok(1));
        f.write_all_at(&[2; PAGE], 0).expect("writing");
        assert_eq!(touched(p, false), Ok(2));
        assert_eq!(touched(p, true), Err(FaultKind::OutsideImage));
    }
    // Writable ones are not part of the image.
    let p = map(0, PAGE, RW, libc::MAP_SHARED, f.as_raw_fd());
    assert_eq!(touched(p, false), Err(FaultKind::OutsideImage));
}

/// A place that shows something else than before is not seen as it was.
pub fn remapped() {
    let (one, two) = (file("one", 1), file("two", 2));
    let p = map(0, PAGE, libc::PROT_READ, libc::MAP_PRIVATE, one.as_raw_fd());
    assert_eq!(touched(p, false), Ok(1));
    let again = libc::MAP_PRIVATE | libc::MAP_FIXED;
    map(p as usize, PAGE, libc::PROT_READ, again, two.as_raw_fd());
    assert_eq!(touched(p, false), Ok(2));
    // SAFETY: nothing uses the old place.
    let q = unsafe {
        let far = map(0, PAGE, libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1);
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        libc::mremap(p.cast(), PAGE, PAGE, flags, far).cast::<u8>()
    };
    assert_eq!(touched(q, false), Ok(2));
    map(p as usize, PAGE, libc::PROT_READ, libc::MAP_PRIVATE, one.as_raw_fd());
    assert_eq!(touched(q, false), Ok(2));
    // SAFETY: nothing uses it.
    unsafe { check(libc::munmap(q.cast(), PAGE)) }.expect("munmap");
    let q = q as usize;
    let e = try_join(
        || 1,
        // SAFETY: none: the access faults, in a child.
        || unsafe { std::ptr::with_exposed_provenance::<u8>(q).read_volatile() },
    );
    assert!(matches!(&e, Err(JoinError::Fault(f)) if f.kind() == FaultKind::Signal), "{e:?}");
}

/// Memory that the master writes between two times that children see it read-only.
pub fn changed_behind_protection() {
    let p = map(0, PAGE, RW, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1);
    for i in 1..5u8 {
        // SAFETY: writable while it is written.
        unsafe {
            check(libc::mprotect(p.cast(), PAGE, RW)).expect("mprotect");
            p.write(i);
            check(libc::mprotect(p.cast(), PAGE, libc::PROT_READ)).expect("mprotect");
        }
        assert_eq!(touched(p, false), Ok(i));
    }
}

/// However large: what is allocated is part of the image.
pub fn large_block() {
    assert_alive();
    let mut large = vec![0u8; 64 << 20];
    let (low, high) = large.split_at_mut(32 << 20);
    join(|| low[5] = 1, || high[5] = 2);
    assert_eq!((large[5], large[(32 << 20) + 5]), (1, 2));
}

/// A library that the master loads while it runs: its code and constants can be used in
/// children, its variables are not part of the image.
pub fn loaded_later() {
    for _ in 0..2 {
        assert_alive();
        // SAFETY: a library of the C library's own, without harmful constructors.
        let (library, f, data) = unsafe {
            let library = libc::dlopen(c"libresolv.so.2".as_ptr(), libc::RTLD_NOW);
            assert!(!library.is_null(), "libresolv.so.2");
            let f = libc::dlsym(library, c"ns_get16".as_ptr());
            let data = libc::dlsym(library, c"__p_type_syms".as_ptr());
            assert!(!f.is_null());
            (library, f, data)
        };
        // SAFETY: the function takes the address of two bytes.
        let get: unsafe extern "C" fn(*const u8) -> u32 = unsafe { std::mem::transmute(f) };
        let bytes = [1u8, 2];
        // SAFETY: two bytes are alive.
        let (a, b) = join(|| unsafe { get(bytes.as_ptr()) }, || 1);
        assert_eq!((a, b), (0x102, 1));
        let _ = data;
        // SAFETY: nothing of it is used any more.
        unsafe { libc::dlclose(library) };
    }
}

/// A page of the heap that the master protects is protected in children as well; they cannot
/// change it behind its back.
pub fn protected_heap() {
    let layout = std::alloc::Layout::from_size_align(2 * PAGE, PAGE).expect("a layout");
    // SAFETY: not of size zero.
    let p = unsafe { std::alloc::alloc_zeroed(layout) };
    let beside = AtomicU8::new(0);
    // SAFETY: the block is the case's own; made writable again before it is freed.
    unsafe {
        p.write(3);
        check(libc::mprotect(p.cast(), PAGE, libc::PROT_READ)).expect("mprotect");
        assert_eq!(touched(p, false), Ok(3));
        assert_eq!(touched(p, true), Err(FaultKind::OutsideImage));
        assert_eq!(touched(p.add(PAGE), true), Ok(1));
        let at = p as usize;
        let read = || std::ptr::with_exposed_provenance::<u8>(at).read();
        let inner = || join(read, || beside.store(1, SeqCst)).0;
        assert_eq!(join(inner, || 1).0, 3);
        check(libc::mprotect(p.cast(), PAGE, libc::PROT_NONE)).expect("mprotect");
        assert_eq!(touched(p, false), Err(FaultKind::OutsideImage));
        check(libc::mprotect(p.cast(), PAGE, RW)).expect("mprotect");
        assert_eq!(touched(p, true), Ok(1));
        assert_eq!(p.read(), 1);
        std::alloc::dealloc(p, layout);
    }
}
