/* LU decomposition in place, without exchange of rows: block by block of columns. */
#ifndef LU_H
#define LU_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void fill(double *a, size_t n) {
    uint64_t seed = 42;
    for (size_t i = 0; i < n * n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        a[i] = (double)(seed >> 40) / (1 << 24);
    }
    /* The diagonal outweighs its row. */
    for (size_t i = 0; i < n; i++)
        a[i * n + i] += (double)n;
}

/* Subtracts from rows [from, end) what clears their columns [first, last). */
static void eliminate(double *a, size_t n, size_t first, size_t last, size_t from, size_t end) {
    for (size_t i = from; i < end; i++)
        for (size_t k = first; k < last && k < i; k++) {
            double *row = a + i * n, *pivot = a + k * n;
            double factor = row[k] /= pivot[k];
            for (size_t j = k + 1; j < n; j++)
                row[j] -= factor * pivot[j];
        }
}

/* Whether a missing join is asked for; the sum of the factors tells whether they are right. */
static inline int without_join(int argc, char **argv) {
    return argc > 1 && strcmp(argv[1], "missing-join") == 0;
}

static inline void show(const double *a, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n * n; i++)
        sum += a[i] * (double)(i % 17);
    printf("sum %a\n", sum);
}

#endif
