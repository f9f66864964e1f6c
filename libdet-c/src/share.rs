//! Work shared out to children of one closed construct, which merge all or none.

use crate::error::{Failed, guard};
use crate::raw::{self, Work};
use core::ffi::{c_int, c_void};
use core::slice;
use detpar::iter::width::Width;
use kernel::abi::End;

type Each = unsafe extern "C" fn(usize, *mut c_void);
type Leaf = unsafe extern "C" fn(usize, *mut c_void, *mut c_void);
type Combine = unsafe extern "C" fn(*mut c_void, *const c_void, *mut c_void);

/// What the children of a construct do.
struct Shared {
    width: Width,
    each: Each,
    arg: *mut c_void,
}

/// Runs `each(i, arg)` for all `i` below `n`, in children that each do several neighbouring indices
/// in turn: 0, or -1 with `errno` and nothing merged. How many children there are follows from `n`
/// alone. See `det_for(3)`.
///
/// # Safety
/// `each` accepts every index with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_for(n: usize, each: Option<Each>, arg: *mut c_void) -> c_int {
    /// # Safety
    /// `data` is the `Shared` of `det_for`.
    unsafe extern "C" fn entry(data: *mut (), leaf: usize, _out: *mut u8) -> End {
        // SAFETY: the construct keeps it alive.
        let s = unsafe { &*data.cast::<Shared>() };
        for i in s.width.start(leaf)..s.width.start(leaf + 1) {
            // SAFETY: the contract of `det_for`.
            unsafe { (s.each)(i, s.arg) };
        }
        End::Returned
    }
    guard(-1, || {
        let each = each.ok_or(Failed::new(libc::EFAULT, "det_for: the function is null"))?;
        let shared = Shared { width: Width::of(n), each, arg };
        let data = (&raw const shared).cast_mut().cast();
        let job = Work { entry, data, arg: 0, out_size: 0 };
        // SAFETY: the entry takes what is passed here; C's code does not unwind.
        unsafe { raw::run(shared.width.leaves(), job) }?;
        Ok(0)
    })
}

/// What the children of a reduction do.
struct Reduction {
    width: Width,
    leaf: Leaf,
    arg: *mut c_void,
    /// What an accumulator starts as.
    start: *const u8,
    size: usize,
}

/// Reduces `n` items to one value of `size` bytes, which lies at `acc` and holds the operation's
/// neutral element at first: 0, or -1 with `errno`.
///
/// Children run `leaf(i, acc, arg)` on accumulators of their own, each for several neighbouring
/// indices in turn; `combine(acc, part, arg)` adds their values to that of the caller, in the order
/// of indices, in the caller's space. How the indices are cut follows from `n` alone, so a sum of
/// floating-point numbers has the same bits at any number of workers. See `det_for(3)`.
///
/// # Safety
/// `acc` has `size` writable bytes; the functions accept it with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn det_reduce(
    n: usize,
    size: usize,
    acc: *mut c_void,
    leaf: Option<Leaf>,
    combine: Option<Combine>,
    arg: *mut c_void,
) -> c_int {
    /// # Safety
    /// `data` is the `Reduction` of `det_reduce`; `out` has room for an accumulator.
    unsafe extern "C" fn entry(data: *mut (), part: usize, out: *mut u8) -> End {
        // SAFETY: the construct keeps it alive.
        let r = unsafe { &*data.cast::<Reduction>() };
        // SAFETY: both have room for an accumulator.
        unsafe { core::ptr::copy_nonoverlapping(r.start, out, r.size) };
        for i in r.width.start(part)..r.width.start(part + 1) {
            // SAFETY: the contract of `det_reduce`.
            unsafe { (r.leaf)(i, out.cast(), r.arg) };
        }
        End::Returned
    }
    guard(-1, || {
        let null = || Failed::new(libc::EFAULT, "det_reduce: a pointer is null");
        let (leaf, combine) = (leaf.ok_or_else(null)?, combine.ok_or_else(null)?);
        if acc.is_null() && size > 0 {
            return Err(null());
        }
        // Aligned for any type, as what the children get is.
        let mut part = vec![0u128; size.div_ceil(16)];
        let width = Width::of(n);
        let reduction = Reduction { width, leaf, arg, start: acc.cast(), size };
        let data = (&raw const reduction).cast_mut().cast();
        let job = Work { entry, data, arg: 0, out_size: size };
        // SAFETY: the entry takes what is passed here; C's code does not unwind.
        let done = unsafe { raw::run(width.leaves(), job) }?;
        for i in 0..width.leaves() {
            // SAFETY: every child returned, so `size` bytes of it are there; so many are in `part`.
            unsafe {
                let from = slice::from_raw_parts(done.result(i), size);
                core::ptr::copy_nonoverlapping(from.as_ptr(), part.as_mut_ptr().cast(), size);
                kernel::apart::program(|| combine(acc, part.as_ptr().cast(), arg));
            }
        }
        Ok(0)
    })
}

/// Waits, in a child of `det_for`, until all its siblings have come to a barrier or have ended; then
/// what all of them changed is merged and each goes on with memory as it is then: 0, or -1 with
/// `errno`. Indices that one child does in turn meet as one.
#[unsafe(no_mangle)]
pub extern "C" fn det_barrier() -> c_int {
    guard(-1, || raw::barrier().map(|()| 0))
}
