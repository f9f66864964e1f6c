/* libdet-c/examples/matmult.c: two bands of rows at the same time. */
#include "measure.h"

#include "matmult.h"

static double *a, *b, *product;

struct band {
    size_t n, from, end;
};

static void rows(void *arg) {
    struct band *band = arg;
    multiply(a, b, product, band->n, band->from, band->end);
}

static void make(size_t n) {
    a = malloc(n * n * sizeof *a);
    b = malloc(n * n * sizeof *b);
    product = calloc(n * n, sizeof *product);
    fill(a, n, 1);
    fill(b, n, 2);
}

static void prepare(size_t n) {
    (void)n;
}

static void multiply_all(size_t n) {
    struct band upper = {n, 0, n / 2}, lower = {n, n / 2, n};
    in_two(rows, &upper, &lower);
}

/* The corners of both bands; sums of whole numbers are exact. */
static int right(size_t n) {
    size_t at[] = {0, n / 2 - 1, n / 2, n - 1};
    for (size_t k = 0; k < 16; k++) {
        size_t i = at[k / 4], j = at[k % 4];
        double sum = 0;
        for (size_t m = 0; m < n; m++)
            sum += a[i * n + m] * b[m * n + j];
        if (product[i * n + j] != sum)
            return 0;
    }
    return 1;
}

int main(int argc, char **argv) {
    static const struct work work = {"matmult", make, prepare, multiply_all, right};
    return measure(argc, argv, &work);
}
