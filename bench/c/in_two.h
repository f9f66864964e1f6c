/* Two parts of some work at the same time, by what the contender's name says: children of det_for
 * (`detpar`) or of det_fork, or with -DTHREADS threads or nobody else (`sequential`). */
#ifndef IN_TWO_H
#define IN_TWO_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*part_fn)(void *arg);

struct both {
    part_fn part;
    void *args[2];
};

static void (*in_two_by)(const struct both *);

static void in_two(part_fn part, void *low, void *high) {
    in_two_by(&(struct both){part, {low, high}});
}

struct way {
    const char *name;
    void (*by)(const struct both *);
};

#ifdef THREADS
#include <pthread.h>

static const char ENGINE[] = "";

struct call {
    part_fn part;
    void *arg;
};

static void *call(void *arg) {
    struct call *c = arg;
    c->part(c->arg);
    return NULL;
}

static void by_threads(const struct both *b) {
    pthread_t threads[2];
    struct call calls[2] = {{b->part, b->args[0]}, {b->part, b->args[1]}};
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, call, &calls[i])) {
            fprintf(stderr, "no thread can be had\n");
            exit(1);
        }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

static void in_turn(const struct both *b) {
    b->part(b->args[0]);
    b->part(b->args[1]);
}

static const struct way WAYS[] = {{"pthread", by_threads}, {"sequential", in_turn}};
#else
#include <det.h>

static const char ENGINE[] = "spaces";

static void fail(void) {
    fprintf(stderr, "%s\n", det_strerror(errno));
    exit(1);
}

static void one(size_t i, void *arg) {
    const struct both *b = arg;
    b->part(b->args[i]);
}

static void by_det_for(const struct both *b) {
    if (det_for(2, one, (void *)b) < 0)
        fail();
}

static void by_det_fork(const struct both *b) {
    for (int i = 0; i < 2; i++) {
        int side = det_fork(i);
        if (side < 0)
            fail();
        if (side == 0) {
            b->part(b->args[i]);
            det_exit(0);
        }
    }
    for (int i = 0; i < 2; i++)
        if (det_join(i) < 0)
            fail();
}

static const struct way WAYS[] = {{"detpar", by_det_for}, {"det_fork", by_det_fork}};
#endif

/* Whether there is a contender of this name; `in_two` works its way from now on. */
static int choose(const char *contender) {
    for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++)
        if (strcmp(WAYS[i].name, contender) == 0)
            in_two_by = WAYS[i].by;
    return in_two_by != NULL;
}

#endif
