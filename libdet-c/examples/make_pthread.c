/* make.c with threads, which tell by a condition that they are done. */
#include "make.h"
#include <pthread.h>

static unsigned made[TARGETS];
static enum state states[TARGETS];
static int numbers[TARGETS], running, left = TARGETS;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;

static void *work(void *arg) {
    int i = *(int *)arg;
    unsigned result = make(made, i);
    pthread_mutex_lock(&lock);
    made[i] = result;
    states[i] = MADE;
    running--, left--;
    pthread_cond_signal(&ended);
    pthread_mutex_unlock(&lock);
    return NULL;
}

int main(void) {
    pthread_mutex_lock(&lock);
    while (left > 0) {
        for (int i = 0; i < TARGETS && running < JOBS; i++)
            if (is_ready(states, i)) {
                pthread_t thread;
                numbers[i] = i;
                states[i] = RUNNING;
                running++;
                if (pthread_create(&thread, NULL, work, &numbers[i]))
                    return 1;
                pthread_detach(thread);
            }
        pthread_cond_wait(&ended, &lock);
    }
    pthread_mutex_unlock(&lock);
    show(made);
}
