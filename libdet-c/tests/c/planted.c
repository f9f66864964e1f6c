/* An error for each tool, in a child or in what it handed over. Without one, nothing is found. */
#include "check.h"
#include <limits.h>

static char *text;
static volatile int number;

static int is(const char *name, char **argv) { return strcmp(argv[1], name) == 0; }

__attribute__((noinline)) static void in_a_child(char **argv) {
    volatile int zero = 0;
    text = malloc(100);
    memset(text, 'x', 100);
    if (is("overflow", argv))
        text[100 + zero] = 1;
    if (is("freed", argv)) {
        free(text);
        number = text[3 + zero];
    }
    if (is("signed", argv))
        number = INT_MAX, number = number + 1;
    if (is("unset", argv)) {
        int *unset = malloc(sizeof *unset);
        number = *unset > 3 ? 1 : 2;
        free(unset);
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    if (det_fork(1) == 0) {
        in_a_child(argv);
        det_exit(0);
    }
    if (det_join(1) != 0) {
        printf("child: %s\n", errno == EIO ? "failed" : "?");
        return 3;
    }
    CHECK(text[99] == 'x');
    if (is("merged", argv))
        number = text[103];
    if (is("raw", argv)) {
        CHECK(det_dput(1, DET_PUT_SNAP, 0, 0, 0) == -EOPNOTSUPP);
        CHECK(det_dget(1, 0, 0, 0, 0) == -EOPNOTSUPP && det_dret(1) == -EOPNOTSUPP);
        CHECK(det_dkill(1) == -EOPNOTSUPP);
        struct user_regs_struct regs;
        CHECK(det_get_regs(1, &regs) == -1 && errno == EOPNOTSUPP);
        CHECK(det_put_regs(1, &regs) == -1 && errno == EOPNOTSUPP);
    }
    if (!is("leak", argv))
        free(text);
    text = NULL;
    puts("planted: ok");
    return 0;
}
