/* Chapter 9: the Gaussian elimination, with the join that was forgotten and without. */
#include <det.h>
#include <stdio.h>
#include <string.h>

// ANCHOR: gauss
enum { N = 4 };

static const double given[N][N] = {{4, 1, 2, 3}, {8, 5, 6, 7}, {4, 7, 9, 8}, {12, 9, 13, 20}};
static double m[N][N];

/* Takes a multiple of the pivot's row from another, so that a zero is below the pivot. */
static void eliminate(int row, int pivot) {
    double factor = m[row][pivot] / m[pivot][pivot];
    for (int column = pivot; column < N; column++)
        m[row][column] -= factor * m[pivot][column];
}

/* A child for each row below the pivot, which is joined before the next pivot, or after all. The
 * number of joins that failed. */
static int triangle(int join_at_each_pivot) {
    int child = 0, joined = 0, failed = 0;
    memcpy(m, given, sizeof m);
    for (int pivot = 0; pivot < N - 1; pivot++) {
        for (int row = pivot + 1; row < N; row++) {
            if (det_fork(child) == 0) {
                eliminate(row, pivot);
                det_exit(0);
            }
            child++;
        }
        while (join_at_each_pivot && joined < child)
            failed += det_join(joined++) < 0;
    }
    while (joined < child)
        failed += det_join(joined++) < 0;
    return failed;
}
// ANCHOR_END: gauss

static void show(const char *title, int join_at_each_pivot) {
    printf("%s: %d joins failed\n", title, triangle(join_at_each_pivot));
    for (int row = 0; row < N; row++)
        printf("%6.2f %6.2f %6.2f %6.2f\n", m[row][0], m[row][1], m[row][2], m[row][3]);
}

int main(void) {
    show("joined at each pivot", 1);
    show("joined after all", 0);
    return 0;
}
