/* libdet-c/examples/quicksort.c: one partition, then both parts at the same time. */
#include "measure.h"

#include "quicksort.h"

static uint64_t *given, *items;

struct part {
    uint64_t *items;
    size_t n;
};

static void sort_part(void *arg) {
    struct part *p = arg;
    sort_alone(p->items, p->n);
}

static void make(size_t n) {
    given = malloc(n * sizeof *given);
    items = malloc(n * sizeof *items);
    fill(given, n);
}

static void prepare(size_t n) {
    memcpy(items, given, n * sizeof *items);
}

static void sort_all(size_t n) {
    size_t at = partition(items, n);
    struct part low = {items, at}, high = {items + at + 1, n - at - 1};
    in_two(sort_part, &low, &high);
}

static int right(size_t n) {
    uint64_t before = 0, after = items[0];
    for (size_t i = 0; i < n; i++)
        before += given[i];
    for (size_t i = 1; i < n; i++) {
        after += items[i];
        if (items[i - 1] > items[i])
            return 0;
    }
    return before == after;
}

int main(int argc, char **argv) {
    static const struct work work = {"qsort", make, prepare, sort_all, right};
    return measure(argc, argv, &work);
}
