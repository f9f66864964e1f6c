/* md5.c with threads. */
#include "md5.h"
#include <pthread.h>

enum { CHILDREN = 8, WORDS = 26 * 26 * 26 * 26 };

static long found[CHILDREN];
static struct md5 wanted;

static void *work(void *arg) {
    unsigned long i = (unsigned long)((long *)arg - found);
    unsigned long part = (WORDS + CHILDREN - 1) / CHILDREN;
    found[i] = md5_find(i * part, (i + 1) * part, &wanted);
    return NULL;
}

int main(void) {
    pthread_t threads[CHILDREN];
    wanted = md5("fork", 4);
    for (int i = 0; i < CHILDREN; i++)
        if (pthread_create(&threads[i], NULL, work, &found[i]))
            return 1;
    for (int i = 0; i < CHILDREN; i++)
        pthread_join(threads[i], NULL);
    md5_show(found, CHILDREN);
}
