/* The product of two matrices: det_for shares its rows out to children, which compute them where
 * they belong. */
#include "matmult.h"
#include <det.h>
#include <errno.h>

enum { N = 240 };

static double a[N * N], b[N * N], product[N * N];

static void row(size_t i, void *arg) {
    multiply(a, b, arg, N, i, i + 1);
}

int main(void) {
    fill(a, N, 1);
    fill(b, N, 2);
    if (det_for(N, row, product) < 0)
        return fprintf(stderr, "%s\n", det_strerror(errno)), 1;
    show(product, N);
}
