/* deadline: run a command, and report what it used; stop it when it takes too long.
 *
 *     deadline 90 cargo build --release
 *
 * Prints wall time, processor time and the largest resident set to standard error. Exit status: that of the
 * command, 124 after the deadline, 125 when deadline itself failed, 128 + N after signal N.
 */

#define _DEFAULT_SOURCE

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t expired;
static volatile pid_t child;

static void on_alarm(int signal_number)
{
    (void)signal_number;
    if (expired) {
        /* It had its chance to clean up. */
        kill(-child, SIGKILL);
        return;
    }
    expired = 1;
    kill(-child, SIGTERM);
    alarm(5);
}

static double to_seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double now(void)
{
    struct timeval time;
    gettimeofday(&time, NULL);
    return to_seconds(time);
}

static int fail(const char *what)
{
    fprintf(stderr, "deadline: %s: %s\n", what, strerror(errno));
    return 125;
}

static void report(double wall)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    fprintf(stderr, "wall %.2f s, user %.2f s, system %.2f s, memory %ld kB\n", wall,
            to_seconds(usage.ru_utime), to_seconds(usage.ru_stime), usage.ru_maxrss);
}

static int status_of(int status)
{
    if (expired)
        return 124;
    if (WIFSIGNALED(status))
        return 128 + WTERMSIG(status);
    return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    struct sigaction action;
    char *end;
    long limit;
    double start;
    int status;

    if (argc < 3) {
        fprintf(stderr, "usage: deadline SECONDS COMMAND [ARGUMENT...]\n");
        return 125;
    }
    limit = strtol(argv[1], &end, 10);
    if (*end || limit <= 0 || limit > 7 * 24 * 3600L) {
        fprintf(stderr, "deadline: %s is no number of seconds\n", argv[1]);
        return 125;
    }

    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGALRM, &action, NULL) != 0)
        return fail("sigaction");

    start = now();
    child = fork();
    if (child < 0)
        return fail("fork");
    if (child == 0) {
        /* A group of its own, so that the whole family can be stopped. */
        setpgid(0, 0);
        execvp(argv[2], argv + 2);
        fprintf(stderr, "deadline: %s: %s\n", argv[2], strerror(errno));
        _exit(errno == ENOENT ? 127 : 126);
    }
    setpgid(child, child);
    alarm((unsigned)limit);
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return fail("waitpid");
    }
    alarm(0);
    report(now() - start);
    return status_of(status);
}
