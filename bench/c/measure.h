/* The loop around the work, as src/measure.rs has it, and the answer that src/task.rs reads. */
#ifndef MEASURE_H
#define MEASURE_H
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "in_two.h"

/* Exit code of wrong arguments. */
enum { USAGE = 64 };
/* Samples taken even where the time is over, and samples that there is room for. */
enum { LEAST = 5, MOST = 1 << 16 };
/* Seconds after which a measurement that hangs ends. */
enum { LONGEST = 120 };
/* Work that takes longer than so many microseconds is its own warm-up, and sampled once. */
static const double LONG = 5e5;

/* What a program measures: `prepare` is not timed. */
struct work {
    const char *name;
    void (*make)(size_t n);
    void (*prepare)(size_t n);
    void (*turn)(size_t n);
    /* Whether the result of the last turn is right. */
    int (*right)(size_t n);
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double turn(const struct work *w, size_t n) {
    w->prepare(n);
    double begin = now();
    w->turn(n);
    return now() - begin;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void answer(double *samples, size_t count) {
    /* Whose malloc it is: another object's than libc's own functions, where it is taken over. */
    Dl_info ours = {0}, libc = {0};
    dladdr(dlsym(RTLD_DEFAULT, "malloc"), &ours);
    dladdr(dlsym(RTLD_DEFAULT, "fopen64"), &libc);
    qsort(samples, count, sizeof *samples, ascending);
    double median = (samples[(count - 1) / 2] + samples[count / 2]) / 2;
    const char *owns = ours.dli_fbase != libc.dli_fbase ? "true" : "false";
    printf("{\"min\":%.3f,\"median\":%.3f,\"engine\":\"%s\",\"owns_malloc\":%s}\n", samples[0],
           median, ENGINE, owns);
}

/* Arguments as src/task.rs passes them: --measure SUITE CASE SIZE CONTENDER WORKERS MICROSECONDS */
static int measure(int argc, char **argv, const struct work *w) {
    char *end = NULL, *stop = NULL;
    size_t n = argc == 8 ? strtoull(argv[4], &end, 10) : 0;
    double budget = argc == 8 ? (double)strtoull(argv[7], &stop, 10) : 0;
    int ours = end && !*end && stop && !*stop && strcmp(argv[1], "--measure") == 0;
    if (!ours || strcmp(argv[3], w->name) != 0 || !choose(argv[5])) {
        fprintf(stderr, "%s: started by detpar-bench, of no use by itself\n", w->name);
        return USAGE;
    }
    alarm(LONGEST);
    static double samples[MOST];
    size_t count = 0;
    w->make(n);
    double begin = now(), took = turn(w, n);
    if (!w->right(n)) {
        fprintf(stderr, "%s: the result is wrong\n", w->name);
        return 1;
    }
    if (took > LONG) {
        samples[count++] = took;
    } else {
        while (now() - begin < budget / 4)
            turn(w, n);
        for (begin = now(); count < MOST && (count < LEAST || now() - begin < budget);)
            samples[count++] = turn(w, n);
    }
    answer(samples, count);
    return 0;
}

#endif
