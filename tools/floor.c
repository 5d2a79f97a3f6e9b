// floor LOWER WORK N: what the kernel alone needs for a container. N times: clone into new mount, pid, uts, ipc, net
// and cgroup namespaces, an overlay over LOWER as the root, /proc, /dev, pivot_root, exec of /bin/true, wait.
// Prints the milliseconds of each round. `tools/bench` compiles it; nothing of the engine is in it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void must(int ok, const char* what) {
    if (ok) return;
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    _exit(70);
}

static void inside(const char* merged, const char* options) {
    must(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
    must(!mount("overlay", merged, "overlay", 0, options), "overlay");
    must(!chdir(merged), "chdir");
    must(!mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "proc");
    must(!mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755,size=64k"), "dev");
    must(!mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL), "sys");
    must(!syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(!umount2(".", MNT_DETACH), "umount");
    must(!chdir("/"), "chdir /");
    char* const arguments[] = {"true", NULL};
    char* const environment[] = {NULL};
    execve("/bin/true", arguments, environment);
    must(0, "exec");
}

static double now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

int main(int count, char** words) {
    if (count != 4) return 2;
    char upper[4096], work[4096], merged[4096], options[16384];
    for (int round = 0; round < atoi(words[3]); round++) {
        double start = now_ms();
        snprintf(upper, sizeof upper, "%s/u%d", words[2], round);
        snprintf(work, sizeof work, "%s/w%d", words[2], round);
        snprintf(merged, sizeof merged, "%s/m%d", words[2], round);
        must(!mkdir(upper, 0755) && !mkdir(work, 0755) && !mkdir(merged, 0755), "mkdir");
        snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s", words[1], upper, work);
        struct clone_args how = {.exit_signal = SIGCHLD,
                                 .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
                                          CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_VFORK};
        long child = syscall(SYS_clone3, &how, sizeof how);
        must(child >= 0, "clone3");
        if (child == 0) inside(merged, options);
        int status;
        must(waitpid((pid_t)child, &status, 0) == child && status == 0, "the child");
        printf("%.3f\n", now_ms() - start);
    }
    return 0;
}
