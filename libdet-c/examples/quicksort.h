/* Numbers without a pattern, and what a quicksort does between its recursions. */
#ifndef QUICKSORT_H
#define QUICKSORT_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void fill(uint64_t *items, size_t n) {
    uint64_t seed = 42;
    for (size_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        items[i] = seed >> 20;
    }
}

static void swap(uint64_t *a, uint64_t *b) {
    uint64_t t = *a;
    *a = *b, *b = t;
}

/* Puts the median of three items where it belongs, what is smaller before it: its place. */
static size_t partition(uint64_t *items, size_t n) {
    uint64_t *last = &items[n - 1], *middle = &items[(n - 1) / 2];
    if (*items > *middle)
        swap(items, middle);
    if (*middle < *last)
        swap(middle, last);
    if (*items > *last)
        swap(items, last);
    size_t at = 0;
    for (size_t i = 0; i < n - 1; i++) {
        uint64_t item = items[i];
        int smaller = item < *last;
        items[i] = items[at], items[at] = item;
        at += (size_t)smaller;
    }
    swap(&items[at], last);
    return at;
}

/* The same without anybody's help. */
static void sort_alone(uint64_t *items, size_t n) {
    while (n > 16) {
        size_t at = partition(items, n);
        sort_alone(items, at);
        items += at + 1, n -= at + 1;
    }
    for (size_t i = 1; i < n; i++) {
        uint64_t item = items[i];
        size_t to = i;
        for (; to > 0 && items[to - 1] > item; to--)
            items[to] = items[to - 1];
        items[to] = item;
    }
}

static inline int show(const uint64_t *items, size_t n) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && items[i - 1] > items[i])
            return fprintf(stderr, "item %zu is out of order\n", i), 1;
        sum = sum * 31 + items[i];
    }
    printf("%zu items, sum %016llx\n", n, (unsigned long long)sum);
    return 0;
}

#endif
