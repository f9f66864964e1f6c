/* Chapter 4: two transfers at the same time. */
#include <det.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

// ANCHOR: bank
static long anna = 100, ben = 100, cleo = 100;

static void transfer(long *from, long *to, long amount) {
    *from -= amount;
    *to += amount;
}

int main(void) {
    if (det_fork(0) == 0) {
        transfer(&anna, &ben, 10);
        det_exit(0);
    }
    if (det_fork(1) == 0) {
        transfer(&ben, &cleo, 20);
        det_exit(0);
    }
    for (int child = 0; child < 2; child++) {
        if (det_join(child) < 0)
            printf("child %d: %s\n", child, strerror(errno));
    }
    struct det_conflict c;
    if (det_conflict_get(0, &c) == 0)
        printf("children %d and %d both wrote %s: was %d, %d and %d\n", c.lower, c.higher,
               c.symbol, c.values[0], c.values[1], c.values[2]);
    printf("balances: %ld, %ld, %ld\n", anna, ben, cleo);
    return 0;
}
// ANCHOR_END: bank
