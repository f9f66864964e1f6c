/* quicksort.c with threads. */
#include "quicksort.h"
#include <pthread.h>

enum { ITEMS = 1 << 20, LEVELS = 3 };

// ANCHOR: sort
struct part {
    uint64_t *items;
    size_t n;
    int levels;
};

static void *sort(void *arg) {
    struct part *p = arg;
    if (p->levels == 0 || p->n < 3) {
        sort_alone(p->items, p->n);
        return NULL;
    }
    size_t at = partition(p->items, p->n);
    struct part low = {p->items, at, p->levels - 1};
    struct part high = {p->items + at + 1, p->n - at - 1, p->levels - 1};
    pthread_t thread;
    if (pthread_create(&thread, NULL, sort, &low))
        exit(1);
    sort(&high);
    pthread_join(thread, NULL);
    return NULL;
}
// ANCHOR_END: sort

int main(void) {
    uint64_t *items = malloc(ITEMS * sizeof *items);
    fill(items, ITEMS);
    sort(&(struct part){items, ITEMS, LEVELS});
    int wrong = show(items, ITEMS);
    free(items);
    return wrong;
}
