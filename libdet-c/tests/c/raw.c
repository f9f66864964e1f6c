/* The raw calls, rule by rule: docs/calls.md. */
#include "check.h"

enum { BIG = 8 << 20, PAGE = 4096 };

#define ADDRESS(p) ((unsigned long)(p))
#define FORK (DET_PUT_REGS | DET_PUT_SNAP | DET_PUT_START)
#define END(state) (DET_KIND(state) == DET_RETURNED)

static int number;
static int log_of[4];
static unsigned char *big;
static unsigned char small[3 * PAGE] __attribute__((aligned(4096)));

static long merge(int id) { return det_dget(id, DET_GET_MERGE, 0, 0, 0); }
static long look(int id) { return det_dget(id, 0, 0, 0, 0); }

/* A child goes on after its ret, with its frames and with new memory where it got a snapshot. */
static void goes_on_after_a_ret(void) {
    long state = det_dput(1, FORK, 0, 0, 0);
    if (state == 0) {
        int local = 1;
        for (int i = 0; i < 3; i++) {
            log_of[i] = local += number;
            CHECK(det_dret(10 + i) == 0);
        }
        det_exit(local);
    }
    CHECK(state == DET_RUNNING);
    for (int i = 0; i < 3; i++) {
        CHECK(look(1) == (DET_RET | (10L + i) << 8));
        CHECK(det_dget(1, DET_GET_COPY, ADDRESS(&log_of[i]), sizeof(int), ADDRESS(&log_of[i])) ==
              (DET_RET | (10L + i) << 8));
        CHECK(log_of[i] == 1 + number * (i + 1));
        CHECK(det_dput(1, DET_PUT_START, 0, 0, 0) == DET_RUNNING);
    }
    CHECK(look(1) == (DET_RETURNED | (1L + 3 * number) << 8));
    CHECK(det_dput(1, DET_PUT_START, 0, 0, 0) == -EINVAL);
    CHECK(det_dkill(1) == (DET_RETURNED | (1L + 3 * number) << 8));
    CHECK(look(1) == -ECHILD);
}

/* Registers of a child at its ret come back as they are, and as they are replaced. */
static long stops_here(long seven) {
    long r;
    /* The callee keeps rbx by the ABI; here it is looked at. Below the red zone, aligned. */
    __asm__ volatile("mov %2, %%rbx\n\tmov $5, %%edi\n\tmov %%rsp, %%r12\n\t"
                     "sub $256, %%rsp\n\tand $-16, %%rsp\n\tcall *%1\n\t"
                     "mov %%r12, %%rsp\n\tadd %%rbx, %%rax"
                     : "=&a"(r)
                     : "r"(&det_dret), "r"(seven)
                     : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "memory",
                       "cc");
    return r;
}

static void registers(void) {
    struct user_regs_struct regs;
    for (int replace = 0; replace < 2; replace++) {
        if (det_dput(4, FORK, 0, 0, 0) == 0) {
            det_exit((int)stops_here(77));
        }
        CHECK(look(4) == (DET_RET | 5 << 8));
        CHECK(det_get_regs(4, &regs) == 0);
        CHECK(regs.rbx == 77 && regs.rdi == 5 && regs.rax == 0 && regs.rip && regs.rsp);
        if (replace) {
            regs.rbx = 1000;
            regs.rax = 11;
        }
        CHECK(det_put_regs(4, &regs) == 0);
        CHECK(det_dput(4, DET_PUT_START, 0, 0, 0) == DET_RUNNING);
        CHECK(look(4) == (DET_RETURNED | (replace ? 1011L : 77L) << 8));
        CHECK(det_get_regs(4, &regs) == -1 && errno == EINVAL);
        CHECK(det_put_regs(4, &regs) == -1 && errno == EINVAL);
        CHECK(det_dkill(4) > 0);
    }
    CHECK(det_get_regs(4, &regs) == -1 && errno == ECHILD);
    CHECK(det_get_regs(4, NULL) == -1 && errno == EFAULT);
    CHECK(det_put_regs(4, NULL) == -1 && errno == EFAULT);
}

/* The parts of a fork, one put for each. */
static void one_option_at_a_time(void) {
    CHECK(det_dput(5, 0, 0, 0, 0) == DET_CREATED);
    number = 41;
    CHECK(det_dput(5, DET_PUT_SNAP, 0, 0, 0) == DET_CREATED);
    number = 0;
    long state = det_dput(5, DET_PUT_REGS, 0, 0, 0);
    if (state == 0) {
        number++;
        det_exit(3);
    }
    CHECK(state == DET_CREATED);
    CHECK(look(5) == DET_CREATED);
    CHECK(det_dput(5, DET_PUT_START, 0, 0, 0) == DET_RUNNING);
    CHECK(look(5) == (DET_RETURNED | 3 << 8));
    CHECK(merge(5) == -ECANCELED);
    number = 41;
    CHECK(merge(5) == (DET_RETURNED | 3 << 8));
    CHECK(number == 42);
    CHECK(det_dkill(5) > 0);
}

static unsigned char pattern(size_t i) { return (unsigned char)(i * 2654435761u >> 13); }

/* Zero and Copy, unaligned and over megabytes. */
static void zero_and_copy(void) {
    for (size_t i = 0; i < BIG; i++)
        big[i] = pattern(i);
    long state = det_dput(2, DET_PUT_REGS | DET_PUT_SNAP, 0, 0, 0);
    if (state == 0) {
        for (size_t i = 0; i < BIG; i++) {
            unsigned char expected = pattern(i);
            if (i >= 12345 && i < 12345 + 5000001)
                expected = 0;
            if (i >= 7000003 && i < 7000003 + 99999)
                expected = pattern(i - 7000003 + 1);
            if (big[i] != expected)
                det_exit(1);
        }
        memset(big + 4099, 0xee, 6000);
        det_exit(0);
    }
    CHECK(state == DET_CREATED);
    CHECK(det_dput(2, DET_PUT_ZERO, 0, 5000001, ADDRESS(big + 12345)) == DET_CREATED);
    CHECK(det_dput(2, DET_PUT_COPY, ADDRESS(big + 1), 99999, ADDRESS(big + 7000003)) ==
          DET_CREATED);
    CHECK(det_dput(2, DET_PUT_COPY | DET_PUT_ZERO, 0, 1, ADDRESS(big)) == -EINVAL);
    CHECK(det_dput(2, DET_PUT_START, 0, 0, 0) == DET_RUNNING);
    CHECK(look(2) == DET_RETURNED);
    for (size_t i = 0; i < BIG; i++)
        if (big[i] != pattern(i))
            CHECK(!"the parent's memory is its own");
    CHECK(det_dget(2, DET_GET_COPY, ADDRESS(big + 4099), 6000, ADDRESS(big + 1)) == DET_RETURNED);
    CHECK(big[0] == pattern(0) && big[1] == 0xee && big[6000] == 0xee && big[6001] == pattern(6001));
    CHECK(det_dget(2, DET_GET_ZERO, 0, 3, ADDRESS(big + 2)) == DET_RETURNED);
    CHECK(big[1] == 0xee && big[2] == 0 && big[4] == 0 && big[5] == 0xee);
    CHECK(det_dkill(2) > 0);
}

/* Permissions, of pages. */
static void permissions(void) {
    unsigned long middle = ADDRESS(small + PAGE);
    CHECK(det_dput(3, DET_PUT_PERM, 0, PAGE, middle + 1) == -EINVAL);
    CHECK(det_dput(3, DET_PUT_PERM | DET_PERM_WRITE, 0, PAGE, middle) == -EINVAL);
    static const long rights[] = {0, DET_PERM_READ, DET_PERM_READ | DET_PERM_WRITE};
    for (int write = 0; write < 2; write++) {
        for (int i = 0; i < 3; i++) {
            long state = det_dput(3, DET_PUT_REGS | DET_PUT_SNAP, 0, 0, 0);
            if (state == 0) {
                volatile unsigned char *p = small;
                p[PAGE - 1] = 1;
                p[2 * PAGE] = 1;
                if (write)
                    p[PAGE + 7] = 1;
                det_exit(p[PAGE]);
            }
            CHECK(state == DET_CREATED);
            CHECK(det_dput(3, DET_PUT_PERM | rights[i], 0, PAGE, middle) == DET_CREATED);
            CHECK(det_dput(3, DET_PUT_START, 0, 0, 0) == DET_RUNNING);
            if (i > write)
                CHECK(END(look(3)));
            else
                CHECK(look(3) == (DET_EXCEPTION | DET_BY_FAULT << 8));
            CHECK(det_dkill(3) > 0);
        }
    }
    /* Over megabytes. */
    unsigned long whole = (ADDRESS(big) + PAGE - 1) & ~(PAGE - 1UL);
    long state = det_dput(3, DET_PUT_REGS | DET_PUT_SNAP, 0, 0, 0);
    if (state == 0) {
        *(volatile unsigned char *)(whole + (5 << 20) + 9) = 1;
        det_exit(0);
    }
    CHECK(det_dput(3, DET_PUT_PERM | DET_PERM_READ, 0, 6 << 20, whole) == DET_CREATED);
    CHECK(det_dput(3, DET_PUT_START, 0, 0, 0) == DET_RUNNING);
    CHECK(look(3) == (DET_EXCEPTION | DET_BY_FAULT << 8));
    CHECK(det_dkill(3) > 0);
}

/* Two children write the even and the odd bytes of 8 MB. */
static void bytes_in_turn(void) {
    memset(big, 0, BIG);
    for (int c = 0; c < 2; c++) {
        if (det_dput(c, FORK, 0, 0, 0) == 0) {
            for (size_t i = (size_t)c; i < BIG; i += 2)
                big[i] = (unsigned char)(1 + i % 255);
            det_exit(0);
        }
    }
    for (int c = 0; c < 2; c++) {
        CHECK(merge(c) == DET_RETURNED);
        CHECK(det_dkill(c) > 0);
    }
    for (size_t i = 0; i < BIG; i++)
        if (big[i] != 1 + i % 255)
            CHECK(!"each byte is that of the child that wrote it");
}

static void the_same_byte(void) {
    for (int c = 0; c < 2; c++) {
        if (det_dput(c, FORK, 0, 0, 0) == 0) {
            big[77] = 9;
            big[100 + c] = 9;
            det_exit(0);
        }
    }
    CHECK(merge(0) == DET_RETURNED);
    CHECK(merge(1) == -ECANCELED);
    CHECK(big[77] == 9 && big[100] == 9 && big[101] != 9);
    /* Refused, not lost: its byte can be had. */
    CHECK(det_dget(1, DET_GET_COPY, ADDRESS(big + 101), 1, ADDRESS(big + 101)) == DET_RETURNED);
    CHECK(big[101] == 9);
    CHECK(det_dkill(0) > 0 && det_dkill(1) > 0);
}

/* A row of the product for each of 64 children. */
static long a[64][64], b[64][64], product[64][64];

static void matrix(void) {
    for (int i = 0; i < 64; i++)
        for (int k = 0; k < 64; k++)
            a[i][k] = i - 2 * k, b[i][k] = 3 * i + k;
    for (int i = 0; i < 64; i++) {
        if (det_dput(i, FORK, 0, 0, 0) == 0) {
            for (int j = 0; j < 64; j++)
                for (int k = 0; k < 64; k++)
                    product[i][j] += a[i][k] * b[k][j];
            det_exit(i);
        }
    }
    for (int i = 0; i < 64; i++) {
        CHECK(merge(i) == (DET_RETURNED | (long)i << 8));
        CHECK(det_dkill(i) > 0);
    }
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 64; j++) {
            long sum = 0;
            for (int k = 0; k < 64; k++)
                sum += a[i][k] * b[k][j];
            CHECK(product[i][j] == sum);
        }
}

/* 256 leaves. */
static int sorted[40000];

static void swap(int *x, int *y) {
    int t = *x;
    *x = *y;
    *y = t;
}

static int ascending(const void *x, const void *y) {
    return (*(const int *)x > *(const int *)y) - (*(const int *)x < *(const int *)y);
}

static void quicksort(int *from, int n, int depth) {
    if (depth == 0 || n < 2) {
        qsort(from, (size_t)n, sizeof(int), ascending);
        return;
    }
    /* The middle one by number divides them, whatever their values. */
    int pivot = from[n / 2], low = 0;
    swap(&from[n / 2], &from[n - 1]);
    for (int i = 0; i < n - 1; i++)
        if (from[i] < pivot)
            swap(&from[i], &from[low++]);
    swap(&from[low], &from[n - 1]);
    for (int half = 0; half < 2; half++) {
        if (det_dput(half, FORK, 0, 0, 0) == 0) {
            if (half == 0)
                quicksort(from, low, depth - 1);
            else
                quicksort(from + low + 1, n - low - 1, depth - 1);
            det_exit(0);
        }
    }
    for (int half = 0; half < 2; half++) {
        CHECK(merge(half) == DET_RETURNED);
        CHECK(det_dkill(half) > 0);
    }
}

static void nested_quicksort(void) {
    unsigned x = 12345;
    long sum = 0, after = 0;
    for (int i = 0; i < 40000; i++) {
        x = x * 1664525u + 1013904223u;
        sum += sorted[i] = (int)(x >> 8);
    }
    quicksort(sorted, 40000, 8);
    for (int i = 0; i < 40000; i++) {
        CHECK(i == 0 || sorted[i - 1] <= sorted[i]);
        after += sorted[i];
    }
    CHECK(after == sum);
}

/* Polling, an interrupting kill, faults. */
static void poll_and_faults(void) {
    if (det_dput(1, FORK, 0, 0, 0) == 0)
        for (volatile int i = 0;; i++) {
        }
    CHECK(det_dget(1, DET_GET_DONT_WAIT, 0, 0, 0) == -EAGAIN);
    if (det_dput(2, FORK, 0, 0, 0) == 0) {
        CHECK(det_dget(9, DET_GET_DONT_WAIT, 0, 0, 0) == -EPERM);
        int *volatile nowhere = NULL;
        *nowhere = 1;
        det_exit(0);
    }
    CHECK(look(2) == (DET_EXCEPTION | DET_BY_FAULT << 8));
    CHECK(merge(2) == (DET_EXCEPTION | DET_BY_FAULT << 8));
    CHECK(det_dput(2, DET_PUT_START, 0, 0, 0) == -EINVAL);
    CHECK(det_dget(1, DET_GET_DONT_WAIT, 0, 0, 0) == -EAGAIN);
    CHECK(det_dkill(1) == (DET_EXCEPTION | DET_BY_KILLED << 8));
    if (det_dput(2, FORK, 0, 0, 0) == 0)
        det_exit(0);
    while (det_dget(2, DET_GET_DONT_WAIT, 0, 0, 0) == -EAGAIN) {
    }
    CHECK(merge(2) == DET_RETURNED);
    CHECK(det_dkill(2) > 0);
}

static void refused(void) {
    CHECK(det_dput(-1, 0, 0, 0, 0) == -EINVAL);
    CHECK(det_dput(1, -1L, 0, 0, 0) == -EINVAL);
    CHECK(det_dput(1, 1L << 40, 0, 0, 0) == -EINVAL);
    CHECK(det_dput(1, DET_PUT_TREE, 0, 0, 0) == -EOPNOTSUPP);
    CHECK(det_dput(1, DET_PUT_COPY, 0, 8, 0) == -EFAULT);
    CHECK(det_dput(1, DET_PUT_COPY, ADDRESS(big), ~0UL, ADDRESS(big)) == -EINVAL);
    CHECK(det_dput(1, DET_PUT_START, 0, 0, 0) == -EINVAL);
    CHECK(look(1) == -ECHILD);
    CHECK(det_dkill(1) == -ECHILD);
    CHECK(det_dret(1) == -EPERM);
    CHECK(det_dget(1, DET_GET_TREE, 0, 0, 0) == -EOPNOTSUPP);
    CHECK(det_dput(1, 0, 0, 0, 0) == DET_CREATED);
    CHECK(merge(1) == -EINVAL);
    CHECK(det_dkill(1) > 0);
}

int main(void) {
    big = malloc(BIG);
    number = 7;
    goes_on_after_a_ret();
    registers();
    one_option_at_a_time();
    zero_and_copy();
    permissions();
    bytes_in_turn();
    the_same_byte();
    matrix();
    nested_quicksort();
    poll_and_faults();
    refused();
    free(big);
    puts("raw: ok");
    return 0;
}
