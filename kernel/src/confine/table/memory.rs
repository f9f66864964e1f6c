//! Memory.

use super::super::policy::{Action, Arg::*, Row, Topic, refuse, row};

const MAP: &str = "memory is mapped by the master alone: use the heap";
const PROT: &str = "rights over memory are the master's: `Perm` of put sets those of a child";
const SHARED: &str =
    "memory shared between processes is outside the image: use the heap, and return values";
const NUMA: &str = "where memory lies is the machine's affair: no result depends on it";

/// Memory.
pub(crate) const TOPIC: Topic = Topic {
    title: "Memory",
    intro: "A child computes on its snapshot of the image. Mappings are the master's; the heap is served from the image without a system call.",
    rows: ROWS,
};

const ROWS: &[Row] = &[
    refuse(9, "mmap", &[Ptr, Num, Num, Bits, Fd, Num], MAP),
    refuse(10, "mprotect", &[Ptr, Num, Bits], PROT),
    row(
        11,
        "munmap",
        &[Ptr, Num],
        Action::Unmap,
        "after a signal stack was taken down, as Rust does before it exits: nothing that a child can read; else refused",
    ),
    refuse(12, "brk", &[Ptr], MAP),
    refuse(25, "mremap", &[Ptr, Num, Num, Bits, Ptr], MAP),
    refuse(26, "msync", &[Ptr, Num, Bits], SHARED),
    refuse(27, "mincore", &[Ptr, Num, Ptr], NUMA),
    row(
        28,
        "madvise",
        &[Ptr, Num, Num],
        Action::Advice,
        "hints, which change no contents: nothing happens; advice that changes contents is refused: write zeros instead",
    ),
    refuse(29, "shmget", &[Num, Num, Bits], SHARED),
    refuse(30, "shmat", &[Num, Ptr, Bits], SHARED),
    refuse(31, "shmctl", &[Num, Num, Ptr], SHARED),
    refuse(67, "shmdt", &[Ptr], SHARED),
    refuse(149, "mlock", &[Ptr, Num], NUMA),
    refuse(150, "munlock", &[Ptr, Num], NUMA),
    refuse(151, "mlockall", &[Bits], NUMA),
    refuse(152, "munlockall", &[], NUMA),
    refuse(216, "remap_file_pages", &[Ptr, Num, Bits, Num, Bits], MAP),
    refuse(237, "mbind", &[Ptr, Num, Num, Ptr, Num, Bits], NUMA),
    refuse(238, "set_mempolicy", &[Num, Ptr, Num], NUMA),
    refuse(239, "get_mempolicy", &[Ptr, Ptr, Num, Ptr, Bits], NUMA),
    refuse(256, "migrate_pages", &[Num, Num, Ptr, Ptr], NUMA),
    refuse(279, "move_pages", &[Num, Num, Ptr, Ptr, Ptr, Bits], NUMA),
    refuse(310, "process_vm_readv", &[Num, Ptr, Num, Ptr, Num, Bits], SHARED),
    refuse(311, "process_vm_writev", &[Num, Ptr, Num, Ptr, Num, Bits], SHARED),
    refuse(319, "memfd_create", &[Path, Bits], MAP),
    refuse(323, "userfaultfd", &[Bits], PROT),
    row(
        324,
        "membarrier",
        &[Num, Bits, Num],
        Action::Barrier,
        "one thread sees its own writes: nothing to do; commands that are not known are refused",
    ),
    refuse(325, "mlock2", &[Ptr, Num, Bits], NUMA),
    refuse(329, "pkey_mprotect", &[Ptr, Num, Bits, Num], PROT),
    refuse(330, "pkey_alloc", &[Bits, Num], PROT),
    refuse(331, "pkey_free", &[Num], PROT),
    refuse(440, "process_madvise", &[Fd, Ptr, Num, Num, Bits], NUMA),
    refuse(447, "memfd_secret", &[Bits], MAP),
    refuse(448, "process_mrelease", &[Fd, Bits], NUMA),
    refuse(450, "set_mempolicy_home_node", &[Ptr, Num, Num, Bits], NUMA),
    refuse(453, "map_shadow_stack", &[Ptr, Num, Bits], MAP),
    refuse(462, "mseal", &[Ptr, Num, Bits], PROT),
];
