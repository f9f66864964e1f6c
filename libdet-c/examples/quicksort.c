/* Quicksort: one child sorts what is smaller than the pivot, its parent the rest, as deep as there
 * are levels. Children fork children: their numbers are each space's own. */
#include "quicksort.h"
#include <det.h>
#include <errno.h>

enum { ITEMS = 1 << 20, LEVELS = 3 };

// ANCHOR: sort
static void sort(uint64_t *items, size_t n, int levels) {
    if (levels == 0 || n < 3) {
        sort_alone(items, n);
        return;
    }
    size_t at = partition(items, n);
    if (det_fork(levels) == 0) {
        sort(items, at, levels - 1);
        det_exit(0);
    }
    sort(items + at + 1, n - at - 1, levels - 1);
    if (det_join(levels) != 0) {
        fprintf(stderr, "%s\n", det_strerror(errno));
        exit(1);
    }
}
// ANCHOR_END: sort

int main(void) {
    uint64_t *items = malloc(ITEMS * sizeof *items);
    fill(items, ITEMS);
    sort(items, ITEMS, LEVELS);
    int wrong = show(items, ITEMS);
    free(items);
    return wrong;
}
