/* matmult.c with threads. */
#include "matmult.h"
#include <pthread.h>

enum { N = 240, CHILDREN = 8 };

static double a[N * N], b[N * N], product[N * N];
static size_t bands[CHILDREN];

static void *work(void *arg) {
    size_t i = *(size_t *)arg;
    multiply(a, b, product, N, i * N / CHILDREN, (i + 1) * N / CHILDREN);
    return NULL;
}

int main(void) {
    pthread_t threads[CHILDREN];
    fill(a, N, 1);
    fill(b, N, 2);
    for (size_t i = 0; i < CHILDREN; i++) {
        bands[i] = i;
        if (pthread_create(&threads[i], NULL, work, &bands[i]))
            return 1;
    }
    for (int i = 0; i < CHILDREN; i++)
        pthread_join(threads[i], NULL);
    show(product, N);
}
