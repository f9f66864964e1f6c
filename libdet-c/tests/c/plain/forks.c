/* An ordinary program of processes: each tells by its status how many primes its range has. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 8, RANGE = 500 };

static int primes(int from, int to) {
    int count = 0;
    for (int n = from; n < to; n++) {
        int prime = n > 1;
        for (int d = 2; d * d <= n && prime; d++)
            prime = n % d != 0;
        count += prime;
    }
    return count;
}

int main(void) {
    pid_t pids[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        fflush(stdout);
        pids[i] = fork();
        if (pids[i] < 0)
            return perror("fork"), 1;
        if (pids[i] == 0) {
            int found = primes(i * RANGE, (i + 1) * RANGE);
            /* Each of the ways in which a child may end. */
            if (i % 3 == 0)
                exit(found);
            if (i % 3 == 1)
                _exit(found);
            return found;
        }
    }
    int total = 0, status;
    if (waitpid(pids[5], &status, 0) != pids[5] || !WIFEXITED(status))
        return 2;
    printf("%d: %d\n", 5, WEXITSTATUS(status));
    total += WEXITSTATUS(status);
    for (int left = CHILDREN - 1; left > 0; left--) {
        pid_t pid = wait(&status);
        if (pid < 0 || pid == pids[5] || !WIFEXITED(status))
            return 3;
        total += WEXITSTATUS(status);
    }
    if (wait(&status) != -1 || waitpid(pids[0], &status, WNOHANG) != -1)
        return 4;
    printf("%d primes\n", total);
    fflush(stdout);
    if (fork() == 0)
        exit(300);
    if (wait(&status) < 0)
        return 5;
    printf("%d\n", WEXITSTATUS(status));
    fflush(stdout);
    /* One that may still run is asked for. */
    pid_t pid = fork();
    if (pid == 0)
        exit(primes(0, 2000) & 0x7f);
    pid_t done;
    while ((done = waitpid(pid, &status, WNOHANG)) == 0) {
    }
    if (done != pid || !WIFEXITED(status))
        return 6;
    printf("%d\n", WEXITSTATUS(status));
    fflush(stdout);
    _Exit(7);
}
