/* Standard input and output of children that their parent waits for. */
#include "check.h"
#include <unistd.h>

#define FORK (DET_PUT_REGS | DET_PUT_SNAP | DET_PUT_START)

static int number;

static void read_and_say(const char *who) {
    char text[64];
    CHECK(fgets(text, sizeof text, stdin) != NULL);
    printf("%s read %s", who, text);
}

static void append(const char *what) {
    FILE *f = fopen("/told", "a");
    CHECK(f != NULL && fputs(what, f) >= 0 && fclose(f) == 0);
}

static void show_file(void) {
    if (det_fork(9) == 0) {
        char text[64];
        FILE *f = fopen("/told", "r");
        while (f != NULL && fgets(text, sizeof text, f) != NULL)
            printf("told %s", text);
        det_exit(0);
    }
    CHECK(det_join(9) == 0);
}

/* What a child prints comes when it is waited for, once; its files and its memory when it is merged. */
static void waited_for(void) {
    int before = number;
    if (det_fork(1) == 0) {
        read_and_say("first");
        append("of the first\n");
        number = before + 5;
        det_exit(3);
    }
    if (det_fork(2) == 0) {
        read_and_say("second");
        append("of the second\n");
        det_exit(4);
    }
    printf("nobody has read\n");
    CHECK(det_wait(2) == (DET_RETURNED | 4L << 8));
    printf("the second has printed\n");
    CHECK(det_wait(1) == (DET_RETURNED | 3L << 8));
    printf("the first has printed\n");
    CHECK(det_wait(1) == (DET_RETURNED | 3L << 8) && number == before);
    CHECK(det_join(1) == 3 && number == before + 5);
    CHECK(det_join(2) == 4);
    printf("both are merged\n");
    show_file();
}

/* A child that stops in between prints each part once. */
static void in_parts(void) {
    long state = det_dput(1, FORK, 0, 0, 0);
    if (state == 0) {
        for (int i = 0; i < 4; i++) {
            printf("part %d\n", i);
            append(i % 2 ? "odd\n" : "even\n");
            CHECK(det_dret(i) == 0);
        }
        read_and_say("the last part");
        det_exit(9);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(det_wait(1) == (DET_RET | (long)i << 8));
        printf("stopped %d\n", i);
        if (i == 2)
            CHECK(det_dget(1, DET_GET_MERGE, 0, 0, 0) == (DET_RET | 2L << 8));
        CHECK(det_dput(1, DET_PUT_START | (i == 2 ? DET_PUT_SNAP : 0), 0, 0, 0) > 0);
    }
    CHECK(det_join(1) == 9);
    printf("joined\n");
    show_file();
}

/* In a child it is the same; what was printed is the child's own from then on. */
static void nested(void) {
    if (det_fork(3) == 0) {
        waited_for();
        in_parts();
        det_exit(0);
    }
    printf("below:\n");
    CHECK(det_wait(3) == DET_RETURNED);
    printf("waited\n");
    CHECK(det_join(3) == 0);
    show_file();
}

/* One that failed has printed what it printed, once. */
static void failed(void) {
    if (det_fork(4) == 0) {
        read_and_say("the one that fails");
        append("never\n");
        abort();
    }
    for (int i = 0; i < 2; i++)
        CHECK(DET_KIND(det_wait(4)) == DET_EXCEPTION);
    printf("it has failed\n");
    CHECK(det_join(4) == -1);
    show_file();
}

int main(void) {
    char text[64];
    CHECK(det_fs_mkdir("/d") == 0);
    if (det_fork(0) == 0) {
        append("nothing yet\n");
        det_exit(0);
    }
    CHECK(det_join(0) == 0);
    waited_for();
    in_parts();
    nested();
    failed();
    CHECK(fgets(text, sizeof text, stdin) != NULL);
    printf("then %s", text);
    printf("wait: ok\n");
    return 0;
}
