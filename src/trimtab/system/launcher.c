/* Runs one program and reports what it took: `trimtab-launch REPORT PROGRAM ARGUMENT...`

   A child's peak memory counts from its start as a copy of its parent, so it cannot be told below what the parent has.
   This parent has a few hundred KiB. It is the subreaper of all that the program starts: processes that nobody waited
   for become its children, so that their CPU time is known, and those that are still running when the program has
   ended, and a tenth of a second later, are killed.

   REPORT becomes one line: `exec ERRNO` where the program cannot be started, else
   `STATUS WALL_NS USER_US SYSTEM_US PEAK_KIB FAULTS ENDED OWN_KIB`: the status as of wait(2), the monotonic clock from
   before the start until the program was waited for, CPU time, peak and faults of all processes (the peak is that of
   the largest), how many were still running and were killed, and the peak of this launcher. */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const long long GRACE_NS = 100000000LL, PATIENCE_NS = 5000000000LL;

static long long user_us, system_us, faults, peak_kib;

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void add(const struct rusage *usage) {
    user_us += usage->ru_utime.tv_sec * 1000000LL + usage->ru_utime.tv_usec;
    system_us += usage->ru_stime.tv_sec * 1000000LL + usage->ru_stime.tv_usec;
    faults += usage->ru_minflt + usage->ru_majflt;
    if (usage->ru_maxrss > peak_kib) peak_kib = usage->ru_maxrss;
}

/* getrusage would count the peak of whoever started this launcher. */
static long own_peak_kib(void) {
    char text[4096];
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);
    if (file >= 0) close(file);
    text[length > 0 ? length : 0] = 0;
    char *line = strstr(text, "VmHWM:");
    return line ? atol(line + 6) : 0;
}

static void kill_children(void) {
    DIR *all = opendir("/proc");
    if (!all) return;
    for (struct dirent *entry; (entry = readdir(all));) {
        char path[300], text[512];
        pid_t pid = atoi(entry->d_name);
        if (pid <= 1) continue;
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0) continue;
        ssize_t length = read(file, text, sizeof text - 1);
        close(file);
        text[length > 0 ? length : 0] = 0;
        char *rest = strrchr(text, ')'); /* the name before it may hold anything */
        if (rest && strlen(rest) > 4 && atoi(rest + 4) == getpid()) kill(pid, SIGKILL);
    }
    closedir(all);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    int report = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (report < 0) return 2;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    long own = own_peak_kib();
    volatile int failed = 0;
    int status = 0, ended = 0;
    struct rusage usage;
    long long start = now_ns();
    pid_t program = vfork();
    if (program < 0) failed = errno;
    if (program == 0) {
        setpgid(0, 0); /* a program that kills its process group does not kill its launcher */
        if (strchr(argv[2], '/'))
            execv(argv[2], argv + 2); /* unlike execvp, it hands no foreign program to a shell */
        else
            execvp(argv[2], argv + 2);
        failed = errno;
        _exit(127);
    }
    if (failed) {
        dprintf(report, "exec %d\n", failed);
        return 0;
    }
    for (;;) {
        int other;
        pid_t pid = wait4(-1, &other, 0, &usage);
        if (pid < 0 && errno == EINTR) continue;
        if (pid < 0) return 2;
        add(&usage);
        if (pid == program) {
            status = other;
            break;
        }
    }
    long long end = now_ns(), pause = 100000;
    for (;;) {
        pid_t pid = wait4(-1, NULL, WNOHANG, &usage);
        long long late = now_ns() - end - GRACE_NS;
        if (pid < 0 && errno != EINTR) break;
        if (pid > 0) {
            add(&usage);
            ended += late > 0;
            continue;
        }
        if (late > PATIENCE_NS) break;
        if (late > 0) kill_children();
        struct timespec nap = {0, pause};
        nanosleep(&nap, NULL);
        if (pause < 5000000) pause *= 2;
    }
    dprintf(report, "%d %lld %lld %lld %lld %lld %d %ld\n", status, end - start, user_us, system_us, peak_kib, faults,
            ended, own);
    return 0;
}
