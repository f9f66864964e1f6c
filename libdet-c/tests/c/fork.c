/* Fork and join as Deterministic Linux' programs use them. */
#include "check.h"
#include <limits.h>
#include <unistd.h>

enum { N = 16 };

static int results[N];
static int counter;
static char *shared_text;

static void work(int *to, int i) {
    int sum = 0;
    for (int k = 0; k <= i * 1000; k++)
        sum += k % 7;
    *to = sum + i;
}

static int expected(int i) {
    int r = 0;
    work(&r, i);
    return r;
}

/* Results in static arrays. */
static void in_a_loop(void) {
    memset(results, 0, sizeof results);
    for (int i = 0; i < N; i++) {
        if (det_fork(i) == 0) {
            work(&results[i], i);
            det_exit(0);
        }
    }
    for (int i = 0; i < N; i++)
        CHECK(results[i] == 0);
    for (int i = 0; i < N; i++)
        CHECK(det_join(i) == 0);
    for (int i = 0; i < N; i++)
        CHECK(results[i] == expected(i));
}

/* What det_fork returns, kept in a local that both sides write. */
static void kept_in_a_local(void) {
    int r, own = 5;
    r = det_fork(3);
    if (r == 0) {
        own = 6;
        results[0] = own + r;
        det_exit(own);
    }
    own += 10;
    CHECK(r == 1);
    CHECK(det_join(3) == 6);
    CHECK(results[0] == 6 && own == 15 && r == 1);
}

/* A child that leaves the function which forked it. */
static int forks_for_its_caller(int id) {
    volatile char frame[300];
    memset((char *)frame, id, sizeof frame);
    int r = det_fork(id);
    return frame[200] == id ? r : -2;
}

static void from_a_callee(void) {
    int r = forks_for_its_caller(9);
    if (r == 0) {
        char over[5000];
        memset(over, 1, sizeof over);
        counter = 7 + over[4999];
        det_exit(1);
    }
    CHECK(r == 1);
    char over[5000];
    memset(over, 2, sizeof over);
    CHECK(det_join(9) == 1);
    CHECK(counter == 8 && over[0] == 2 && over[4999] == 2);
}

static void on_the_heap(void) {
    char *parts[4];
    shared_text = NULL;
    for (int i = 0; i < 4; i++)
        parts[i] = calloc(1, 20000);
    static char *made[4];
    for (int i = 0; i < 4; i++) {
        if (det_fork(i) == 0) {
            memset(parts[i], 'a' + i, 19999);
            made[i] = malloc(100);
            snprintf(made[i], 100, "made by %d", i);
            det_exit(0);
        }
    }
    for (int i = 0; i < 4; i++)
        CHECK(det_join(i) == 0);
    for (int i = 0; i < 4; i++) {
        char text[20];
        snprintf(text, sizeof text, "made by %d", i);
        CHECK(strlen(parts[i]) == 19999 && parts[i][19998] == 'a' + i);
        CHECK(strcmp(made[i], text) == 0);
        free(parts[i]);
        free(made[i]);
    }
}

static void add(void *arg) {
    int *p = arg;
    *p += 100;
}

static void by_function(void) {
    static int values[3] = {1, 2, 3};
    for (int i = 0; i < 3; i++)
        CHECK(det_fork_fn(i, add, &values[i]) == 0);
    CHECK(values[2] == 3);
    for (int i = 0; i < 3; i++)
        CHECK(det_join(i) == 0);
    CHECK(values[0] == 101 && values[1] == 102 && values[2] == 103);
}

/* Children fork children: a sum over a tree. */
static int leaves[64];

static void tree(int from, int to) {
    if (to - from == 1) {
        leaves[from] = from * from;
        return;
    }
    int mid = from + (to - from) / 2;
    for (int half = 0; half < 2; half++) {
        if (det_fork(half) == 0) {
            if (half == 0)
                tree(from, mid);
            else
                tree(mid, to);
            det_exit(0);
        }
    }
    CHECK(det_join(0) == 0);
    CHECK(det_join(1) == 0);
}

static void nested(void) {
    memset(leaves, 0, sizeof leaves);
    tree(0, 64);
    for (int i = 0; i < 64; i++)
        CHECK(leaves[i] == i * i);
}

static void conflicts(void) {
    struct det_conflict c;
    counter = 5;
    for (int i = 0; i < 2; i++) {
        if (det_fork(i + 1) == 0) {
            counter += i + 1;
            det_exit(0);
        }
    }
    CHECK(det_join(1) == 0);
    errno = 0;
    CHECK(det_join(2) == -1 && errno == ECANCELED);
    CHECK(det_conflict_count() == 1 && det_conflict_get(0, &c) == 0);
    CHECK(c.address == (void *)&counter && c.lower == -1 && c.higher == 2);
    CHECK(c.values[0] == 5 && c.values[1] == 6 && c.values[2] == 7);
    CHECK(c.symbol && strcmp(c.symbol, "counter") == 0);
    CHECK(strstr(det_strerror(ECANCELED), "counter"));
    CHECK(counter == 6);
    CHECK(det_conflict_get(1, &c) == -1 && errno == EINVAL);
    CHECK(det_conflict_get(0, NULL) == -1 && errno == EINVAL);
}

static void crash(void *arg) {
    *(volatile int *)arg = 1;
}

static void forever(void *arg) {
    for (volatile int *p = arg;; (*p)++) {
    }
}

static void misuse(int serial) {
    errno = 0;
    CHECK(det_join(77) == -1 && errno == ECHILD);
    CHECK(strstr(det_strerror(ECHILD), "no child"));
    CHECK(det_fork(-1) == -1 && errno == EINVAL);
    CHECK(det_join(-5) == -1 && errno == EINVAL);
    CHECK(det_fork_fn(1, NULL, NULL) == -1 && errno == EFAULT);
    CHECK(det_for(3, NULL, NULL) == -1 && errno == EFAULT);
    CHECK(det_kill(4) == -1 && errno == ECHILD);
    CHECK(det_barrier() == -1 && errno == EPERM);
    CHECK(det_strerror(0) && det_strerror(-3) && det_strerror(99999));

    CHECK(det_fork_fn(1, add, &counter) == 0);
    CHECK(det_fork_fn(1, add, &counter) == -1 && errno == EEXIST);
    CHECK(det_fork(1) == -1 && errno == EEXIST);
    CHECK(det_join(1) == 0);
    CHECK(det_join(1) == -1 && errno == ECHILD);

    /* A fault ends the child alone. */
    CHECK(det_fork_fn(2, crash, NULL) == 0);
    CHECK(DET_KIND(det_wait(2)) == DET_EXCEPTION);
    CHECK(DET_CODE(det_wait(2)) == DET_BY_FAULT);
    CHECK(det_join(2) == -1 && errno == EIO);
    CHECK(det_conflict_count() == 0);
    CHECK(det_wait(2) == -1 && errno == ECHILD);

    /* A kill answers what a wait has found, and of one that nobody waited for that it was killed. */
    CHECK(det_fork_fn(2, crash, NULL) == 0);
    CHECK(det_wait(2) == (DET_EXCEPTION | DET_BY_FAULT << 8));
    CHECK(det_kill(2) == (DET_EXCEPTION | DET_BY_FAULT << 8));
    for (int waits = 0; waits < 2; waits++) {
        if (det_fork(2) == 0)
            det_exit(9);
        CHECK(!waits || det_wait(2) == (DET_RETURNED | 9 << 8));
        CHECK(det_kill(2) == (waits ? DET_RETURNED | 9 << 8 : DET_EXCEPTION | DET_BY_KILLED << 8));
        CHECK(det_kill(2) == -1 && errno == ECHILD);
    }

    CHECK(det_fork_fn(2, add, &counter) == 0);
    CHECK(det_wait(2) == DET_RETURNED);
    CHECK(det_status(2) == DET_RETURNED);
    CHECK(det_try_join(2) == 0);

    /* One that never ends. A serial engine waits for it. */
    if (serial)
        return;
    CHECK(det_fork_fn(2, forever, &counter) == 0);
    CHECK(det_status(2) == DET_RUNNING);
    CHECK(det_try_join(2) == -1 && errno == EAGAIN);
    /* However long it ran: its parent had last seen it run, or not waited at all. */
    CHECK(det_kill(2) == (DET_EXCEPTION | DET_BY_KILLED << 8));
    CHECK(det_wait(2) == -1 && errno == ECHILD);
}

/* An optimizer that keeps the address of errno over det_fork reads the parent's in the child. */
static void errnos(void) {
    static int seen[2];
    errno = 3;
    for (int i = 0; i < 2; i++) {
        if (det_fork(i) == 0) {
            seen[i] = strtol("99999999999999999999", NULL, 10) == LONG_MAX ? errno : 0;
            errno = 50 + i;
            det_exit(errno);
        }
    }
    CHECK(errno == 3);
    CHECK(det_join(0) == 50 && det_join(1) == 51);
    CHECK(seen[0] == ERANGE && seen[1] == ERANGE && errno == 3);
}

static void square(size_t i, void *arg) {
    ((long *)arg)[i] = (long)(i * i);
}

static void add_half(size_t i, void *acc, void *arg) {
    (void)arg;
    *(double *)acc += 0.5 / (double)(i + 1);
}

static void plus(void *acc, const void *part, void *arg) {
    (void)arg;
    *(double *)acc += *(const double *)part;
}

static int phase[8];

static void in_phases(size_t i, void *arg) {
    int *ok = arg;
    phase[i] = (int)i + 1;
    if (det_barrier() != 0)
        return;
    int sum = 0;
    for (int k = 0; k < 8; k++)
        sum += phase[k];
    ok[i] = sum;
}

static int came[8];

/* The child goes past the end of the function, into what called it. */
static void forks_and_returns(size_t i, void *arg) {
    (void)arg;
    int r = det_fork(7);
    if (r == 0) {
        came[i] = 1;
        return;
    }
    CHECK(r == 1 && det_join(7) == 0);
    came[i]++;
}

static void shared_out(void) {
    long squares[1000] = {0}; /* a frame that lives: it merges */
    CHECK(det_for(1000, square, squares) == 0);
    for (long i = 0; i < 1000; i++)
        CHECK(squares[i] == i * i);
    CHECK(det_for(0, square, NULL) == 0);
    double sum = 0;
    CHECK(det_reduce(10000, sizeof sum, &sum, add_half, plus, NULL) == 0);
    double plain = 0;
    for (size_t i = 0; i < 10000; i++)
        add_half(i, &plain, NULL);
    CHECK(sum - plain < 1e-9 && plain - sum < 1e-9);
    printf("sum %.17g\n", sum);
    CHECK(det_for(8, forks_and_returns, NULL) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(came[i] == 2);
    int ok[8] = {0};
    CHECK(det_for(8, in_phases, ok) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(ok[i] == 36);
}

static int handled;

static void handler(void) {
    handled = 1;
}

/* exit ends a child from whatever depth, and runs nothing that belongs to the master. */
static int compares(const void *a, const void *b) {
    (void)a, (void)b;
    counter = 70;
    exit(300);
}

static void exits(size_t i, void *arg) {
    (void)arg;
    if (i == 3)
        exit(0);
}

static void by_exit(void) {
    CHECK(atexit(handler) == 0);
    handled = counter = 0;
    if (det_fork(1) == 0)
        qsort((int[]){3, 2, 1}, 3, sizeof(int), compares);
    if (det_fork(2) == 0)
        _exit(-1);
    CHECK(det_join(1) == 44 && det_join(2) == 255);
    CHECK(counter == 70 && handled == 0);
    /* A part of shared work cannot go missing. */
    CHECK(det_for(8, exits, NULL) == -1 && errno == EIO);
}

/* Where nobody looks at a block, a compiler leaves its allocation out. */
static void no_block_of(volatile size_t size) {
    void *volatile block;
    errno = 0;
    block = malloc(size);
    CHECK(block == NULL && errno == ENOMEM);
    errno = 0;
    block = aligned_alloc(64, size);
    CHECK(block == NULL && errno == ENOMEM);
    errno = 0;
    block = calloc(1, size);
    CHECK(block == NULL && errno == ENOMEM);
}

/* Sizes near the largest wrap around in a careless sum, and those that end there. */
static void no_size_wraps_around(void) {
    char *volatile last = malloc(1);
    for (size_t less = 0; less < 5000; less += less < 1000 ? 1 : 97) {
        no_block_of(SIZE_MAX - less);
        no_block_of(SIZE_MAX - (size_t)last - less);
    }
    free(last);
}

int main(int argc, char **argv) {
    CHECK(det_init() == 0);
    CHECK(det_init() == 0);
    CHECK(argc == 3 && strcmp(argv[1], "one") == 0 && strcmp(argv[2], "") == 0);
    in_a_loop();
    kept_in_a_local();
    from_a_callee();
    on_the_heap();
    no_size_wraps_around();
    by_function();
    nested();
    conflicts();
    errnos();
    const char *engine = getenv("DETPAR_ENGINE");
    misuse(engine && strcmp(engine, "serial") == 0);
    shared_out();
    by_exit();
    puts("fork: ok");
    return 0;
}
