/* Texts in files, and how many words they have. */
#ifndef WORDCOUNT_H
#define WORDCOUNT_H
#include <ctype.h>
#include <stdio.h>

enum { FILES = 6 };

struct count {
    unsigned long lines, words, bytes;
};

static inline void name_of(int i, char name[32]) {
    snprintf(name, 32, "text-%d.tmp", i);
}

static int write_text(int i) {
    char name[32];
    name_of(i, name);
    FILE *f = fopen(name, "w");
    if (!f)
        return perror(name), 1;
    unsigned seed = (unsigned)i + 1;
    for (int k = 0; k < 2000 * (i + 1); k++) {
        seed = seed * 1103515245u + 12345;
        fprintf(f, "%.*s%c", (int)(seed >> 16) % 10 + 1, "abcdefghij", seed >> 28 ? ' ' : '\n');
    }
    if (fclose(f))
        return perror(name), 1;
    return 0;
}

static int count_text(int i, struct count *count) {
    char name[32];
    name_of(i, name);
    FILE *f = fopen(name, "r");
    if (!f)
        return perror(name), 1;
    int c, within = 0;
    struct count n = {0, 0, 0};
    while ((c = getc(f)) != EOF) {
        n.bytes++;
        n.lines += c == '\n';
        n.words += !isspace(c) && !within;
        within = !isspace(c);
    }
    *count = n;
    fclose(f);
    return remove(name) ? perror(name), 1 : 0;
}

static inline void show(const struct count *counts) {
    struct count sum = {0, 0, 0};
    for (int i = 0; i < FILES; i++) {
        char name[32];
        name_of(i, name);
        printf("%7lu %7lu %8lu %s\n", counts[i].lines, counts[i].words, counts[i].bytes, name);
        sum.lines += counts[i].lines;
        sum.words += counts[i].words;
        sum.bytes += counts[i].bytes;
    }
    printf("%7lu %7lu %8lu total\n", sum.lines, sum.words, sum.bytes);
}

#endif
