/* The same operations by the master on files of the host and by children on theirs, at the same time:
 * what they answer is the same, and children do not meet in what libc keeps. */
#define _GNU_SOURCE
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* What the operations answered. */
struct record {
    char text[4000];
    int len;
};

static struct record of_host, of_child[3];

static void say(struct record *r, const char *format, ...) {
    va_list args;
    va_start(args, format);
    r->len += vsnprintf(r->text + r->len, sizeof r->text - (size_t)r->len, format, args);
    va_end(args);
    CHECK(r->len < (int)sizeof r->text);
}

/* A name in a folder, until the block ends: a static one would be a conflict of the children. */
#define in(folder, name) written((char[80]){0}, folder, name)

static char *written(char *path, const char *folder, const char *name) {
    CHECK(sprintf(path, "%s/%s", folder, name) > 0);
    return path;
}

/* One answer a statement: the order in which arguments are evaluated is not C's. */
#define N(what) say(r, "%ld ", (long)(what))
#define S(what) say(r, "%s ", what)

static void forms(FILE *f, struct record *r, const char *first, ...) {
    va_list args, again[4];
    char text[40], *made = NULL;
    va_start(args, first);
    for (int i = 0; i < 4; i++)
        va_copy(again[i], args);
    va_end(args);
    N(vfprintf(f, first, again[0]));
    N(fflush(f));
    N(vdprintf(fileno(f), first, again[1]));
    N(fseek(f, 0, SEEK_END));
    N(vsprintf(text, first, again[2]));
    S(text);
    N(vasprintf(&made, first, again[3]));
    S(made);
    free(made);
    for (int i = 0; i < 4; i++)
        va_end(again[i]);
}

static void scans(FILE *f, struct record *r, const char *first, ...) {
    va_list args;
    va_start(args, first);
    N(vfscanf(f, first, args));
    va_end(args);
}

static void scans_text(const char *from, struct record *r, const char *first, ...) {
    va_list args;
    va_start(args, first);
    N(vsscanf(from, first, args));
    va_end(args);
}

static void streams(const char *folder, struct record *r) {
    char text[64] = "", *line = NULL, own[256];
    size_t room = 0;
    int n = 0;
    FILE *f = fopen(in(folder, "a"), "w+");
    CHECK(f && setvbuf(f, own, _IOFBF, sizeof own) == 0);
    N(fprintf(f, "%5.2f|%-6s|%+d\n", 3.14159, "left", 42));
    N(fflush(f));
    N(dprintf(fileno(f), "by its number\n"));
    N(fseek(f, 0, SEEK_END));
    N(fwrite("bytes\n", 1, 6, f));
    N(fputs("text\n", f) >= 0);
    N(putc('c', f));
    forms(f, r, "%d-%s;", 17, "form");
    N(ftell(f));
    N(ftello(f));
    rewind(f);
    while ((n = (int)getline(&line, &room, f)) > 0)
        say(r, "[%d %s]", n, line);
    free(line);
    N(feof(f) != 0);
    clearerr(f);
    N(feof(f));
    N(ferror(f));
    N(fseek(f, -5, SEEK_END));
    N(ftell(f));
    N(fgetc(f));
    N(getc(f));
    N(ungetc('U', f));
    N(ftell(f));
    N(fgetc(f));
    N(fseeko(f, 0, SEEK_SET));
    N(fread(text, 1, 7, f));
    S(text);
    S(fgets(text, sizeof text, f));
    N(fseek(f, 0, SEEK_CUR));
    N(fputc('x', f));
    N(fseek(f, -1, SEEK_SET));
    N(errno);
    N(fclose(f));

    CHECK((f = fopen(in(folder, "n"), "w")) && fputs("12 twelve 1e3 x", f) >= 0 && fclose(f) == 0);
    CHECK((f = fopen(in(folder, "a"), "r")) && (f = freopen(in(folder, "n"), "r", f)));
    double real = 0;
    scans(f, r, "%d %31s", &n, text);
    N(n);
    S(text);
    N(fscanf(f, "%lf", &real));
    N(real);
    N(fscanf(f, "%d", &n));
    N(putc('c', f));
    N(ferror(f) != 0);
    N(fclose(f));
    scans_text("-7 seven", r, "%d %31s", &n, text);
    N(n);
    S(text);

    int fd = open(in(folder, "n"), O_RDWR | O_APPEND);
    CHECK(fd >= 0 && (f = fdopen(fd, "a+")));
    N(fputs("more", f) >= 0);
    N(fflush(f));
    N(ftell(f));
    N(fclose(f));

    char memory[16] = "in memory";
    CHECK((f = fmemopen(memory, sizeof memory, "r+")));
    N(fscanf(f, "%31s", text));
    S(text);
    N(fseek(f, 3, SEEK_SET));
    N(fputs("!!", f) >= 0);
    N(fclose(f));
    S(memory);

    CHECK((f = tmpfile()) && fputs("for a while", f) >= 0);
    rewind(f);
    S(fgets(text, sizeof text, f));
    N(fclose(f));
    N(fopen(in(folder, "none"), "r") == NULL);
    N(errno);
    N(fopen(in(folder, "n"), "z") == NULL);
    N(errno);
    N(asprintf(&line, "%s %c %x", "made", 'c', 255));
    S(line);
    free(line);
}

static void files(const char *folder, struct record *r) {
    char text[32] = "";
    struct stat s;
    N(mkdir(in(folder, "d"), 0700));
    N(mkdir(in(folder, "d"), 0700));
    N(errno);
    int fd = open(in(folder, "d/x"), O_CREAT | O_EXCL | O_RDWR, 0600);
    CHECK(fd >= 0);
    N(write(fd, "0123456789", 10));
    N(lseek(fd, 4, SEEK_SET));
    N(read(fd, text, 3));
    S(text);
    N(fstat(fd, &s));
    N(s.st_size);
    N(close(fd));
    N(open(in(folder, "d/x"), O_CREAT | O_EXCL, 0600));
    N(errno);
    fd = open(in(folder, "d/r"), O_CREAT | O_EXCL, 0600);
    N(fd >= 0);
    N(write(fd, "no", 2));
    N(errno);
    N(close(fd));
    N(unlink(in(folder, "d/r")));
    N(link(in(folder, "d/x"), in(folder, "d/z")));
    N(link(in(folder, "d/x"), in(folder, "d/z")));
    N(errno);
    N(stat(in(folder, "d/z"), &s));
    N(s.st_nlink);
    N(rename(in(folder, "d/x"), in(folder, "d/y")));
    N(stat(in(folder, "d/x"), &s));
    N(errno);
    N(stat(in(folder, "d/y"), &s));
    N(s.st_size);
    N(rmdir(in(folder, "d")));
    N(errno);
    int all[256] = {0};
    DIR *d = opendir(in(folder, "d"));
    CHECK(d);
    for (struct dirent *e; (e = readdir(d));)
        all[(unsigned char)e->d_name[0]]++;
    say(r, "%d %d ", all['x'], all['y']);
    N(closedir(d));
    N(opendir(in(folder, "e")) == NULL);
    N(errno);
    unlink(in(folder, "d/z"));
    N(unlink(in(folder, "d/y")));
    N(unlink(in(folder, "d/y")));
    N(errno);
    N(remove(in(folder, "d")));
    N(remove(in(folder, "a")));
    N(remove(in(folder, "n")));
    N(read(-1, text, 1));
    N(errno);
}

static int by_value(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

/* What libc keeps in static memory; a seed makes it the same in every space. */
static void hidden(struct record *r) {
    char text[] = "a,b;c,,d", *rest = NULL;
    for (char *part = strtok(text, ","); part; part = strtok(NULL, ";,"))
        say(r, "%s.", part);
    char other[] = "x y";
    S(strtok_r(other, " ", &rest));
    S(rest);
    srand(5);
    srandom(6);
    srand48(7);
    int numbers[9], sorted = 1;
    for (int i = 0; i < 9; i++)
        numbers[i] = rand() % 100;
    N(numbers[8]);
    N(random());
    say(r, "%.6f ", drand48());
    srand(5);
    N(rand() % 100 == numbers[0]);
    qsort(numbers, 9, sizeof *numbers, by_value);
    for (int i = 1; i < 9; i++)
        sorted &= numbers[i - 1] <= numbers[i];
    N(sorted);
    S(setlocale(LC_ALL, NULL));
    S(setlocale(LC_ALL, "C"));
    N(setlocale(LC_ALL, "nowhere") == NULL);
    time_t day = 86400 * 365;
    char date[40];
    strftime(date, sizeof date, "%Y-%m-%d", gmtime(&day));
    S(date);
    N(getenv("NONE_OF_THIS_NAME") == NULL);
    char *block = calloc(3, 100);
    CHECK(block && (block = realloc(block, 70000)) && block[299] == 0);
    free(block);
    errno = 0;
    N(strtol("99999999999999999999", NULL, 10));
    N(errno);
}

/* What children see of time and of processes: the same in every run, whatever it is. */
static long times[3][5];

static void clocks(long *seen) {
    struct timeval day;
    struct timespec now;
    CHECK(gettimeofday(&day, NULL) == 0 && clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    seen[0] = day.tv_sec;
    seen[1] = day.tv_usec;
    seen[2] = now.tv_nsec;
    seen[3] = time(NULL) - day.tv_sec;
    seen[4] = getpid();
}

static void all(const char *folder, struct record *r) {
    streams(folder, r);
    files(folder, r);
    hidden(r);
    errno = ENOENT;
    perror(r == &of_host ? "host" : "child");
}

int main(void) {
    char host[] = "stdio-XXXXXX", folder[20];
    CHECK(mkdtemp(host));
    all(host, &of_host);
    CHECK(rmdir(host) == 0);
    for (int i = 0; i < 3; i++) {
        sprintf(folder, "/of/%d", i);
        CHECK(det_fs_mkdir(folder) == 0);
        if (det_fork(i) == 0) {
            all(folder, &of_child[i]);
            clocks(times[i]);
            det_exit(0);
        }
    }
    for (int i = 0; i < 3; i++) {
        CHECK(det_join(i) == 0);
        if (strcmp(of_child[i].text, of_host.text) != 0) {
            printf("host:\n%s\nchild %d:\n%s\n", of_host.text, i, of_child[i].text);
            return 1;
        }
    }
    fputs(of_host.text, stdout);
    for (int i = 0; i < 3; i++) {
        long *t = times[i];
        printf("\n%d: %ld.%06ld %ld %ld %ld\n", i, t[0], t[1], t[2], t[3], t[4]);
    }
    puts("stdio: ok");
    return 0;
}
