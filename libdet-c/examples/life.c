/* Game of Life, in place: each child sees the world as it was at its start, whatever its neighbours
 * do. Within its own band it needs a copy. */
#include "life.h"
#include <det.h>
#include <errno.h>

enum { BANDS = 6, BAND = ROWS / BANDS };

static grid world;

static void band(int b) {
    char rows[BAND][COLUMNS];
    for (int i = 0; i < BAND; i++)
        next(rows[i], world, b * BAND + i);
    memcpy(world[b * BAND], rows, sizeof rows);
}

int main(void) {
    fill(world);
    for (int g = 0; g < GENERATIONS; g++) {
        for (int b = 0; b < BANDS; b++)
            if (det_fork(b) == 0) {
                band(b);
                det_exit(0);
            }
        for (int b = 0; b < BANDS; b++)
            if (det_join(b) < 0)
                return fprintf(stderr, "%s\n", det_strerror(errno)), 1;
    }
    show(world);
}
