/* Children that read standard input by functions of stdio, also where the program has given the stream
 * a buffer of its own. */
#include "check.h"
#include <stdarg.h>

static char buffer[512];
static char *lines[4];
static int numbers[4];

static int scans(const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vscanf(format, args);
    va_end(args);
    return n;
}

/* As a line, as a number, as characters. */
static void reads(int i) {
    char *line = NULL;
    size_t room = 0;
    switch (i % 3) {
    case 0:
        CHECK(getline(&line, &room, stdin) > 0 && sscanf(line, "line %d", &numbers[i]) == 1);
        break;
    case 1:
        CHECK(scanf("line") == 0 && scans("%d", &numbers[i]) == 1);
        CHECK((line = strdup("scanned\n")) && puts("a number") >= 0);
        break;
    default:
        CHECK((line = calloc(1, 20)) && ungetc(getc(stdin), stdin) == 'l');
        for (int at = 0; line[at ? at - 1 : 0] != '\n'; at++)
            line[at] = (char)getchar();
        numbers[i] = atoi(line + 5);
    }
    printf("child %d has %s", i, line);
    lines[i] = line;
}

static void reads_of(size_t i, void *unused) {
    (void)unused;
    reads((int)i);
}

static void show(void) {
    for (int i = 0; i < 4; i++) {
        printf("%d: %d, %s", i, numbers[i], lines[i]);
        free(lines[i]);
    }
}

int main(int argc, char **argv) {
    char line[64];
    CHECK(argc == 2);
    if (strcmp(argv[1], "own") == 0)
        CHECK(setvbuf(stdin, buffer, _IOFBF, sizeof buffer) == 0);
    else if (strcmp(argv[1], "none") == 0)
        CHECK(setvbuf(stdin, NULL, _IONBF, 0) == 0);
    /* Reads ahead what children read then. */
    CHECK(fgets(line, sizeof line, stdin) && strcmp(line, "line 1\n") == 0);
    for (int i = 0; i < 4; i++)
        if (det_fork(i) == 0) {
            reads(i);
            det_exit(i);
        }
    for (int i = 0; i < 4; i++)
        CHECK(DET_KIND(det_wait(i)) == DET_RETURNED && det_join(i) == i);
    show();
    CHECK(fgets(line, sizeof line, stdin));
    printf("then %s", line);
    CHECK(det_for(4, reads_of, NULL) == 0);
    show();
    while (fgets(line, sizeof line, stdin))
        printf("at last %s", line);
    CHECK(feof(stdin) && !ferror(stdin));
    puts("input: ok");
    return 0;
}
