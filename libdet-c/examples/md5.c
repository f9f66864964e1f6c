/* Finds the word that has a digest by trying all words. Each child tells by an item of an array
 * what it found. */
#include "md5.h"
#include <det.h>
#include <errno.h>

enum { CHILDREN = 8, WORDS = 26 * 26 * 26 * 26 };

static long found[CHILDREN];

int main(void) {
    struct md5 wanted = md5("fork", 4);
    for (int i = 0; i < CHILDREN; i++)
        if (det_fork(i) == 0) {
            unsigned long part = (WORDS + CHILDREN - 1) / CHILDREN;
            found[i] = md5_find(i * part, (i + 1) * part, &wanted);
            det_exit(0);
        }
    for (int i = 0; i < CHILDREN; i++)
        if (det_join(i) < 0)
            return fprintf(stderr, "%s\n", det_strerror(errno)), 1;
    md5_show(found, CHILDREN);
}
