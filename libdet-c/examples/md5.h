/* MD5 (RFC 1321) of a short text, and the texts of a search. */
#ifndef MD5_H
#define MD5_H
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct md5 {
    uint32_t word[4];
};

/* Texts of up to 55 bytes: one block. */
static struct md5 md5(const char *text, size_t length) {
    static const unsigned char shifts[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    /* floor(2^32 * abs(sin(i + 1))) */
    static const uint32_t sines[64] = {
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
        0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
        0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
        0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
        0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
        0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
        0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
        0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
        0xeb86d391};
    unsigned char block[64] = {0};
    uint32_t m[16];
    memcpy(block, text, length);
    block[length] = 0x80;
    block[56] = (unsigned char)(length * 8);
    block[57] = (unsigned char)(length * 8 >> 8);
    memcpy(m, block, sizeof m);
    struct md5 start = {{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
    uint32_t a = start.word[0], b = start.word[1], c = start.word[2], d = start.word[3];
    for (int i = 0; i < 64; i++) {
        uint32_t f;
        int g;
        switch (i / 16) {
        case 0: f = (b & c) | (~b & d), g = i; break;
        case 1: f = (d & b) | (~d & c), g = (5 * i + 1) % 16; break;
        case 2: f = b ^ c ^ d, g = (3 * i + 5) % 16; break;
        default: f = c ^ (b | ~d), g = 7 * i % 16;
        }
        uint32_t sum = a + f + sines[i] + m[g];
        int by = shifts[i / 16][i % 4];
        a = d, d = c, c = b, b += sum << by | sum >> (32 - by);
    }
    return (struct md5){
        {start.word[0] + a, start.word[1] + b, start.word[2] + c, start.word[3] + d}};
}

/* The text of a number: its letters, as digits of base 26. */
static size_t md5_text(unsigned long number, char text[16]) {
    size_t n = 0;
    do
        text[n++] = (char)('a' + number % 26);
    while (number /= 26);
    text[n] = '\0';
    return n;
}

/* The last number in [from, to) whose text has this digest, or -1. All are tried. */
static long md5_find(unsigned long from, unsigned long to, const struct md5 *wanted) {
    long found = -1;
    for (unsigned long i = from; i < to; i++) {
        char text[16];
        struct md5 digest = md5(text, md5_text(i, text));
        if (memcmp(&digest, wanted, sizeof digest) == 0)
            found = (long)i;
    }
    return found;
}

/* Prints what the parts of a search have found. */
static inline void md5_show(const long *found, int parts) {
    for (int i = 0; i < parts; i++)
        if (found[i] >= 0) {
            char text[16];
            md5_text((unsigned long)found[i], text);
            printf("part %d has it: %s\n", i, text);
        }
}

#endif
