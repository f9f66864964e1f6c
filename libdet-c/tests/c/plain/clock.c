/* An ordinary program that tells everything that no two runs have in common. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    srand((unsigned)now.tv_nsec);
    printf("%d %s: %ld.%09ld, %d, %d, %p, %p\n", argc, argv[1], (long)now.tv_sec, now.tv_nsec,
           (int)getpid(), rand(), (void *)&now, malloc(10));
    return argc;
}
