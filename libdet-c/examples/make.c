/* A master like `make -j3`: it starts what is ready, asks who has ended, and never waits for one
 * while another may be done. In which order they end depends on the machine, and so may what the
 * master does; what they made does not. */
#define _POSIX_C_SOURCE 200809L
#include "make.h"
#include <det.h>
#include <errno.h>
#include <time.h>

static unsigned made[TARGETS];

int main(void) {
    enum state states[TARGETS] = {WAITING};
    int running = 0, left = TARGETS;
    while (left > 0) {
        for (int i = 0; i < TARGETS && running < JOBS; i++)
            if (is_ready(states, i)) {
                if (det_fork(i) == 0) {
                    made[i] = make(made, i);
                    det_exit(0);
                }
                states[i] = RUNNING;
                running++;
            }
        int ended = 0;
        for (int i = 0; i < TARGETS; i++)
            if (states[i] == RUNNING) {
                if (det_try_join(i) == 0)
                    states[i] = MADE, ended++;
                else if (errno != EAGAIN)
                    return fprintf(stderr, "%s: %s\n", rules[i].name, det_strerror(errno)), 1;
            }
        running -= ended, left -= ended;
        if (ended == 0)
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    show(made);
}
