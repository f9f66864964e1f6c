/* Chapter 2: the first fork and join. */
// ANCHOR: fib
#include <det.h>
#include <stdio.h>
#include <stdlib.h>

static int fib(int n) {
    if (n < 2)
        return n;
    for (int i = 0; i < 2; i++) {
        if (det_fork(i) == 0)
            det_exit(fib(n - 1 - i));
    }
    int a = det_join(0), b = det_join(1);
    if (a < 0 || b < 0)
        abort(); /* A fault: the join of this child fails, and so do those above. */
    return a + b;
}

int main(void) {
    printf("fib(5) = %d\n", fib(5));
    return 0;
}
// ANCHOR_END: fib
