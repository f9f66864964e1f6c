/* lu.c with threads. With `missing-join` what is printed depends on who is faster. */
#include "lu.h"
#include <pthread.h>

enum { N = 160, STEPS = 8, BLOCK = N / STEPS, CHILDREN = 4 };

static double a[N * N];

struct band {
    size_t first, last, from, end;
};

static void *work(void *arg) {
    struct band *b = arg;
    eliminate(a, N, b->first, b->last, b->from, b->end);
    return NULL;
}

int main(int argc, char **argv) {
    int joined = CHILDREN - without_join(argc, argv);
    pthread_t threads[CHILDREN];
    static struct band bands[STEPS][CHILDREN];
    fill(a, N);
    for (int step = 0; step < STEPS; step++) {
        size_t first = (size_t)step * BLOCK, last = first + BLOCK, rows = N - last;
        eliminate(a, N, first, last, first, last);
        for (int i = 0; i < CHILDREN; i++) {
            size_t from = last + rows * (size_t)i / CHILDREN;
            size_t end = last + rows * (size_t)(i + 1) / CHILDREN;
            bands[step][i] = (struct band){first, last, from, end};
            if (pthread_create(&threads[i], NULL, work, &bands[step][i]))
                return 1;
        }
        for (int i = 0; i < joined; i++)
            pthread_join(threads[i], NULL);
    }
    show(a, N);
}
