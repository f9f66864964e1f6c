/* Every function of det.h with arguments that cannot be: the error number, and a message that is this
 * call's own. */
#include "check.h"

#define ADDRESS(p) ((unsigned long)(p))
#define REFUSED(call, number)                                                                    \
    do {                                                                                         \
        errno = 0;                                                                               \
        CHECK((call) == -1);                                                                     \
        CHECK(errno == (number));                                                                \
        CHECK(strlen(det_strerror(errno)) > 10);                                                 \
    } while (0)

enum { NOBODY = 77, ALIVE = 1 };

static int number;
static char bytes[64];

static void nothing(void *arg) { (void)arg; }
static void each(size_t i, void *arg) { (void)i, (void)arg; }
static void leaf(size_t i, void *acc, void *arg) { (void)i, (void)acc, (void)arg; }
static void combine(void *acc, const void *part, void *arg) { (void)acc, (void)part, (void)arg; }

static void numbers(void) {
    static const int negative[] = {-1, -5, -2147483647 - 1};
    for (size_t i = 0; i < sizeof negative / sizeof *negative; i++) {
        int id = negative[i];
        struct user_regs_struct regs;
        REFUSED(det_fork(id), EINVAL);
        REFUSED(det_fork_fn(id, nothing, NULL), EINVAL);
        REFUSED(det_join(id), EINVAL);
        REFUSED(det_try_join(id), EINVAL);
        REFUSED(det_wait(id), EINVAL);
        REFUSED(det_status(id), EINVAL);
        REFUSED(det_kill(id), EINVAL);
        REFUSED(det_get_regs(id, &regs), EINVAL);
        REFUSED(det_put_regs(id, &regs), EINVAL);
        CHECK(det_dput(id, 0, 0, 0, 0) == -EINVAL);
        CHECK(det_dget(id, 0, 0, 0, 0) == -ECHILD);
        CHECK(det_dkill(id) == -ECHILD);
    }
}

static void nobody(void) {
    struct user_regs_struct regs;
    REFUSED(det_join(NOBODY), ECHILD);
    REFUSED(det_try_join(NOBODY), ECHILD);
    REFUSED(det_wait(NOBODY), ECHILD);
    REFUSED(det_status(NOBODY), ECHILD);
    REFUSED(det_kill(NOBODY), ECHILD);
    REFUSED(det_get_regs(NOBODY, &regs), ECHILD);
    REFUSED(det_put_regs(NOBODY, &regs), ECHILD);
    CHECK(det_dget(NOBODY, 0, 0, 0, 0) == -ECHILD);
    CHECK(det_dkill(NOBODY) == -ECHILD);
    /* Twice. */
    CHECK(det_fork_fn(NOBODY, nothing, NULL) == 0);
    CHECK(det_join(NOBODY) == 0);
    REFUSED(det_join(NOBODY), ECHILD);
    CHECK(det_fork_fn(NOBODY, nothing, NULL) == 0);
    CHECK(det_kill(NOBODY) > 0);
    REFUSED(det_kill(NOBODY), ECHILD);
    REFUSED(det_join(NOBODY), ECHILD);
}

static void alive(void) {
    struct user_regs_struct regs;
    CHECK(det_fork_fn(ALIVE, nothing, NULL) == 0);
    REFUSED(det_fork(ALIVE), EEXIST);
    REFUSED(det_fork_fn(ALIVE, nothing, NULL), EEXIST);
    CHECK(det_wait(ALIVE) == DET_RETURNED);
    /* It has ended, so there are no registers to go on with. */
    REFUSED(det_get_regs(ALIVE, &regs), EINVAL);
    REFUSED(det_put_regs(ALIVE, &regs), EINVAL);
    CHECK(det_dput(ALIVE, DET_PUT_START, 0, 0, 0) == -EINVAL);
    CHECK(det_join(ALIVE) == 0);
}

static void pointers(void) {
    REFUSED(det_fork_fn(ALIVE, NULL, NULL), EFAULT);
    REFUSED(det_for(3, NULL, NULL), EFAULT);
    REFUSED(det_reduce(3, 8, NULL, leaf, combine, NULL), EFAULT);
    REFUSED(det_reduce(3, 8, bytes, NULL, combine, NULL), EFAULT);
    REFUSED(det_reduce(3, 8, bytes, leaf, NULL, NULL), EFAULT);
    REFUSED(det_get_regs(ALIVE, NULL), EFAULT);
    REFUSED(det_put_regs(ALIVE, NULL), EFAULT);
    REFUSED(det_fs_mkdir(NULL), EFAULT);
    REFUSED(det_fs_import(NULL, "/x"), EFAULT);
    REFUSED(det_fs_import("/etc", NULL), EFAULT);
    REFUSED(det_fs_export(NULL, "x"), EFAULT);
    REFUSED(det_fs_export("/x", NULL), EFAULT);
    REFUSED(det_fs_save(NULL), EFAULT);
    REFUSED(det_fs_load(NULL), EFAULT);
    /* Both may be absent. */
    CHECK(det_signals(NULL, NULL) == 0);
}

static void ranges(void) {
    int local = 0;
    unsigned long outside = 0x8000, here = ADDRESS(bytes);
    CHECK(det_dput(ALIVE, 0, 0, 0, 0) == DET_CREATED);
    static const long flags[] = {-1L, 1L << 31, 1L << 40, DET_PERM_READ, DET_PERM_WRITE};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        CHECK(det_dput(ALIVE, flags[i], here, 8, here) == -EINVAL);
        CHECK(det_dget(ALIVE, flags[i], here, 8, here) == -EINVAL);
    }
    CHECK(det_dput(ALIVE, DET_PUT_COPY | DET_PUT_ZERO, here, 8, here) == -EINVAL);
    CHECK(det_dget(ALIVE, DET_GET_COPY | DET_GET_ZERO, here, 8, here) == -EINVAL);
    CHECK(det_dput(ALIVE, DET_PUT_TREE, 0, 0, 0) == -EOPNOTSUPP);
    CHECK(det_dput(ALIVE, DET_PUT_LIMIT, 0, 0, 0) == -EOPNOTSUPP);
    CHECK(det_dget(ALIVE, DET_GET_TREE, 0, 0, 0) == -EOPNOTSUPP);
    for (int get = 0; get < 2; get++) {
        long (*call)(int, long, unsigned long, size_t, unsigned long) = get ? det_dget : det_dput;
        long copy = get ? DET_GET_COPY : DET_PUT_COPY, zero = get ? DET_GET_ZERO : DET_PUT_ZERO;
        long perm = get ? DET_GET_PERM : DET_PUT_PERM;
        CHECK(call(ALIVE, copy, outside, 8, here) == -EFAULT);
        CHECK(call(ALIVE, copy, here, 8, outside) == -EFAULT);
        CHECK(call(ALIVE, copy, here, ~0UL, here) == -EINVAL);
        CHECK(call(ALIVE, zero, 0, 8, outside) == -EFAULT);
        CHECK(call(ALIVE, zero, 0, ~0UL, here) == -EINVAL);
        CHECK(call(ALIVE, perm | DET_PERM_READ, 0, 4096, 4096 + 1) == -EINVAL);
        CHECK(call(ALIVE, perm | DET_PERM_READ, 0, 4095, 4096) == -EINVAL);
        CHECK(call(ALIVE, perm | DET_PERM_WRITE, 0, 4096, 4096) == -EINVAL);
        CHECK(call(ALIVE, perm | DET_PERM_READ, 0, 4096, 4096) == -EFAULT);
    }
    CHECK(det_dget(ALIVE, DET_GET_MERGE, 0, 0, 0) == -EINVAL);
    CHECK(det_dkill(ALIVE) == DET_CREATED && local == 0);
}

static void files(void) {
    REFUSED(det_fs_import("/no/such/file", "/x"), ENOENT);
    REFUSED(det_fs_export("/no/such/file", "x"), ENOENT);
    REFUSED(det_fs_save("/no/such/folder/image"), ENOENT);
    REFUSED(det_fs_load("/no/such/image"), ENOENT);
    REFUSED(det_fs_load("/etc/passwd"), EINVAL);
    REFUSED(det_fs_save("/"), EISDIR);
}

static void elsewhere(void) {
    struct det_conflict conflict;
    REFUSED(det_barrier(), EPERM);
    CHECK(det_dret(1) == -EPERM);
    CHECK(det_odf_switch(17) == 1 && det_odf_switch(1) == 1);
    CHECK(det_conflict_count() == 0);
    CHECK(det_conflict_get(0, &conflict) == -1 && errno == EINVAL);
    CHECK(det_conflict_get(-1, &conflict) == -1 && errno == EINVAL);
    CHECK(det_conflict_get(0, NULL) == -1 && errno == EINVAL);
    CHECK(strlen(det_strerror(-1)) > 5 && strlen(det_strerror(0)) > 5);
    CHECK(det_errno() == &errno && det_init() == 0);
}

/* What the master alone may do, in a child. */
static void in_a_child(void *arg) {
    (void)arg;
    CHECK(det_fork_fn(2, nothing, NULL) == 0);
    REFUSED(det_try_join(2), EPERM);
    REFUSED(det_status(2), EPERM);
    CHECK(det_dget(2, DET_GET_DONT_WAIT, 0, 0, 0) == -EPERM);
    CHECK(det_join(2) == 0);
    REFUSED(det_odf_fork(), EPERM);
    REFUSED(det_fs_mkdir("/x"), EPERM);
    REFUSED(det_fs_import("/etc/passwd", "/x"), EPERM);
    REFUSED(det_fs_export("/x", "x"), EPERM);
    REFUSED(det_fs_save("x"), EPERM);
    REFUSED(det_fs_load("x"), EPERM);
    REFUSED(det_barrier(), EPERM);
    number = 1;
    det_exit(-1);
}

int main(void) {
    numbers();
    nobody();
    alive();
    pointers();
    ranges();
    files();
    elsewhere();
    CHECK(det_for(0, each, NULL) == 0 && det_reduce(0, 0, NULL, leaf, combine, NULL) == 0);
    CHECK(det_fork_fn(3, in_a_child, NULL) == 0);
    /* 31 bits of its code. */
    CHECK(det_join(3) == 0x7fffffff && number == 1);
    puts("wrong: ok");
    return 0;
}
