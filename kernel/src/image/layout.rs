//! Where everything lies. All addresses are fixed, so that they are the same in the master
//! and in every worker, whatever was loaded or mapped before.
//!
//! The range 0x1100_0000_0000 to 0x5000_0000_0000 lies above the shadow of AddressSanitizer
//! and below position-independent executables. In it, Linux maps libraries downwards from
//! 0x1555_5555_5000 where the limit on stacks is unlimited, and upwards from
//! 0x2aaa_aaaa_a000 where it uses its legacy layout (a terabyte of randomisation each).

/// Start of the image: offset 0 of the image file.
pub(crate) const IMAGE: usize = 0x1600_0000_0000;
/// Bytes of address space that the image reserves (memory is used only where touched).
pub(crate) const IMAGE_SIZE: usize = 19 << 40;
/// End of the image proper.
pub(crate) const IMAGE_END: usize = IMAGE + IMAGE_SIZE;

/// The stack user main runs on; its lowest page is the guard.
pub(crate) const STACK: usize = IMAGE;
/// Bytes of the stack, guard included. Its busy end and the beginning of the tables behind it
/// share a page table.
pub(crate) const STACK_SIZE: usize = 257 << 20;
/// End of the stack.
pub(crate) const STACK_END: usize = STACK + STACK_SIZE;

/// Tables with one entry per heap segment.
pub(crate) const META: usize = STACK_END;
/// Start of the heap zones.
pub(crate) const HEAP: usize = IMAGE + (1 << 40);

/// Offset in the image file of the writable segments of the loaded objects.
pub(crate) const DATA_OFFSET: usize = IMAGE_SIZE;
/// Bytes reserved for them.
pub(crate) const DATA_SIZE: usize = 4 << 30;
/// Size of the image file.
pub(crate) const FILE_SIZE: usize = DATA_OFFSET + DATA_SIZE;

/// Exchange areas: what children hand over, and what parents fix for them.
pub(crate) const EXCHANGE: usize = 0x3000_0000_0000;
/// Bytes of one exchange area.
pub(crate) const EXCHANGE_SIZE: usize = 8 << 30;
/// Most worker processes.
pub(crate) const MAX_WORKERS: usize = 1024;
/// Bytes of all exchange areas: one for each worker and one for the master.
pub(crate) const EXCHANGE_ALL: usize = (MAX_WORKERS + 1) * EXCHANGE_SIZE;

/// Control memory shared by the master and its workers.
pub(crate) const CONTROL: usize = 0x4000_0000_0000;
/// Control memory private to each process.
pub(crate) const PRIVATE: usize = 0x4100_0000_0000;
/// Thread-local storage of children, one slot per depth; private to each process.
pub(crate) const TLS: usize = 0x4200_0000_0000;
/// Bytes of one slot of thread-local storage.
pub(crate) const TLS_SLOT: usize = 64 << 10;

/// The image file as it is, beside a process's private view of it: offset 0 of the file.
pub(crate) const FILE_VIEW: usize = 0x6000_0000_0000;
/// A page that is mapped in forked processes for as long as they may rely on the image file.
pub(crate) const FAMILY: usize = FILE_VIEW - (1 << 30);

/// Deepest nesting of spaces; the master has depth 0.
pub(crate) const MAX_DEPTH: usize = 256;

/// Rounds down to a page.
pub(crate) const fn page_floor(a: usize) -> usize {
    a & !(crate::abi::PAGE - 1)
}

/// Rounds up to a page.
pub(crate) const fn page_ceil(a: usize) -> usize {
    page_floor(a + crate::abi::PAGE - 1)
}
