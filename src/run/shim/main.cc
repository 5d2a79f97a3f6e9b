// lighter-shim EXEC_ROOT: parent of all containers of one engine. lighterd starts it with the
// listening socket as descriptor 3 and reads a word of trouble from its standard output.
#include "run/shim/child.h"
#include "run/shim/init.h"
#include "run/shim/mounts.h"
#include "run/shim/server.h"

#include <csignal>
#include <cstring>
#include <initializer_list>
#include <new>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace run::shim {
namespace {

constexpr int listener_fd = 3;
constexpr int sealed = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

[[noreturn]] void give_up(const char* what, int error) {
    char text[256];
    TextBuffer line(text, sizeof text);
    line.add("lighter-shim: ").add(what).add(": errno ").add_number(error < 0 ? -error : error);
    (void)!::write(1, text, std::strlen(text));
    ::_exit(1);
}

int need(int value, const char* what) {
    if (value < 0) give_up(what, value);
    return value;
}

// Runs on from a sealed copy in memory: a container that gets hold of /proc/PID/exe cannot write to
// it, and the file on disk is free to be replaced (CVE-2019-5736). Returns the copy's descriptor.
int run_sealed(char** argv) {
    int exe = need(result(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), "/proc/self/exe");
    int seals = ::fcntl(exe, F_GET_SEALS);
    if (seals >= 0 && (seals & sealed) == sealed) return exe;
    constexpr unsigned exec_allowed = 0x10;  // MFD_EXEC, since Linux 6.3
    int copy = ::memfd_create("lighter-shim", MFD_CLOEXEC | MFD_ALLOW_SEALING | exec_allowed);
    if (copy < 0) copy = ::memfd_create("lighter-shim", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    need(result(copy), "memfd_create");
    ssize_t moved = 0;
    while ((moved = ::sendfile(copy, exe, nullptr, 1 << 20)) > 0) {
    }
    need(result(moved), "copy of the program");
    need(result(::fcntl(copy, F_ADD_SEALS, sealed)), "seal");
    char* no_env[] = {nullptr};
    ::syscall(SYS_execveat, copy, "", argv, no_env, AT_EMPTY_PATH);
    give_up("exec of the sealed copy", errno);
}

// The shim's own root: an empty tmpfs with what children need, so that each clone of the mount
// namespace copies one mount and pins nothing of the host.
void enter_own_root(const char* exec_root) {
    need(result(::unshare(CLONE_NEWNS)), "mount namespace");
    need(result(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr)), "private mounts");
    Held place(need(result(::open(exec_root, O_PATH | O_DIRECTORY | O_CLOEXEC)), exec_root));
    Held root(need(make_filesystem("tmpfs", nullptr, {}, {}, MOUNT_ATTR_NOSUID), "tmpfs"));
    need(result(::mkdirat(root.get(), root_folder + 1, 0700)), "root folder");
    need(result(::mknodat(root.get(), null_device + 1, S_IFCHR | 0666, ::makedev(1, 3))), "null");
    need(attach(root.get(), place.get()), "root");
    need(result(::fchdir(root.get())), "root");
    need(result(::syscall(SYS_pivot_root, ".", ".")), "pivot_root");
    need(result(::umount2(".", MNT_DETACH)), "old root");
    need(result(::chdir("/")), "root");
    need(set_attributes(root.get(), 0, 0, false, MS_PRIVATE), "root");
}

// Out of the group of whoever started lighterd: a service manager that stops it would end every
// container with it. Where it cannot be (no cgroups, nested) it stays.
void leave_cgroup() {
    for (const char* path : {"/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/unified/cgroup.procs",
                             "/sys/fs/cgroup/systemd/cgroup.procs"}) {
        Held procs(result(::open(path, O_WRONLY | O_CLOEXEC)));
        if (procs.good()) (void)!::write(procs.get(), "0", 1);
    }
}

void never_first_out_of_memory() {
    Held file(result(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)));
    if (file.good()) (void)!::write(file.get(), "-999", 4);
}

int block_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP})
        ::sigaddset(&signals, number);
    ::sigprocmask(SIG_SETMASK, &signals, nullptr);
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, nullptr);
    return need(result(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)), "signalfd");
}

// As many descriptors as allowed for us; what was allowed before is what containers get.
void raise_limits(Tools& tools) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    tools.files_soft = files.rlim_cur;
    tools.files_hard = files.rlim_max;
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

Server& server(const Tools& tools, int signals) {
    // Big: its pages are touched as they are needed. Never to be destroyed.
    alignas(Server) static char place[sizeof(Server)];
    return *new (place) Server(tools, listener_fd, signals);
}

int run(char** argv) {
    Tools tools;
    tools.exe = run_sealed(argv);
    ::prctl(PR_SET_NAME, "lighter-shim", 0, 0, 0);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    ::umask(0);
    need(result(::fcntl(listener_fd, F_SETFD, FD_CLOEXEC)), "no socket handed over");
    if (argv[1] == nullptr || argv[1][0] != '/') give_up("usage: lighter-shim EXEC_ROOT", EINVAL);
    never_first_out_of_memory();
    leave_cgroup();
    raise_limits(tools);
    int signals = block_signals();
    int folder = need(result(::open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC)), argv[1]);
    tools.own_pid_ns =
        need(result(::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC)), "pid namespace");
    enter_own_root(argv[1]);
    tools.proc = need(make_filesystem("proc", nullptr, {}, {}, 0), "proc");
    tools.null = need(result(::open(null_device, O_RDWR | O_CLOEXEC)), "null");
    // All that can fail is done. The one lighterd waits for ends, the other goes on by itself.
    pid_t child = need(result(::fork()), "fork");
    if (child != 0) ::_exit(0);
    ::setsid();
    for (int fd = 0; fd < 3; ++fd)
        ::dup2(tools.null, fd);
    server(tools, signals).serve(folder);
    return 0;
}

}  // namespace
}  // namespace run::shim

int main(int argc, char** argv, char** env) {
    if (argc > 2 && std::strcmp(argv[0], "lighter-init") == 0) run::shim::run_init(argv, env);
    if (argc < 1) return 1;
    return run::shim::run(argv);
}
