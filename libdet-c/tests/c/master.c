/* What the master alone has: signals that interrupt its waits, handlers that may not fork, forks of the
 * program itself. */
#define _GNU_SOURCE
#include "check.h"
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t rang;
static int number;

static void ring(int signal) {
    (void)signal;
    rang++;
}

/* The signal comes again and again: one that comes before a wait is no signal of that wait. */
static void every_millisecond(int on) {
    struct timeval t = {0, on ? 1000 : 0};
    struct itimerval timer = {t, t};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void forever(void *arg) {
    for (volatile int *p = arg;; (*p)++) {
    }
}

static void in_a_child(void *arg) {
    sigset_t set;
    (void)arg;
    sigemptyset(&set);
    CHECK(det_signals(&set, NULL) == 0);
    sigaddset(&set, SIGALRM);
    CHECK(det_signals(&set, NULL) == -1 && errno == EPERM);
    CHECK(det_odf_fork() == -1 && errno == EPERM);
    CHECK(det_odf_switch(0) == -1 && errno == EPERM);
    number++;
}

static void signals(void) {
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigaddset(&set, SIGRTMAX);
    CHECK(det_signals(&set, &old) == 0 && !sigismember(&old, SIGALRM));
    CHECK(det_signals(NULL, &old) == 0 && sigismember(&old, SIGALRM) && sigismember(&old, SIGRTMAX) &&
          !sigismember(&old, SIGUSR1));
    CHECK(signal(SIGALRM, ring) != SIG_ERR);
    CHECK(det_fork_fn(1, forever, &number) == 0);
    every_millisecond(1);
    for (int i = 0; i < 3; i++) {
        int before = rang;
        long r = i == 0 ? det_join(1) : i == 1 ? det_wait(1) : -1;
        if (i == 2)
            CHECK(det_dget(1, DET_GET_MERGE, 0, 0, 0) == -EINTR);
        else
            CHECK(r == -1 && errno == EINTR);
        CHECK(rang > before);
    }
    CHECK(strstr(det_strerror(EINTR), "signal"));
    /* Nothing was done: the child runs, and its number is its own. */
    CHECK(det_status(1) == DET_RUNNING && number == 0);
    CHECK(det_kill(1) == (DET_EXCEPTION | DET_BY_KILLED << 8));
    every_millisecond(0);

    sigemptyset(&set);
    CHECK(det_signals(&set, &set) == 0 && sigismember(&set, SIGALRM));
    CHECK(det_fork_fn(1, in_a_child, NULL) == 0);
    CHECK(det_join(1) == 0 && number == 1);
}

/* To an optimizer `raise` calls nothing of this file. */
static volatile int errors[3];
static volatile long put;

static void forks(int signal) {
    (void)signal;
    errno = 0;
    errors[0] = det_fork(5) == -1 ? errno : 0;
    errors[1] = det_fork_fn(5, forever, &number) == -1 ? errno : 0;
    put = det_dput(5, DET_PUT_REGS | DET_PUT_SNAP | DET_PUT_START, 0, 0, 0);
    errors[2] = strstr(det_strerror(EDEADLK), "handler") != NULL;
}

static void handlers(void) {
    struct sigaction action = {.sa_handler = forks};
    static char other[1 << 16];
    stack_t stack = {.ss_sp = other, .ss_size = sizeof other};
    for (int own_stack = 0; own_stack < 2; own_stack++) {
        CHECK(sigaltstack(&stack, NULL) == 0);
        action.sa_flags = own_stack ? SA_ONSTACK : 0;
        CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
        errors[0] = errors[1] = errors[2] = 0;
        put = 0;
        raise(SIGUSR2);
        CHECK(errors[0] == EDEADLK && errors[1] == EDEADLK && errors[2]);
        CHECK(put == -EDEADLK);
        CHECK(det_join(5) == -1 && errno == ECHILD);
        /* Behind the handler the program forks as ever. */
        number = 0;
        if (det_fork(5) == 0) {
            number = 7;
            det_exit(0);
        }
        CHECK(det_join(5) == 0 && number == 7);
    }
}

static void forks_of_the_program(void) {
    CHECK(det_odf_switch(-1) == 1 && det_odf_switch(0) == 1 && det_odf_switch(1) == 0);
    int *heap = malloc(sizeof *heap);
    *heap = number = 1;
    for (int plain = 0; plain < 2; plain++) {
        int to[2];
        CHECK(pipe(to) == 0);
        pid_t pid = plain ? fork() : det_odf_fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            int sum = (*heap += 10) + (number += 100);
            int init = det_init() == -1 && errno == EPERM;
            _exit(write(to[1], &sum, sizeof sum) == sizeof sum && init ? 0 : 1);
        }
        int sum = 0, status = -1;
        CHECK(read(to[0], &sum, sizeof sum) == sizeof sum && sum == 112);
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        CHECK(*heap == 1 && number == 1);
        close(to[0]);
        close(to[1]);
    }
    free(heap);
    /* And has children as before. */
    if (det_fork(0) == 0) {
        number = 3;
        det_exit(0);
    }
    CHECK(det_join(0) == 0 && number == 3);
}

int main(void) {
    signals();
    handlers();
    forks_of_the_program();
    puts("master: ok");
    return 0;
}
