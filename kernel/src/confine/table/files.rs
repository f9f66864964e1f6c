//! Files by name.

use super::super::policy::{Action, Arg::*, Row, Topic, refuse, row, tree};

const FILE: &str = "files are the outside: use them in the master, before or after the join; or give \
                    children a tree of files in memory (detpar::fs)";
const CWD: &str = "the working directory belongs to the whole process: use it in the master";
const WATCH: &str =
    "what others do to files, and when, is not deterministic: watch them in the master";

/// Files by name.
pub(crate) const TOPIC: Topic = Topic {
    title: "Files by name",
    intro: "What a name stands for outside differs between machines. Where the master has made a tree of files in memory (`detpar::fs`), names in children are names in that tree, and *answered in a tree* is what a call gets; where there is none it is refused. Why, and how the changes of children come together, is in docs/files.md.",
    rows: ROWS,
};

const ROWS: &[Row] = &[
    row(
        2,
        "open",
        &[Path, Bits, Bits],
        Action::Handler,
        "the files that tell a machine's processors and quotas do not exist; others are those of \
         the tree, where there is one. All else is the outside: use them in the master, before or \
         after the join; or give children a tree of files in memory (detpar::fs)",
    ),
    tree(4, "stat", &[Path, Ptr], FILE),
    tree(6, "lstat", &[Path, Ptr], FILE),
    tree(21, "access", &[Path, Num], FILE),
    tree(76, "truncate", &[Path, Num], FILE),
    tree(79, "getcwd", &[Ptr, Num], CWD),
    refuse(80, "chdir", &[Path], CWD),
    refuse(81, "fchdir", &[Fd], CWD),
    tree(82, "rename", &[Path, Path], FILE),
    tree(83, "mkdir", &[Path, Bits], FILE),
    tree(84, "rmdir", &[Path], FILE),
    tree(85, "creat", &[Path, Bits], FILE),
    tree(86, "link", &[Path, Path], FILE),
    tree(87, "unlink", &[Path], FILE),
    tree(88, "symlink", &[Path, Path], FILE),
    tree(89, "readlink", &[Path, Ptr, Num], FILE),
    tree(90, "chmod", &[Path, Bits], FILE),
    tree(91, "fchmod", &[Fd, Bits], FILE),
    refuse(92, "chown", &[Path, Num, Num], FILE),
    refuse(93, "fchown", &[Fd, Num, Num], FILE),
    refuse(94, "lchown", &[Path, Num, Num], FILE),
    refuse(95, "umask", &[Bits], CWD),
    refuse(132, "utime", &[Path, Ptr], FILE),
    refuse(133, "mknod", &[Path, Bits, Num], FILE),
    refuse(136, "ustat", &[Num, Ptr], FILE),
    refuse(137, "statfs", &[Path, Ptr], FILE),
    refuse(138, "fstatfs", &[Fd, Ptr], FILE),
    refuse(161, "chroot", &[Path], CWD),
    refuse(188, "setxattr", &[Path, Path, Ptr, Num, Bits], FILE),
    refuse(189, "lsetxattr", &[Path, Path, Ptr, Num, Bits], FILE),
    refuse(190, "fsetxattr", &[Fd, Path, Ptr, Num, Bits], FILE),
    refuse(191, "getxattr", &[Path, Path, Ptr, Num], FILE),
    refuse(192, "lgetxattr", &[Path, Path, Ptr, Num], FILE),
    refuse(193, "fgetxattr", &[Fd, Path, Ptr, Num], FILE),
    refuse(194, "listxattr", &[Path, Ptr, Num], FILE),
    refuse(195, "llistxattr", &[Path, Ptr, Num], FILE),
    refuse(196, "flistxattr", &[Fd, Ptr, Num], FILE),
    refuse(197, "removexattr", &[Path, Path], FILE),
    refuse(198, "lremovexattr", &[Path, Path], FILE),
    refuse(199, "fremovexattr", &[Fd, Path], FILE),
    refuse(235, "utimes", &[Path, Ptr], FILE),
    refuse(253, "inotify_init", &[], WATCH),
    refuse(254, "inotify_add_watch", &[Fd, Path, Bits], WATCH),
    refuse(255, "inotify_rm_watch", &[Fd, Num], WATCH),
    row(
        257,
        "openat",
        &[Dir, Path, Bits, Bits],
        Action::Handler,
        "the files that tell a machine's processors and quotas do not exist; others are those of \
         the tree, where there is one. All else is the outside: use them in the master, before or \
         after the join; or give children a tree of files in memory (detpar::fs)",
    ),
    tree(258, "mkdirat", &[Dir, Path, Bits], FILE),
    refuse(259, "mknodat", &[Dir, Path, Bits, Num], FILE),
    refuse(260, "fchownat", &[Dir, Path, Num, Num, Bits], FILE),
    refuse(261, "futimesat", &[Dir, Path, Ptr], FILE),
    row(
        262,
        "newfstatat",
        &[Dir, Path, Ptr, Bits],
        Action::Handler,
        "standard streams are pipes, whatever they are outside; files are those of the tree, where \
         there is one; all else is refused: use files in the master, before or after the join",
    ),
    tree(263, "unlinkat", &[Dir, Path, Bits], FILE),
    tree(264, "renameat", &[Dir, Path, Dir, Path], FILE),
    tree(265, "linkat", &[Dir, Path, Dir, Path, Bits], FILE),
    tree(266, "symlinkat", &[Path, Dir, Path], FILE),
    tree(267, "readlinkat", &[Dir, Path, Ptr, Num], FILE),
    tree(268, "fchmodat", &[Dir, Path, Bits], FILE),
    tree(269, "faccessat", &[Dir, Path, Num], FILE),
    tree(280, "utimensat", &[Dir, Path, Ptr, Bits], FILE),
    refuse(294, "inotify_init1", &[Bits], WATCH),
    refuse(300, "fanotify_init", &[Bits, Bits], WATCH),
    refuse(301, "fanotify_mark", &[Fd, Bits, Bits, Dir, Path], WATCH),
    refuse(303, "name_to_handle_at", &[Dir, Path, Ptr, Ptr, Bits], FILE),
    refuse(304, "open_by_handle_at", &[Fd, Ptr, Bits], FILE),
    tree(316, "renameat2", &[Dir, Path, Dir, Path, Bits], FILE),
    row(
        332,
        "statx",
        &[Dir, Path, Bits, Bits, Ptr],
        Action::Handler,
        "standard streams are pipes, whatever they are outside; files are those of the tree, where \
         there is one; all else is refused",
    ),
    refuse(437, "openat2", &[Dir, Path, Ptr, Num], FILE),
    tree(439, "faccessat2", &[Dir, Path, Num, Bits], FILE),
    tree(452, "fchmodat2", &[Dir, Path, Bits, Bits], FILE),
    refuse(463, "setxattrat", &[Dir, Path, Bits, Path, Ptr, Num], FILE),
    refuse(464, "getxattrat", &[Dir, Path, Bits, Path, Ptr, Num], FILE),
    refuse(465, "listxattrat", &[Dir, Path, Bits, Ptr, Num], FILE),
    refuse(466, "removexattrat", &[Dir, Path, Bits, Path], FILE),
    refuse(468, "file_getattr", &[Dir, Path, Ptr, Num, Bits], FILE),
    refuse(469, "file_setattr", &[Dir, Path, Ptr, Num, Bits], FILE),
];
