/* libdet-c/examples/lu.c: what is below a block of rows in two bands at the same time, block after
 * block. */
#include "measure.h"

#include "lu.h"

enum { STEPS = 8 };

static double *given, *a;

struct band {
    size_t n, first, last, from, end;
};

static void rows(void *arg) {
    struct band *b = arg;
    eliminate(a, b->n, b->first, b->last, b->from, b->end);
}

static void make(size_t n) {
    given = malloc(n * n * sizeof *given);
    a = malloc(n * n * sizeof *a);
    fill(given, n);
}

static void prepare(size_t n) {
    memcpy(a, given, n * n * sizeof *a);
}

static void decompose(size_t n) {
    for (size_t step = 0; step < STEPS; step++) {
        size_t first = step * n / STEPS, last = (step + 1) * n / STEPS;
        size_t half = last + (n - last) / 2;
        eliminate(a, n, first, last, first, last);
        if (last == n)
            return;
        struct band upper = {n, first, last, last, half}, lower = {n, first, last, half, n};
        in_two(rows, &upper, &lower);
    }
}

/* Some items of the product of the factors. */
static int right(size_t n) {
    for (size_t i = 0; i < n; i += n / 8)
        for (size_t j = 0; j < n; j += n / 4) {
            double sum = 0;
            for (size_t k = 0; k <= i && k <= j; k++)
                sum += (k == i ? 1 : a[i * n + k]) * a[k * n + j];
            double off = sum - given[i * n + j];
            if (off > 1e-9 * (double)n || off < -1e-9 * (double)n)
                return 0;
        }
    return 1;
}

int main(int argc, char **argv) {
    static const struct work work = {"lu", make, prepare, decompose, right};
    return measure(argc, argv, &work);
}
