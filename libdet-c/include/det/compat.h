/* det/compat.h: sources written for fork, wait and main as they are, unchanged.
 *
 *     cc program.c $(pkg-config --cflags --libs detpar-compat)
 *
 * includes this header first. fork() becomes det_fork(), wait() and waitpid() join: what a child
 * changes of data, bss and heap is its parent's afterwards, and children that changed the same byte
 * are a conflict. printf, stdio, malloc and exit need no header: see docs/c.md.
 *
 * With -DDET_COMPAT_CHILD main itself runs in a child: clocks, random numbers, process ids and
 * addresses are the same in every run. Its files are in memory, none at first.
 */
#ifndef DET_COMPAT_H
#define DET_COMPAT_H

/* The names are C's alone: a C++ class may have members called wait. */
#ifndef __cplusplus

/* What a source asks of the system's headers by itself comes too late for those below. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#define DET_COMPAT_GNU_
#endif
#include <det.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef DET_COMPAT_GNU_
#undef DET_COMPAT_GNU_
#undef _GNU_SOURCE
#endif

/* One for all sources of a program. Thread-local: a child starts with its initial value, and nothing
 * of it is merged. */
struct det_compat_ {
    int next;  /* the number of the next child */
    int first; /* all children below were waited for */
};
__attribute__((weak)) __thread struct det_compat_ det_compat_;

/* Process ids of children: above that of init and the one which every space has. */
#define DET_COMPAT_PID_ 3

DET_RETURNS_TWICE __attribute__((unused)) static pid_t det_compat_fork_(void) {
    int id = det_compat_.next;
    int side = det_fork(id);
    if (side != 1)
        return side;
    det_compat_.next = id + 1;
    return id + DET_COMPAT_PID_;
}

/* Joins a child: 1, 0 where it runs and nobody wants to wait, or -1 where there is none. When a child
 * ends is told to the master alone: below it, one that runs is waited for. */
__attribute__((unused)) static int det_compat_join_(int id, int *status, int options) {
    int code = options & WNOHANG ? det_try_join(id) : det_join(id);
    if (code < 0 && errno == EAGAIN)
        return 0;
    if (code < 0 && errno == EPERM)
        code = det_join(id);
    if (code < 0 && errno != EIO && errno != ECANCELED)
        return -1;
    if (code < 0)
        /* The status has no room for what went wrong. */
        fprintf(stderr, "%s\n", det_strerror(errno));
    if (status)
        *status = code < 0 ? SIGABRT : (code & 0xff) << 8;
    return 1;
}

/* Any child is the first in the order of forks: not the fastest. */
__attribute__((unused)) static pid_t det_compat_waitpid_(pid_t pid, int *status, int options) {
    if (pid > 0) {
        int id = pid - DET_COMPAT_PID_, done = -1;
        if (id >= 0)
            done = det_compat_join_(id, status, options);
        else
            errno = ECHILD;
        return done == 1 ? pid : done;
    }
    int running = 0;
    for (int id = det_compat_.first; id < det_compat_.next; id++) {
        int done = det_compat_join_(id, status, options);
        if (done == 1)
            return id + DET_COMPAT_PID_;
        if (done < 0 && errno != ECHILD)
            return -1;
        running |= done == 0;
        if (done < 0 && !running)
            det_compat_.first = id + 1;
    }
    if (running)
        return 0;
    errno = ECHILD;
    return -1;
}

#define fork() det_compat_fork_()
#define vfork() det_compat_fork_()
#define wait(status) det_compat_waitpid_(-1, status, 0)
#define waitpid(pid, status, options) det_compat_waitpid_(pid, status, options)

#ifdef DET_COMPAT_CHILD
/* The program's own main, with whatever parameters, has another name for the linker alone: it stays
 * a main, which needs no return. C23 has no declaration of unknown parameters: clang renames without
 * one, gcc does not. */
#if defined(__clang__)
#pragma redefine_extname main det_compat_main_
#elif __GNUC__ >= 13 && __STDC_VERSION__ > 201710L
#error "DET_COMPAT_CHILD with gcc is for C up to C17: compile with -std=gnu17"
#else
int main() __asm__("det_compat_main_");
#endif
int det_compat_own_(int argc, char **argv, char **envp) __asm__("det_compat_main_");
__attribute__((weak)) int det_compat_start_(int argc, char **argv, char **envp) __asm__("main");

int det_compat_start_(int argc, char **argv, char **envp) {
    /* Where children have the files of the system there is nothing to make. */
    int failed = det_fs_mkdir("/tmp") < 0 && errno != EOPNOTSUPP;
    int side = failed ? -1 : det_fork(0);
    if (side == 0)
        det_exit(det_compat_own_(argc, argv, envp) & 0xff);
    int code = side < 0 ? -1 : det_join(0);
    if (code < 0) {
        fprintf(stderr, "%s\n", det_strerror(errno));
        return 128 + SIGABRT;
    }
    return code;
}
#endif

#endif
#endif
