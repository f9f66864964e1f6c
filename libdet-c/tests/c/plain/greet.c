/* An ordinary program that asks for GNU's functions, and whose main has no return. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    char *text;
    for (int i = 0; i < 3; i++) {
        if (asprintf(&text, "%d Greetings to %s", i, argc > 1 ? argv[1] : "nobody") < 0)
            abort();
        printf("%s, %s\n", text, strcasestr(text, "GREET") ? strcasestr(text, "TO ") : "nothing");
        free(text);
    }
}
