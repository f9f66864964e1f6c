/* LU decomposition: what is below a block of rows is brought up to date by children, band by band,
 * one step after another.
 *
 * `lu missing-join` forgets to join the last child of each step, a bug by which a program with
 * threads is wrong now and then. Here nothing of that child is ever seen: the result is wrong, and
 * the same in every run. */
#include "lu.h"
#include <det.h>
#include <errno.h>

enum { N = 160, STEPS = 8, BLOCK = N / STEPS, CHILDREN = 4 };

static double a[N * N];

int main(int argc, char **argv) {
    int joined = CHILDREN - without_join(argc, argv);
    fill(a, N);
    for (int step = 0; step < STEPS; step++) {
        size_t first = (size_t)step * BLOCK, last = first + BLOCK, rows = N - last;
        eliminate(a, N, first, last, first, last);
        int id = step * CHILDREN;
        for (int i = 0; i < CHILDREN; i++)
            if (det_fork(id + i) == 0) {
                size_t from = last + rows * (size_t)i / CHILDREN;
                eliminate(a, N, first, last, from, last + rows * (size_t)(i + 1) / CHILDREN);
                det_exit(0);
            }
        for (int i = 0; i < joined; i++)
            if (det_join(id + i) < 0)
                return fprintf(stderr, "%s\n", det_strerror(errno)), 1;
    }
    show(a, N);
}
