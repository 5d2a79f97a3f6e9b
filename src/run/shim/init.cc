#include "run/shim/init.h"

#include "run/shim/report.h"

#include <csignal>
#include <initializer_list>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

namespace run::shim {
namespace {

[[noreturn]] void run_program(char** argv, char** env, const sigset_t& before) {
    Reporter report(init_status_fd);
    ::fcntl(init_status_fd, F_SETFD, FD_CLOEXEC);
    // A job of its own on the terminal, as a shell would start it.
    ::setpgid(0, 0);
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGTTOU, &ignore, nullptr);
    ::tcsetpgrp(0, ::getpid());
    ignore.sa_handler = SIG_DFL;
    ::sigaction(SIGTTOU, &ignore, nullptr);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    ::execve(argv[1], argv + init_arguments, env);
    report.not_run(errno, argv[1]);
}

// Reaps all that has ended; ends with `program` when it did, as a shell tells its status.
void reap(pid_t program) {
    for (;;) {
        int status = 0;
        pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid <= 0) return;
        if (pid != program) continue;
        ::_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    }
}

}  // namespace

void run_init(char** argv, char** env) {
    ::prctl(PR_SET_NAME, "lighter-init", 0, 0, 0);
    // Signals that tell of our own faults stay as they are.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    for (int own : {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU})
        ::sigdelset(&all, own);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    pid_t program = ::fork();
    if (program < 0) Reporter(init_status_fd).fail(protocol::Step::exec, errno, "fork");
    if (program == 0) run_program(argv, env, before);
    ::close(init_status_fd);
    for (;;) {
        int signal = 0;
        if (::sigwait(&all, &signal) != 0) continue;
        if (signal == SIGCHLD)
            reap(program);
        else
            ::kill(program, signal);
    }
}

}  // namespace run::shim
