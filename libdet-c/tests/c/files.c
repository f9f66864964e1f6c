/* Files of children, from the master. */
#include "check.h"
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *name, const char *text) {
    FILE *f = fopen(name, "w");
    CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void holds(const char *name, const char *text) {
    char line[100] = "";
    FILE *f = fopen(name, "r");
    CHECK(f && fgets(line, sizeof line, f) && strcmp(line, text) == 0);
    fclose(f);
}

static void nothing(void *arg) {
    (void)arg;
}

/* Runs the rest of a block in a child. */
#define IN_A_CHILD(block)                                                                        \
    do {                                                                                         \
        if (det_fork(1) == 0) {                                                                  \
            block;                                                                               \
            det_exit(5);                                                                         \
        }                                                                                        \
        CHECK(det_join(1) == 5);                                                                 \
    } while (0)

int main(void) {
    char dir[] = "files-XXXXXX", in[60], out[60], image[60];
    CHECK(mkdtemp(dir));
    snprintf(in, sizeof in, "%s/in", dir);
    snprintf(out, sizeof out, "%s/out", dir);
    snprintf(image, sizeof image, "%s/image", dir);

    /* Without a tree children have no files. */
    if (det_fork(1) == 0) {
        fopen("/a", "w");
        det_exit(0);
    }
    CHECK(det_join(1) == -1 && errno == EIO);

    put(in, "of the host");
    CHECK(det_fs_import(in, "/deep/in") == 0);
    IN_A_CHILD(holds("/deep/in", "of the host"); put("/deep/in", "of a child"));
    holds(in, "of the host");
    CHECK(det_fs_export("/deep/in", out) == 0);
    holds(out, "of a child");

    CHECK(det_fs_save(image) == 0);
    /* Not under children that have another. */
    CHECK(det_fork_fn(2, nothing, NULL) == 0);
    CHECK(det_fs_load(image) == -1 && errno == EBUSY);
    CHECK(det_join(2) == 0);
    IN_A_CHILD(CHECK(remove("/deep/in") == 0));
    CHECK(det_fs_export("/deep/in", out) == -1 && errno == ENOENT);
    CHECK(det_fs_load(image) == 0);
    IN_A_CHILD(holds("/deep/in", "of a child"));

    CHECK(det_fs_mkdir("/made/of/these") == 0);
    IN_A_CHILD(struct stat s; CHECK(stat("/made/of/these", &s) == 0 && S_ISDIR(s.st_mode)));

    /* What was merged before a child starts is no change beside its own; what is merged after is. */
    IN_A_CHILD(put("/twice", "once"));
    if (det_fork(2) == 0)
        det_exit(0);
    IN_A_CHILD(put("/twice", "twice"));
    if (det_fork(3) == 0) {
        put("/twice", "too late");
        det_exit(0);
    }
    IN_A_CHILD(put("/twice", "thrice"));
    CHECK(det_join(2) == 0 && det_join(3) == -1 && errno == ECANCELED);
    IN_A_CHILD(holds("/twice", "thrice"));

    /* What cannot be. */
    CHECK(det_fs_import("/nonesuch", "/x") == -1 && errno == ENOENT);
    CHECK(det_fs_import(NULL, "/x") == -1 && errno == EFAULT);
    CHECK(det_fs_export("/deep/in", NULL) == -1 && errno == EFAULT);
    CHECK(det_fs_load(in) == -1 && errno == EINVAL);
    CHECK(strstr(det_strerror(errno), "det_fs_load"));
    IN_A_CHILD(CHECK(det_fs_mkdir("/x") == -1 && errno == EPERM));

    CHECK(remove(in) == 0 && remove(out) == 0 && remove(image) == 0 && rmdir(dir) == 0);
    puts("files: ok");
    return 0;
}
