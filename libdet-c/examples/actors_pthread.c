/* actors.c with threads: two copies of the world, and all wait for all after each step. */
#define _POSIX_C_SOURCE 200809L
#include "actors.h"
#include <pthread.h>
#include <stddef.h>

enum { THREADS = 8 };

static struct actor worlds[2][ACTORS];
static pthread_barrier_t barrier;
static int parts[THREADS];

static void *work(void *arg) {
    int from = *(int *)arg * ACTORS / THREADS, end = (*(int *)arg + 1) * ACTORS / THREADS;
    for (int s = 0; s < STEPS; s++) {
        for (int i = from; i < end; i++)
            worlds[(s + 1) % 2][i] = next(worlds[s % 2], i);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    fill(worlds[0]);
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        parts[i] = i;
        if (pthread_create(&threads[i], NULL, work, &parts[i]))
            return 1;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    show(worlds[STEPS % 2]);
}
