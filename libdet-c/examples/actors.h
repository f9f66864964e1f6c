/* Bodies on a ring that are drawn to each other. Whole numbers, so that the order of sums does not
 * matter. */
#ifndef ACTORS_H
#define ACTORS_H
#include <stdio.h>

enum { ACTORS = 96, STEPS = 20 };

struct actor {
    long place, speed;
};

static void fill(struct actor *all) {
    for (int i = 0; i < ACTORS; i++)
        all[i] = (struct actor){.place = i * 7919L % 100003, .speed = i % 5 - 2};
}

/* One actor after a step in which it saw all others. */
static struct actor next(const struct actor *all, int i) {
    struct actor self = all[i];
    long pull = 0;
    for (int k = 0; k < ACTORS; k++) {
        long distance = all[k].place - self.place;
        pull += distance > 0 ? 1 + 100000 / (distance + 10) : 0;
        pull -= distance < 0 ? 1 + 100000 / (10 - distance) : 0;
    }
    self.speed += pull / ACTORS;
    self.place += self.speed;
    return self;
}

static inline void show(const struct actor *all) {
    long sum = 0;
    for (int i = 0; i < ACTORS; i++)
        sum = (sum * 31 + all[i].place) % 1000000007;
    printf("first at %ld, last at %ld, sum %ld\n", all[0].place, all[ACTORS - 1].place, sum);
}

#endif
