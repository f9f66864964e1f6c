/* Rows of a product of square matrices. */
#ifndef MATMULT_H
#define MATMULT_H
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Whole numbers, so that sums are exact. */
static void fill(double *a, size_t n, size_t seed) {
    for (size_t i = 0; i < n * n; i++)
        a[i] = (double)((i * 7919 + seed) % 1000);
}

static void multiply(const double *a, const double *b, double *to, size_t n, size_t from,
                     size_t end) {
    for (size_t i = from; i < end; i++) {
        double *row = to + i * n;
        memset(row, 0, n * sizeof *row);
        for (size_t k = 0; k < n; k++) {
            double factor = a[i * n + k];
            for (size_t j = 0; j < n; j++)
                row[j] += factor * b[k * n + j];
        }
    }
}

static inline void show(const double *a, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i * n + i];
    printf("trace %.0f, corners %.0f %.0f\n", sum, a[n - 1], a[n * (n - 1)]);
}

#endif
