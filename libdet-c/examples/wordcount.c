/* Counts lines, words and bytes of files: children write them, others count and remove them. Files
 * of children lie in the file system of the program, whose changes are merged as memory is. */
#include "wordcount.h"
#include <det.h>
#include <errno.h>

static struct count counts[FILES];
static int numbers[FILES];

static void writer(void *arg) {
    det_exit(write_text(*(int *)arg));
}

static void counter(void *arg) {
    int i = *(int *)arg;
    det_exit(count_text(i, &counts[i]));
}

static int run(void (*work)(void *)) {
    int failed = 0;
    for (int i = 0; i < FILES; i++) {
        numbers[i] = i;
        failed |= det_fork_fn(i, work, &numbers[i]) != 0;
    }
    for (int i = 0; i < FILES; i++) {
        int code = det_join(i);
        if (code < 0)
            fprintf(stderr, "%s\n", det_strerror(errno));
        failed |= code != 0;
    }
    return failed;
}

int main(void) {
    if (det_fs_mkdir("/") < 0)
        return fprintf(stderr, "%s\n", det_strerror(errno)), 1;
    if (run(writer) || run(counter))
        return 1;
    show(counts);
}
