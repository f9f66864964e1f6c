/* wordcount.c with threads, on the files of the system. */
#include "wordcount.h"
#include <pthread.h>

static struct count counts[FILES];
static int numbers[FILES], failed[FILES];

static void *writer(void *arg) {
    int i = *(int *)arg;
    failed[i] |= write_text(i);
    return NULL;
}

static void *counter(void *arg) {
    int i = *(int *)arg;
    failed[i] |= count_text(i, &counts[i]);
    return NULL;
}

static int run(void *(*work)(void *)) {
    pthread_t threads[FILES];
    int any = 0;
    for (int i = 0; i < FILES; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, work, &numbers[i]))
            return 1;
    }
    for (int i = 0; i < FILES; i++) {
        pthread_join(threads[i], NULL);
        any |= failed[i];
    }
    return any;
}

int main(void) {
    if (run(writer) || run(counter))
        return 1;
    show(counts);
}
