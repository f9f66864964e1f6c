/* What a child must not lose or disturb where spaces are plain processes; each case alone. Those that
 * run under `spaces` as well print the same there. */
#define _GNU_SOURCE
#include "check.h"
#include <dirent.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t arrived;
static volatile int done[64];
static int *volatile nowhere;
static int counter;
static char text[4];

static void on_signal(int signal) { (void)signal, arrived++; }

static void on_end(int signal) {
    (void)signal;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        arrived++;
}

static int descriptors(void) {
    int n = 0;
    DIR *all = opendir("/proc/self/fd");
    CHECK(all);
    while (readdir(all))
        n++;
    return closedir(all), n;
}

static void tell_parent(size_t i, void *parent) {
    done[i] = 1;
    CHECK(kill((pid_t)(intptr_t)parent, SIGUSR1) == 0);
}

/* A handler of the master runs beside its children: what it writes is not lost. */
static void handlers(void) {
    intptr_t self = getpid();
    CHECK(signal(SIGUSR1, on_signal) == SIG_DFL);
    if (det_fork(1) == 0) {
        tell_parent(0, (void *)self);
        det_exit(0);
    }
    CHECK(det_join(1) == 0 && done[0] == 1 && arrived == 1);
    CHECK(det_for(1, tell_parent, (void *)self) == 0 && arrived == 2);
    if (det_fork(1) == 0)
        abort();
    CHECK(det_join(1) == -1 && raise(SIGUSR1) == 0 && arrived == 3);
}

static void nothing(void *arg) { (void)arg; }

static volatile int refused;

static void forks(int signal) {
    (void)signal;
    errno = 0;
    refused += det_fork(5) == -1 && errno == EDEADLK && strstr(det_strerror(errno), "handler");
    refused += det_fork_fn(5, nothing, NULL) == -1 && errno == EDEADLK;
}

/* A handler may not fork; behind it the program forks as ever. */
static void forks_in_handlers(void) {
    CHECK(signal(SIGUSR1, forks) == SIG_DFL && raise(SIGUSR1) == 0 && refused == 2);
    CHECK(det_join(5) == -1 && errno == ECHILD);
    CHECK(det_fork_fn(5, nothing, NULL) == 0 && det_join(5) == 0);
}

static void fails(int by) {
    if (det_fork(1) == 0) {
        printf("said before signal %d", by);
        if (by == SIGSEGV)
            *(volatile int *)nowhere = 1;
        if (by == SIGABRT)
            abort();
        det_exit(0);
    }
    CHECK(det_join(1) == -1 && errno == EIO);
    printf("\n%s\n", strstr(det_strerror(EIO), "SIG") ? "by a signal" : det_strerror(EIO));
}

/* The program has no children besides its own. */
static void ends(void) {
    CHECK(signal(SIGCHLD, on_end) == SIG_DFL);
    fails(SIGABRT);
    CHECK(arrived == 0);
    CHECK(signal(SIGCHLD, SIG_IGN) == on_end);
    fails(SIGABRT);
    CHECK(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
    CHECK(wait(NULL) == -1 && errno == ECHILD);
}

/* What standard output is buffered in is no memory that two children change. */
static void print(size_t i, void *arg) { printf("%s %zu\n", (char *)arg, i); }

static void prints(void) {
    puts("parent");
    for (int i = 0; i < 2; i++)
        if (det_fork(i) == 0) {
            print(i, "child");
            CHECK(det_for(2, print, "grandchild") == 0);
            det_exit(0);
        }
    for (int i = 0; i < 2; i++)
        CHECK(det_join(i) == 0);
    CHECK(det_for(2, print, "part") == 0);
}

static void buffer(void) {
    static char mine[4096];
    prints();
    CHECK(setvbuf(stdout, mine, _IOFBF, sizeof mine) == 0);
    prints();
}

/* Children that have ended hold few descriptors, and those that never were hold none. */
static void few(void) {
    enum { OPEN = 40 };
    struct rlimit limit = {OPEN + 24, OPEN + 24};
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    int before = descriptors();
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < OPEN; i++) {
            int r = det_fork(i);
            CHECK(r >= 0);
            if (r == 0) {
                done[i]++;
                det_exit(0);
            }
        }
        for (int i = 0; i < OPEN; i++)
            CHECK(det_join(i) == 0 && done[i] == round);
    }
    /* A child takes a file and two pipes. */
    int taken[OPEN + 24], n = 0;
    while ((taken[n] = dup(0)) >= 0)
        n++;
    for (int room = 0; room < 5; room++) {
        for (int i = 0; i < 100; i++)
            CHECK(det_fork(1) == -1);
        CHECK(n > 0 && close(taken[--n]) == 0);
    }
    CHECK(det_fork_fn(1, nothing, NULL) == 0 && det_join(1) == 0);
    while (n > 0)
        CHECK(close(taken[--n]) == 0);
    CHECK(descriptors() == before);
}

/* A child closes a stream of its parent's for itself, as after a fork. */
static void streams(const char *path) {
    FILE *file = fopen(path, "r"), *own;
    char word[8] = "";
    CHECK(file && fgetc(file) == '/');
    for (int i = 0; i < 2; i++)
        if (det_fork(i) == 0) {
            CHECK(fclose(file) == 0 && (own = fopen(path, "r")) && fclose(own) == 0);
            det_exit(0);
        }
    for (int i = 0; i < 2; i++)
        CHECK(det_join(i) == 0);
    CHECK(fread(word, 1, 3, file) == 3 && strcmp(word, "* A") == 0 && fclose(file) == 0);
}

/* Memory of a library that is loaded later merges as any other. */
static void loaded(const char *path) {
    void *library = dlopen(path, RTLD_NOW);
    CHECK(library);
    volatile int *at = dlsym(library, "in_a_library");
    CHECK(at && *at == 5);
    if (det_fork(1) == 0) {
        *at = 6;
        det_exit(0);
    }
    CHECK(det_join(1) == 0 && *at == 6);
    CHECK(dlclose(library) == 0);
    CHECK(det_fork_fn(1, nothing, NULL) == 0 && det_join(1) == 0);
}

/* What becomes of a child that does something to a byte. */
static void touch(const char *what, volatile char *at, int writes) {
    if (det_fork(1) == 0) {
        if (writes)
            *at = 'c';
        else
            counter = *at;
        det_exit(0);
    }
    int r = det_join(1);
    const char *why = r == 0 ? "" : det_strerror(EIO);
    int fault = strstr(why, "SIG") || strstr(why, "not part of the image");
    printf("%s: %s\n", what, r == 0 ? "fine" : fault ? "a fault" : why);
}

/* Memory that the program maps itself merges nowhere: no child touches it where it can be written. */
static void mapped(void) {
    enum { PAGE = 4096, SIZE = 4 * PAGE };
    const int rw = PROT_READ | PROT_WRITE, private = MAP_PRIVATE | MAP_ANONYMOUS;
    char *own = mmap(NULL, SIZE - 1, rw, private, -1, 0);
    CHECK(own != MAP_FAILED);
    memset(own, 'p', SIZE);
    touch("written", own, 1);
    touch("read", own, 0);
    touch("last byte", own + SIZE - 1, 1);
    CHECK(own[0] == 'p' && own[SIZE - 1] == 'p');
    CHECK(mprotect(own + PAGE, PAGE, PROT_READ) == 0);
    touch("read-only, read", own + PAGE, 0);
    touch("read-only, written", own + PAGE, 1);
    touch("beside that", own + 2 * PAGE, 1);
    CHECK(mprotect(own + PAGE, PAGE, rw) == 0);
    touch("writable again", own + PAGE, 1);
    char *moved = mremap(own, SIZE, 2 * SIZE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED);
    touch("grown", moved + SIZE, 1);
    CHECK(munmap(moved + PAGE, PAGE) == 0);
    touch("before a hole", moved, 1);
    touch("behind a hole", moved + 2 * PAGE, 1);
    CHECK(moved[0] == 'p' && moved[2 * PAGE] == 'p' && munmap(moved, 2 * SIZE) == 0);
    char *shared = mmap(NULL, PAGE, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    touch("shared", shared, 1);
    CHECK(shared[0] == 0 && munmap(shared, PAGE) == 0);
    int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
    char *segment = shmat(id, NULL, 0);
    CHECK(segment != (char *)-1 && shmctl(id, IPC_RMID, NULL) == 0);
    touch("segment", segment, 1);
    CHECK(segment[0] == 0 && shmdt(segment) == 0);
    touch("data", &text[1], 1);
    CHECK(text[1] == 'c' && counter == 'p');
}

int main(int argc, char **argv) {
    CHECK(argc == 2 || argc == 3);
    const char *name = argv[1];
    if (strcmp(name, "handlers") == 0)
        handlers();
    else if (strcmp(name, "forks") == 0)
        forks_in_handlers();
    else if (strcmp(name, "fails") == 0)
        fails(SIGSEGV), fails(SIGABRT);
    else if (strcmp(name, "ends") == 0)
        ends();
    else if (strcmp(name, "buffer") == 0)
        buffer();
    else if (strcmp(name, "few") == 0)
        few();
    else if (strcmp(name, "mapped") == 0)
        mapped();
    else if (strcmp(name, "loaded") == 0)
        loaded(argv[2]);
    else if (strcmp(name, "streams") == 0)
        streams(argv[2]);
    else
        return 2;
    puts("serial: ok");
    return 0;
}
