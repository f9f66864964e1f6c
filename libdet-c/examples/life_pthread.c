/* life.c with threads: two copies of the world, and a barrier after each generation. */
#define _POSIX_C_SOURCE 200809L
#include "life.h"
#include <pthread.h>

enum { THREADS = 6 };

static grid worlds[2];
static pthread_barrier_t barrier;
static int bands[THREADS];

static void *work(void *arg) {
    int from = *(int *)arg * ROWS / THREADS, end = (*(int *)arg + 1) * ROWS / THREADS;
    for (int g = 0; g < GENERATIONS; g++) {
        for (int i = from; i < end; i++)
            next(worlds[(g + 1) % 2][i], worlds[g % 2], i);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    fill(worlds[0]);
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        bands[i] = i;
        if (pthread_create(&threads[i], NULL, work, &bands[i]))
            return 1;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    show(worlds[GENERATIONS % 2]);
}
