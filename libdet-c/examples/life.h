/* Conway's Game of Life on a torus. */
#ifndef LIFE_H
#define LIFE_H
#include <stdio.h>
#include <string.h>

enum { ROWS = 24, COLUMNS = 48, GENERATIONS = 100 };

typedef char grid[ROWS][COLUMNS];

static void fill(grid g) {
    static const char *acorn[] = {".#.....", "...#...", "##..###"};
    memset(g, '.', sizeof(grid));
    for (int i = 0; i < 3; i++)
        memcpy(&g[10 + i][20], acorn[i], strlen(acorn[i]));
}

/* A row after a generation. */
static void next(char row[COLUMNS], grid g, int i) {
    for (int j = 0; j < COLUMNS; j++) {
        int alive = 0;
        for (int y = ROWS - 1; y <= ROWS + 1; y++)
            for (int x = COLUMNS - 1; x <= COLUMNS + 1; x++)
                alive += g[(i + y) % ROWS][(j + x) % COLUMNS] == '#';
        alive -= g[i][j] == '#';
        row[j] = alive == 3 || (alive == 2 && g[i][j] == '#') ? '#' : '.';
    }
}

static inline void show(grid g) {
    for (int i = 0; i < ROWS; i++)
        printf("%.*s\n", COLUMNS, g[i]);
}

#endif
