/* Chapter 3: two children swap two variables without a third. */
#include <det.h>
#include <stdio.h>

// ANCHOR: swap
static int x = 1, y = 2;

int main(void) {
    if (det_fork(0) == 0) {
        x = y;
        det_exit(0);
    }
    if (det_fork(1) == 0) {
        y = x;
        det_exit(0);
    }
    if (det_join(0) < 0 || det_join(1) < 0)
        return 1;
    printf("x = %d, y = %d\n", x, y);
    return 0;
}
// ANCHOR_END: swap
