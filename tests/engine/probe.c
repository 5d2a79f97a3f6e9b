// A small program to look around with from inside a container; static, so that any image runs it.
//   probe ids                 real and effective user, no_new_privs
//   probe calls 64|32|x32     every system call with arguments that are none: "NUMBER RESULT" a line
//   probe asks                the calls that filters decide by their arguments: "NAME RESULT" a line
//   probe fds                 the descriptors that are open
// RESULT is an errno, "ok", or "signal N".
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { fine = 200, calls_max = 600 };

#if defined(__x86_64__)
static inline __attribute__((always_inline)) long call_64(long nr, long a, long b, long c, long d, long e) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = -1;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
static inline __attribute__((always_inline)) long call_32(long nr, long a) {
    int result;
    __asm__ volatile("push %%rbx; push %%rbp; mov %%edx, %%ebx; mov %%edx, %%ebp; int $0x80; pop %%rbp; pop %%rbx"
                     : "=a"(result)
                     : "a"((int)nr), "d"((int)a), "c"((int)a), "S"((int)a), "D"((int)a)
                     : "r8", "r9", "r10", "r11", "memory");
    return result;
}
#endif

static void print(const char* name, int status) {
    if (WIFSIGNALED(status))
        printf("%s signal %d\n", name, WTERMSIG(status));
    else if (WEXITSTATUS(status) == fine)
        printf("%s ok\n", name);
    else
        printf("%s %d\n", name, WEXITSTATUS(status));
}

// A child for each: what ends or hangs the caller is an answer as well.
static pid_t begin(void) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct itimerval soon = {{0, 0}, {0, 300000}};
        setitimer(ITIMER_REAL, &soon, NULL);
    }
    return pid;
}

static void all_calls(const char* abi) {
#if defined(__x86_64__)
    for (long nr = 0; nr < calls_max; ++nr) {
        pid_t pid = begin();
        if (pid == 0) {
            long result;
            if (strcmp(abi, "32") == 0)
                result = call_32(nr, -1);
            else
                result = call_64(strcmp(abi, "x32") == 0 ? nr | 0x40000000 : nr, -1, -1, -1, -1, -1);
            call_64(SYS_exit_group, result < 0 && result > -200 ? -result : fine, 0, 0, 0, 0);
        }
        int status = 0;
        char name[16];
        waitpid(pid, &status, 0);
        snprintf(name, sizeof name, "%ld", nr);
        print(name, status);
    }
#else
    (void)abi;
#endif
}

static void ask(const char* name, long nr, long a, long b, long c, long d, long e) {
    pid_t pid = begin();
    if (pid == 0) {
        long result = syscall(nr, a, b, c, d, e);
        syscall(SYS_exit_group, result < 0 ? errno : fine);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    print(name, status);
}

static void asks(void) {
    static const struct {
        const char* name;
        long flags;
    } spaces[] = {{"mount", CLONE_NEWNS},  {"cgroup", CLONE_NEWCGROUP}, {"uts", CLONE_NEWUTS}, {"ipc", CLONE_NEWIPC},
                  {"user", CLONE_NEWUSER}, {"pid", CLONE_NEWPID},       {"net", CLONE_NEWNET}};
    char name[64];
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; ++i) {
        snprintf(name, sizeof name, "clone_%s", spaces[i].name);
        ask(name, SYS_clone, spaces[i].flags | SIGCHLD, 0, 0, 0, 0);
        snprintf(name, sizeof name, "unshare_%s", spaces[i].name);
        ask(name, SYS_unshare, spaces[i].flags, 0, 0, 0, 0);
    }
    ask("clone_plain", SYS_clone, SIGCHLD, 0, 0, 0, 0);
    static const long persons[] = {0, 8, 0x20000, 0x20008, 0xffffffff, 1, 0x40000, 0x400000};
    for (size_t i = 0; i < sizeof persons / sizeof *persons; ++i) {
        snprintf(name, sizeof name, "personality_%lx", persons[i]);
        ask(name, SYS_personality, persons[i], 0, 0, 0, 0);
    }
    for (long family = 0; family < 46; ++family) {
        snprintf(name, sizeof name, "socket_%ld", family);
        // A type that none has: what is let through answers something else than EPERM.
        ask(name, SYS_socket, family, 9999, 0, 0, 0);
    }
    ask("keyctl", SYS_keyctl, 0, -3, 0, 0, 0);
    ask("bpf", SYS_bpf, 0, 0, 0, 0, 0);
    ask("userfaultfd", SYS_userfaultfd, 1, 0, 0, 0, 0);
    ask("io_uring_setup", SYS_io_uring_setup, 1, 0, 0, 0, 0);
    ask("perf_event_open", SYS_perf_event_open, 0, 0, -1, -1, 0);
    ask("ptrace", SYS_ptrace, 0, 0, 0, 0, 0);
    ask("process_vm_readv", SYS_process_vm_readv, getpid(), 0, 0, 0, 0);
    ask("chroot", SYS_chroot, (long)"/", 0, 0, 0, 0);
    ask("sethostname", SYS_sethostname, (long)"x", 1, 0, 0, 0);
    ask("clone3", SYS_clone3, 0, 0, 0, 0, 0);
}

static void fds(void) {
    for (int fd = 0; fd < 4096; ++fd)
        if (fcntl(fd, F_GETFD) >= 0) printf("%d\n", fd);
}

int main(int argc, char** argv) {
    const char* mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "ids") == 0)
        printf("%d %d %d\n", (int)getuid(), (int)geteuid(), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    else if (strcmp(mode, "calls") == 0)
        all_calls(argc > 2 ? argv[2] : "64");
    else if (strcmp(mode, "asks") == 0)
        asks();
    else if (strcmp(mode, "fds") == 0)
        fds();
    else
        return 2;
    return 0;
}
