/* Chapter 8: the words of files counted, a child for each file. */
#include <ctype.h>
#include <det.h>
#include <stdio.h>
#include <stdlib.h>

// ANCHOR: count
struct text {
    const char *name;
    char *bytes;
    size_t length, words;
};

/* What child i runs: all texts lie in its memory, and it writes to one of them. */
static void count(size_t i, void *arg) {
    struct text *text = (struct text *)arg + i;
    int inside = 0;
    for (size_t at = 0; at < text->length; at++) {
        int space = isspace((unsigned char)text->bytes[at]);
        text->words += !inside && !space;
        inside = !space;
    }
}
// ANCHOR_END: count

/* What the master does before: a file is the outside, and children do not see that. */
static int read_all(struct text *text, const char *name) {
    FILE *file = fopen(name, "r");
    if (!file)
        return -1;
    *text = (struct text){.name = name};
    size_t size = 0, got = 0;
    do {
        text->length += got;
        if (text->length == size) {
            size = size ? 2 * size : 4096;
            char *larger = realloc(text->bytes, size);
            if (!larger) {
                fclose(file);
                return -1;
            }
            text->bytes = larger;
        }
        got = fread(text->bytes + text->length, 1, size - text->length, file);
    } while (got > 0);
    fclose(file);
    return 0;
}

// ANCHOR: main
int main(int argc, char **argv) {
    size_t files = argc > 0 ? argc - 1 : 0, all = 0;
    struct text *texts = calloc(files + 1, sizeof *texts);
    for (size_t i = 0; texts && i < files; i++) {
        if (read_all(&texts[i], argv[i + 1]) < 0) {
            perror(argv[i + 1]);
            return 1;
        }
    }
    if (!texts || det_for(files, count, texts) < 0) {
        perror("the count");
        return 1;
    }
    for (size_t i = 0; i < files; i++) {
        printf("%s: %zu\n", texts[i].name, texts[i].words);
        all += texts[i].words;
    }
    printf("%zu words\n", all);
    return 0;
}
// ANCHOR_END: main
