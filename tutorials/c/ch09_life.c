/* Chapter 9: the game of Life, a child for each band of rows. */
#include <det.h>
#include <stdio.h>

// ANCHOR: life
enum { N = 12, BANDS = 4, STEPS = 4 };

static unsigned char now[N][N] = {{0, 1, 0}, {0, 0, 1}, {1, 1, 1}}, next[N][N];

static int neighbours(int row, int column) {
    int sum = 0;
    for (int r = row + N - 1; r <= row + N + 1; r++)
        for (int c = column + N - 1; c <= column + N + 1; c++)
            sum += now[r % N][c % N];
    return sum - now[row][column];
}

static void band(size_t b, void *arg) {
    (void)arg;
    for (int step = 0; step < STEPS; step++) {
        int from = (int)b * N / BANDS, to = (int)(b + 1) * N / BANDS;
        for (int row = from; row < to; row++)
            for (int column = 0; column < N; column++) {
                int n = neighbours(row, column);
                next[row][column] = n == 3 || (n == 2 && now[row][column]);
            }
        for (int row = from; row < to; row++)
            for (int column = 0; column < N; column++)
                now[row][column] = next[row][column];
        /* All bands have their rows done, and from here on everybody sees them. */
        det_barrier();
    }
}
// ANCHOR_END: life

int main(void) {
    if (det_for(BANDS, band, NULL) < 0) {
        perror("life");
        return 1;
    }
    for (int row = 0; row < N; row++) {
        for (int column = 0; column < N; column++)
            putchar(now[row][column] ? '#' : '.');
        putchar('\n');
    }
    return 0;
}
