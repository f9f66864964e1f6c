/* For the tests in C: a check that says where it failed. */
#ifndef CHECK_H
#define CHECK_H
#include <det.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                                              \
    do {                                                                                         \
        if (!(what)) {                                                                           \
            int kept_ = errno;                                                                   \
            fprintf(stderr, "%s:%d: %s (errno %d: %s)\n", __FILE__, __LINE__, #what, kept_,      \
                    det_strerror(kept_));                                                        \
            exit(1);                                                                             \
        }                                                                                        \
    } while (0)

#endif
