//! The master space: how a program becomes one, and what it may ask about itself.

pub use crate::space::boot::{Config, Scan, run};

use crate::abi::CALLS;
use crate::check::allocated;
use crate::exec::control::{Role, me};
use crate::heap;
use crate::image::{counts, early, regions};
pub use crate::merge::{Accept, Done};
use crate::space::descriptors;
use core::ffi::{c_char, c_int};

/// Lets a program that runs its children in its own process have the C library's heap, which is
/// made for threads, and seeded keys for its hash maps: the first map of each thread has those of
/// the seed.
///
/// Blocks that were handed out before stay where they are.
pub fn without_spaces(seed: u64) {
    #[cfg(feature = "interpose")]
    crate::interpose::without_spaces(seed);
    #[cfg(not(feature = "interpose"))]
    let _ = seed;
}

/// Keeps `[start, start + len)` out of every merge: what children change there is dropped.
/// For state of a runtime that is private to each process by nature.
///
/// # Safety
/// Only in the master, while no child runs; the range must not hold data of the program.
pub unsafe fn no_merge(start: usize, len: usize) {
    regions::no_merge(start, start + len);
    new_epoch();
}

/// Lets a static merge as one object that is written once: as long as it holds what it holds now,
/// the first child in program order that changes it wins, and what others made of it is
/// forgotten, without a conflict. Afterwards its bytes merge as bytes. For lazily filled state,
/// which every child fills alike. Where a child left a version that is not accepted its bytes
/// merge as bytes, too.
///
/// Memory that is not static data of the program or of its libraries stays as it is, and so does
/// what comes when the kernel's table is full (about 1900 objects, 1 MiB).
pub fn write_once(start: usize, len: usize, accept: Accept) {
    if early::is_ready() && me().role == Role::Master {
        regions::write_once(start, start.saturating_add(len), accept);
        new_epoch();
    }
}

/// Keeps a heap block out of every merge that a static leads to, over `depth` pointers: what
/// children change there is dropped. For counters of a runtime that are private to each space by
/// nature and live behind a pointer that is filled on first use.
///
/// # Safety
/// As for [`no_merge`]; the static must hold null or a pointer to such a block at all times.
pub unsafe fn no_merge_behind(at: usize, depth: u32) {
    regions::no_merge_behind(at, depth);
    new_epoch();
}

/// Lets a pair of words, a count of references and one of weak references, merge as counts that
/// add, in the constructs of this space and of its children. Where it answers `false` they merge
/// as bytes: they lie outside of the image, or about a thousand are declared.
///
/// # Safety
/// Until [`uncount`] the memory must hold two counts, which no child brings to zero.
pub unsafe fn count(at: usize) -> bool {
    early::is_ready() && counts::add(at)
}

/// Takes one [`count`] back; in the space that did it.
pub fn uncount(at: usize) {
    counts::remove(at);
}

/// Lets a number of eight bytes merge as a sum: all that children added to it is added, modulo
/// 2^64. Answers as [`count`].
///
/// # Safety
/// Until [`unsum`] the memory must hold a number that may take any value.
pub unsafe fn sum(at: usize) -> bool {
    early::is_ready() && counts::add_sum(at)
}

/// Takes one [`sum`] back; in the space that did it.
pub fn unsum(at: usize) {
    counts::remove_sum(at);
}

/// Workers made so far no longer match the master: they are replaced at their next start.
pub(crate) fn new_epoch() {
    let me = me();
    if me.role == Role::Master {
        me.epoch = me.epoch.wrapping_add(1);
    }
}

/// Whether this code runs in a child.
pub fn in_child() -> bool {
    early::is_ready() && me().role == Role::Child
}

/// Whether this code runs in the master space.
pub fn is_master() -> bool {
    early::is_ready() && me().role == Role::Master
}

/// Whether the program has handlers of signals.
pub fn has_handlers() -> bool {
    crate::space::signals::any()
}

/// Whether this space has children that were neither joined nor killed.
pub fn has_open_children() -> bool {
    early::is_ready() && me().open_count != 0
}

/// Start and length of the heap block around an address, if it lies in one.
pub fn heap_block(addr: usize) -> Option<(usize, usize)> {
    let block = early::is_ready().then(|| heap::block_of(addr)).flatten()?;
    Some((block.start, allocated::usable(block.start, block.len)))
}

/// Return addresses of the calls by which the heap block around an address was allocated, the
/// innermost first, zeroes behind the last that is known. Known where blocks keep it, see [`Config`].
pub fn heap_block_calls(addr: usize) -> [usize; CALLS] {
    allocated::calls(addr)
}

/// The descriptor whose close, by a child, is recorded at an address.
pub fn descriptor_at(addr: usize) -> Option<i32> {
    descriptors::at(addr)
}

/// Whether an address lies in the stack that user main runs on.
pub fn in_stack(addr: usize) -> bool {
    use crate::image::layout::{STACK, STACK_END};
    (STACK..STACK_END).contains(&addr)
}

/// Process ids of the living workers: for tests that kill them and for tools.
pub fn worker_pids() -> Vec<i32> {
    if early::is_ready() && me().role == Role::Master {
        crate::exec::master::master().pids().collect()
    } else {
        Vec::new()
    }
}

/// How many stopped children left their workers so far: for tests.
pub fn evictions() -> u64 {
    let here = early::is_ready() && me().role == Role::Master;
    if here { crate::exec::master::master().evictions } else { 0 }
}

/// Writes the rest of the timeline, where one is taken: for those who end the program in the
/// middle.
pub fn finish_timeline() {
    if is_master() {
        crate::exec::timeline::finish();
    }
}

/// How many times children ran once more so far, to be watched for what they write.
pub fn second_runs() -> u32 {
    crate::check::second_runs()
}

/// How this program finds changed pages.
pub fn scan() -> Scan {
    match crate::exec::changes::method() {
        crate::sys::scan::Method::Ioctl => Scan::Ioctl,
        crate::sys::scan::Method::Read => Scan::Pagemap,
    }
}

/// Units of 2 MiB that have been given huge pages: for tests.
pub fn huge_units() -> u32 {
    crate::image::huge::made()
}

/// Descriptor of the image file: for tests that count its blocks.
pub fn image_fd() -> i32 {
    me().image_fd
}

/// What native code in a child can reach of the control plane: for tests that attack it.
#[doc(hidden)]
pub mod exposed {
    pub use crate::exec::exposed::*;
}

/// A main as libc calls it: the number of arguments, arguments, environment.
pub type Main = extern "C" fn(c_int, *mut *mut c_char, *mut *mut c_char) -> c_int;

/// Puts a main in place of the program's own; from a constructor that runs before it. Nothing
/// happens in builds without the feature `interpose`.
pub fn replace_main(main: Main) {
    #[cfg(feature = "interpose")]
    crate::interpose::replace_main(main);
    #[cfg(not(feature = "interpose"))]
    let _ = main;
}

/// The program's own main, for one that was put in its place. None before libc was about to call
/// it, and in builds without the feature `interpose`.
pub fn own_main() -> Option<Main> {
    #[cfg(feature = "interpose")]
    return crate::interpose::own_main();
    #[cfg(not(feature = "interpose"))]
    None
}

/// Lets `exit`, `_exit` and `_Exit` end a child that was put by its number, with the low eight bits
/// of their status as its code, from whatever depth of its stack. For programs in C: no functions of
/// `atexit` and no destructors of frames run. Nothing happens in builds without the feature
/// `interpose`.
///
/// # Safety
/// Nobody may rely on destructors of the frames of any child.
pub unsafe fn exit_ends_children() {
    #[cfg(feature = "interpose")]
    crate::interpose::ends_children();
}

/// Makes the linker keep the symbols of libc that are taken over.
#[doc(hidden)]
pub fn anchor() -> usize {
    #[cfg(feature = "interpose")]
    return crate::interpose::anchor();
    #[cfg(not(feature = "interpose"))]
    0
}
