/* What is to be made from what, and what making it means: a number from those of its parts. */
#ifndef MAKE_H
#define MAKE_H
#include <stdio.h>

enum { TARGETS = 10, PARTS = 4, JOBS = 3 };

static const struct rule {
    const char *name;
    int parts[PARTS]; /* one more than the number of a target; 0: none */
} rules[TARGETS] = {
    {"lex.o", {0}},           {"parse.o", {0}},        {"type.o", {0}},
    {"code.o", {0}},          {"libfront.a", {1, 2}},  {"libback.a", {3, 4}},
    {"compiler", {5, 6}},     {"runtime.o", {7}},      {"libruntime.a", {8}},
    {"tests", {7, 9}},
};

enum state { WAITING, RUNNING, MADE };

/* Whether all parts of a target are made. */
static int is_ready(const enum state *states, int target) {
    for (int i = 0; i < PARTS; i++) {
        int part = rules[target].parts[i];
        if (part && states[part - 1] != MADE)
            return 0;
    }
    return states[target] == WAITING;
}

static unsigned make(const unsigned *made, int target) {
    unsigned sum = 2166136261u;
    for (const char *c = rules[target].name; *c; c++)
        sum = (sum ^ (unsigned char)*c) * 16777619u;
    for (int i = 0; i < PARTS; i++)
        if (rules[target].parts[i])
            sum = (sum ^ made[rules[target].parts[i] - 1]) * 16777619u;
    /* Some take longer than others. */
    for (int i = 0; i < (target * 5 % 7 + 1) * 300000; i++)
        sum = sum * 1664525u + 1013904223u;
    return sum;
}

static inline void show(const unsigned *made) {
    for (int i = 0; i < TARGETS; i++)
        printf("%-13s %08x\n", rules[i].name, made[i]);
}

#endif
