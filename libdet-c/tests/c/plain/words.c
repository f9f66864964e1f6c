/* An ordinary program: the ten most frequent words of a text that it makes up itself. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word {
    char *text;
    unsigned count;
    struct word *next;
};

static struct word *table[257];
static unsigned words;

static unsigned slot(const char *s) {
    unsigned h = 5381;
    while (*s)
        h = h * 33 + (unsigned char)*s++;
    return h % 257;
}

static void add(const char *text) {
    struct word **at = &table[slot(text)];
    for (struct word *w = *at; w; w = w->next)
        if (strcmp(w->text, text) == 0) {
            w->count++;
            return;
        }
    struct word *w = malloc(sizeof *w);
    *w = (struct word){.text = strdup(text), .count = 1, .next = *at};
    *at = w;
    words++;
}

static int by_count(const void *a, const void *b) {
    const struct word *x = *(struct word *const *)a, *y = *(struct word *const *)b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->text, y->text);
}

int main(void) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    unsigned seed = 7;
    for (int i = 0; i < 5000; i++) {
        seed = seed * 1103515245u + 12345;
        unsigned n = seed >> 16;
        fprintf(out, "%s%c", n % 3 ? "the" : "", i % 12 ? ' ' : '\n');
        fprintf(out, "w%u %5.2f,", n % 40, n / 7.0);
    }
    fclose(out);
    for (char *s = strtok(text, " ,.\n"); s; s = strtok(NULL, " ,.\n"))
        if (isalpha((unsigned char)*s))
            add(s);
    struct word **all = calloc(words, sizeof *all);
    unsigned n = 0;
    for (int i = 0; i < 257; i++)
        for (struct word *w = table[i]; w; w = w->next)
            all[n++] = w;
    qsort(all, n, sizeof *all, by_count);
    for (unsigned i = 0; i < 10 && i < n; i++)
        printf("%-6s %6u\n", all[i]->text, all[i]->count);
    FILE *f = fopen("words.tmp", "w+");
    if (!f)
        return perror("words.tmp"), 1;
    fprintf(f, "%u words, %zu bytes\n", n, size);
    rewind(f);
    unsigned words_read;
    size_t bytes_read;
    if (fscanf(f, "%u words, %zu bytes", &words_read, &bytes_read) != 2)
        return 2;
    fclose(f);
    remove("words.tmp");
    printf("%u words, %zu bytes\n", words_read, bytes_read);
    return 3;
}
