/* det.h: deterministic parallelism for C.
 *
 * A program linked with -ldetpar runs its main as the master. Children have a snapshot of its
 * memory as of their start, run beside it with nothing shared, and are merged at a join. Two that
 * changed the same byte are a conflict, in every run. See det_fork(3) and detpar(7).
 */
#ifndef DET_H
#define DET_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/select.h> /* sigset_t, in every standard of C */
#include <sys/types.h>
#include <sys/user.h>

#ifdef __cplusplus
extern "C" {
#define DET_NORETURN [[noreturn]]
#else
#define DET_NORETURN _Noreturn
#endif

/* To an optimizer what the child writes would never reach the parent: with this it may, from any call
 * after the fork. Its warning of variables that a longjmp would clobber does not hold here. */
#if defined(__GNUC__) || defined(__clang__)
#define DET_RETURNS_TWICE __attribute__((returns_twice))
#else
#define DET_RETURNS_TWICE
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wclobbered"
#endif

/* Where this space's errno is. Libc's own declaration lets an optimizer take the address once, before
 * a det_fork, and use it in the child, which has its errno elsewhere. */
int *det_errno(void);
#undef errno
#define errno (*det_errno())

/* 0 where the program can have children. No call is needed. */
int det_init(void);

/* Fork and join. All but det_fork and det_wait: 0 or more, or -1 with errno.
 * What a child changes of data, bss and heap is merged; its stack is its own. */

/* Returns twice, as fork does: 1 here, 0 in the new child, which ends by det_exit. The child has
 * the stack and registers of this call in its own memory, so nothing needs to be volatile. */
DET_RETURNS_TWICE int det_fork(int id);
/* A child that runs fn(arg). */
int det_fork_fn(int id, void (*fn)(void *arg), void *arg);
/* Waits, merges, and frees the number; the code of the child's det_exit. */
int det_join(int id);
/* The same, or EAGAIN at once. In the master only. */
int det_try_join(int id);
/* Waits, lets out what the child has printed, and merges nothing: a state. */
long det_wait(int id);
/* A state as of now. In the master only. */
long det_status(int id);
/* Ends a child; nothing of it is merged, nor runs any more. The state in which its parent last found
 * it; one that was started since is an exception by DET_BY_KILLED, whatever it has come to. */
long det_kill(int id);
/* Ends this child. */
DET_NORETURN void det_exit(int code);

/* Work shared out to children that merge all or none, the caller's live frames as well. */
int det_for(size_t n, void (*fn)(size_t i, void *arg), void *arg);
int det_reduce(size_t n, size_t size, void *acc,
               void (*leaf)(size_t i, void *acc, void *arg),
               void (*combine)(void *acc, const void *part, void *arg), void *arg);
/* In det_for: waits for the other children, and merges. */
int det_barrier(void);

/* Which signals that have a handler may interrupt det_join, det_wait and det_dget in the master, with
 * EINTR and nothing done. None at first. Either pointer may be NULL. */
int det_signals(const sigset_t *set, sigset_t *old);

/* A second process that goes on with the same memory, for the price of what is touched afterwards: as
 * fork(2), and no child. In the master, or without one. */
pid_t det_odf_fork(void);
/* Lets a plain fork do the same (1, as at first), or copy all (0); what it did before. */
int det_odf_switch(int on);

/* Files of children: a tree in memory, which is there as soon as the master has called one of these. In
 * children stdio and the calls behind it work on it; in the master they are the host's. 0, or -1 with
 * errno. In the master only. */
int det_fs_mkdir(const char *name);
int det_fs_import(const char *host, const char *to);
int det_fs_export(const char *from, const char *host);
/* The whole tree as a disk image, for det_fs_load and detfs(1). */
int det_fs_save(const char *image);
int det_fs_load(const char *image);

/* The raw calls: 0 in a child just started, a state in the parent, or a negative errno.
 * Copy takes [start, start + size) to dst; Zero and Perm act on [dst, dst + size). */
DET_RETURNS_TWICE long det_dput(int child, long flags, unsigned long start, size_t size,
                                unsigned long dst);
long det_dget(int child, long flags, unsigned long start, size_t size, unsigned long dst);
/* Stops this child; 0 when its parent has started it again. */
long det_dret(int code);
/* Registers of a child that stopped by det_dret: 0, or -1 with errno. General registers, instruction
 * and stack pointer are those that it goes on with. */
int det_get_regs(int child, struct user_regs_struct *regs);
int det_put_regs(int child, const struct user_regs_struct *regs);
/* Ends a child and all below it: a state, as det_kill. */
long det_dkill(int child);

/* Flags of det_dput. */
#define DET_PUT_REGS 0x001L
#define DET_PUT_COPY 0x002L
#define DET_PUT_ZERO 0x004L
#define DET_PUT_SNAP 0x008L
#define DET_PUT_START 0x010L
#define DET_PUT_PERM 0x020L
#define DET_PUT_TREE 0x040L  /* reserved */
#define DET_PUT_LIMIT 0x080L /* reserved */
/* Flags of det_dget. */
#define DET_GET_REGS 0x001L
#define DET_GET_COPY 0x002L
#define DET_GET_ZERO 0x004L
#define DET_GET_MERGE 0x008L
#define DET_GET_PERM 0x010L
#define DET_GET_STATUS 0x020L
#define DET_GET_TREE 0x040L /* reserved */
#define DET_GET_DONT_WAIT 0x080L
/* With Perm, in both: what the pages may be used for. */
#define DET_PERM_READ 0x100L
#define DET_PERM_WRITE 0x200L

/* States. */
#define DET_KIND(state) ((state) & 0xff)
#define DET_CODE(state) ((state) >> 8)
#define DET_CREATED 1
#define DET_RUNNING 2
#define DET_RET 3       /* by det_dret, with its code */
#define DET_RETURNED 4  /* by its end, with the code of det_exit */
#define DET_EXCEPTION 5 /* with one of these */
#define DET_BY_PANIC 1
#define DET_BY_FAULT 2
#define DET_BY_FORBIDDEN 3
#define DET_BY_LIMIT 4
#define DET_BY_KILLED 5

/* A conflict. Strings live until the next call that fails, and are NULL where not known. */
struct det_conflict {
    const void *address;  /* the lowest byte that two changed */
    int lower;            /* a child, or -1: the parent, or what it had merged before */
    int higher;           /* the child whose join failed; in det_for the number of its part */
    unsigned char values[3]; /* the byte at the snapshot, as the lower and the higher left it */
    uint64_t words[3];    /* the eight aligned bytes around it, likewise */
    const char *symbol;   /* the variable */
    const char *lines[2]; /* file:line:column where the lower and the higher wrote it */
};

/* Conflicts of the last call of this space that failed: one or none. */
int det_conflict_count(void);
int det_conflict_get(int i, struct det_conflict *conflict);
/* What an error number means; of the last failed call, all that it has to say. */
const char *det_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
