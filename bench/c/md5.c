/* libdet-c/examples/md5.c: which of so many texts has a digest, by two halves. */
#include "measure.h"

#include "md5.h"

static struct md5 wanted;
static long found[2];

struct half {
    int number;
    unsigned long from, to;
};

static void search(void *arg) {
    struct half *h = arg;
    found[h->number] = md5_find(h->from, h->to, &wanted);
}

static void make(size_t n) {
    char text[16];
    wanted = md5(text, md5_text(n - 1, text));
}

static void prepare(size_t n) {
    (void)n;
    found[0] = found[1] = 0;
}

static void search_all(size_t n) {
    struct half low = {0, 0, n / 2}, high = {1, n / 2, n};
    in_two(search, &low, &high);
}

static int right(size_t n) {
    return found[0] == -1 && found[1] == (long)n - 1;
}

int main(int argc, char **argv) {
    static const struct work work = {"md5", make, prepare, search_all, right};
    return measure(argc, argv, &work);
}
