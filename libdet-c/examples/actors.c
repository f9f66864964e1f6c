/* Actors: in each step every actor reads all of them and writes itself, in place. Each child sees
 * all as they were at its start, so no second copy of the world is needed, and no barrier. */
#include "actors.h"
#include <det.h>
#include <errno.h>

static struct actor all[ACTORS];

int main(void) {
    fill(all);
    for (int s = 0; s < STEPS; s++) {
        /* One child for each actor, so that none sees what another one has become. */
        for (int i = 0; i < ACTORS; i++)
            if (det_fork(i) == 0) {
                all[i] = next(all, i);
                det_exit(0);
            }
        for (int i = 0; i < ACTORS; i++)
            if (det_join(i) < 0)
                return fprintf(stderr, "%s\n", det_strerror(errno)), 1;
    }
    show(all);
}
