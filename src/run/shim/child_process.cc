// Who the process is: limits, stdio, user, capabilities, filter, and the program found in its PATH.
// Order matters and is told at each step.
#include "run/shim/child.h"
#include "run/shim/init.h"
#include "run/shim/mounts.h"

#include <climits>
#include <csignal>
#include <cstring>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace run::shim {

using namespace protocol;

namespace {

void set_limits(const Start& start, const Reporter& report) {
    rlimit files{.rlim_cur = start.files_soft, .rlim_max = start.files_hard};
    char number[16];
    TextBuffer(number, sizeof number).add_number(RLIMIT_NOFILE);
    report.check(result(::setrlimit(RLIMIT_NOFILE, &files)), Step::rlimit, number);
    const Spec& spec = start.view.spec();
    for (std::uint32_t i = 0; i < spec.rlimits.count; ++i) {
        const RlimitEntry& entry = start.view.items(spec.rlimits)[i];
        rlimit limit{.rlim_cur = entry.soft, .rlim_max = entry.hard};
        int done = result(::setrlimit(static_cast<__rlimit_resource_t>(entry.resource), &limit));
        TextBuffer(number, sizeof number).add_number(entry.resource);
        report.check(done, Step::rlimit, number);
    }
}

struct CapabilitySets {
    std::uint64_t permitted;
    std::uint64_t effective;
    std::uint64_t inheritable;
};

int set_capabilities(const CapabilitySets& sets) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct data[2] = {};
    for (int half = 0; half < 2; ++half) {
        data[half].permitted = static_cast<std::uint32_t>(sets.permitted >> (32 * half));
        data[half].effective = static_cast<std::uint32_t>(sets.effective >> (32 * half));
        data[half].inheritable = static_cast<std::uint32_t>(sets.inheritable >> (32 * half));
    }
    return result(::syscall(SYS_capset, &header, data));
}

std::uint64_t permitted_now() {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct data[2] = {};
    if (::syscall(SYS_capget, &header, data) < 0) return 0;
    return data[0].permitted | static_cast<std::uint64_t>(data[1].permitted) << 32;
}

// Bounding set, groups and ids. Permitted capabilities stay (PR_SET_KEEPCAPS): the filter that is
// still to be installed needs CAP_SYS_ADMIN.
void become_user(const Start& start, const Reporter& report) {
    const Spec& spec = start.view.spec();
    for (unsigned long capability = 0; capability < 64; ++capability) {
        if ((spec.bounding >> capability & 1) != 0) continue;
        int done = result(::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0));
        if (done == -EINVAL) break;  // the kernel knows no more
        report.check(done, Step::user, "bounding set");
    }
    report.check(result(::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)), Step::user, "keepcaps");
    static_assert(sizeof(gid_t) == sizeof(std::uint32_t));
    report.check(result(::setgroups(spec.gids.count, start.view.items(spec.gids))), Step::user,
                 "setgroups");
    report.check(result(::setresgid(spec.gid, spec.gid, spec.gid)), Step::user, "setgid");
    report.check(result(::setresuid(spec.uid, spec.uid, spec.uid)), Step::user, "setuid");
    report.check(result(::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0)), Step::user, "keepcaps");
}

// What the program will have in effect, while permitted still has all: lookups that follow are
// allowed what the program is allowed.
void narrow_capabilities(const Start& start, const Reporter& report) {
    const Spec& spec = start.view.spec();
    CapabilitySets sets{permitted_now(), spec.effective, spec.inheritable};
    report.check(set_capabilities(sets), Step::capabilities, "capset");
    for (unsigned long capability = 0; capability < 64; ++capability)
        if ((spec.ambient >> capability & 1) != 0)
            report.check(result(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)),
                         Step::capabilities, "ambient");
}

// The working directory, free of magic links: /proc/self/fd/N must not lead to what the host has
// open (CVE-2024-21626); and it must lie below our root.
void enter_cwd(const Start& start, const Reporter& report) {
    const char* cwd = start.view.text(start.view.spec().cwd);
    int folder = open2(AT_FDCWD, cwd, O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS);
    report.check(folder, Step::cwd, cwd);
    report.check(result(::fchdir(folder)), Step::cwd, cwd);
    ::close(folder);
    char path[PATH_MAX];
    int length = result(::syscall(SYS_getcwd, path, sizeof path));
    if (length == -ERANGE) return;  // deep, but inside: the kernel found its way to the root
    report.check(length, Step::cwd, cwd);
    if (path[0] != '/') report.fail(Step::cwd, ENOENT, cwd);
}

// 0, or why this file cannot be run.
int executable(const char* path) {
    struct stat info;
    if (::stat(path, &info) < 0) return -errno;
    if (S_ISDIR(info.st_mode)) return -EISDIR;
    return result(::syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS));
}

// Go's exec.LookPath: the first runnable file of PATH; the text says which of its errors it is.
void look_up(const Start& start, const Reporter& report, char* found, std::size_t size) {
    const Spec& spec = start.view.spec();
    const char* name = start.view.text(start.view.items(spec.args)[0]);
    if (std::strlen(name) >= size) report.fail(Step::lookup, ENAMETOOLONG, name);
    if (std::strchr(name, '/') != nullptr) {
        report.check(executable(name), Step::lookup, name);
        std::strcpy(found, name);
        return;
    }
    const char* path = "";
    for (std::uint32_t i = 0; i < spec.env.count; ++i) {
        const char* variable = start.view.text(start.view.items(spec.env)[i]);
        if (std::strncmp(variable, "PATH=", 5) == 0) path = variable + 5;
    }
    while (*path != 0 && *name != 0) {
        std::size_t length = std::strcspn(path, ":");
        if (length + std::strlen(name) + 2 < size) {
            std::memcpy(found, path, length);
            if (length == 0) found[length++] = '.';
            found[length] = '/';
            std::strcpy(found + length + 1, name);
            if (executable(found) == 0) return;
        }
        path += std::strcspn(path, ":");
        if (*path == ':') ++path;
    }
    // No error number of its own: "executable file not found in $PATH".
    report.fail(Step::lookup, 0, name);
}

void install_filter(const Start& start, const Reporter& report) {
    const Spec& spec = start.view.spec();
    if (start.view.has(spec_no_new_privileges))
        report.check(result(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)), Step::seccomp,
                     "no_new_privs");
    if (spec.seccomp.count > 0) {
        static_assert(sizeof(FilterEntry) == sizeof(sock_filter));
        if (!start.view.has(spec_no_new_privileges)) {
            CapabilitySets sets{permitted_now(), spec.effective | 1ULL << CAP_SYS_ADMIN,
                                spec.inheritable};
            report.check(set_capabilities(sets), Step::seccomp, "capset");
        }
        // The kernel only reads the program.
        sock_fprog program{.len = static_cast<unsigned short>(spec.seccomp.count),
                           .filter = reinterpret_cast<sock_filter*>(
                               const_cast<FilterEntry*>(start.view.items(spec.seccomp)))};
        report.check(result(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)),
                     Step::seccomp, "filter");
    }
    CapabilitySets sets{spec.permitted, spec.effective, spec.inheritable};
    report.check(set_capabilities(sets), Step::capabilities, "capset");
}

// Null-ended arrays of pointers into the specification, for execve.
const char** pointers(const Start& start, List<Text> list, const Reporter& report,
                      std::uint32_t room = 0) {
    std::size_t size = (std::size_t(list.count) + room + 1) * sizeof(char*);
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) report.fail(Step::exec, errno, "memory");
    auto** array = static_cast<const char**>(memory);
    for (std::uint32_t i = 0; i < list.count; ++i)
        array[room + i] = start.view.text(start.view.items(list)[i]);
    return array;
}

// Without a stdin: the container's own null device, which has a name inside. /dev is ours still.
int stdin_of(const Start& start) {
    if (start.view.has(spec_terminal) || start.view.has(spec_open_stdin) ||
        !start.view.has(spec_fresh_dev))
        return start.stdio[0];
    int own = open2(AT_FDCWD, "/dev/null", O_RDWR | O_NOFOLLOW | O_NOCTTY, RESOLVE_NO_MAGICLINKS);
    if (own >= 0 && is_null_device(own)) return own;
    close_fd(own);
    return start.stdio[0];
}

}  // namespace

void take_stdio(const Start& start, Reporter& report) {
    const Spec& spec = start.view.spec();
    const int stdio[3] = {stdin_of(start), start.stdio[1], start.stdio[2]};
    for (int i = 0; i < 3; ++i) {
        // Ours, so that a user who is not root may open /dev/stderr. Not the null device: it
        // belongs to everybody.
        struct stat info;
        report.check(result(::fstat(stdio[i], &info)), Step::stdio, "fstat");
        bool own = S_ISFIFO(info.st_mode) || start.view.has(spec_terminal);
        if (own && info.st_uid != spec.uid)
            report.check(result(::fchown(stdio[i], spec.uid, static_cast<gid_t>(-1))), Step::stdio,
                         "fchown");
        report.check(result(::dup2(stdio[i], i)), Step::stdio, "dup2");
    }
    if (start.view.has(spec_terminal))
        report.check(result(::ioctl(0, TIOCSCTTY, 0)), Step::stdio, "controlling terminal");
    // From here on only 0, 1, 2, the status pipe and, for --init, our program; first out of each
    // other's way.
    constexpr int clear = 16;
    int status =
        report.check(result(::fcntl(report.pipe(), F_DUPFD_CLOEXEC, clear)), Step::stdio, "dup");
    int exe = report.check(result(::fcntl(start.exe, F_DUPFD_CLOEXEC, clear)), Step::stdio, "dup");
    report.moved(status);
    report.check(result(::dup3(status, init_status_fd, start.view.has(spec_init) ? 0 : O_CLOEXEC)),
                 Step::stdio, "dup");
    report.moved(init_status_fd);
    if (start.view.has(spec_init))
        report.check(result(::dup3(exe, init_exe_fd, O_CLOEXEC)), Step::stdio, "dup");
    unsigned first = start.view.has(spec_init) ? init_exe_fd + 1U : init_status_fd + 1U;
    report.check(result(::close_range(first, ~0U, 0)), Step::stdio, "close_range");
    ::umask(spec.umask);
}

void become(const Start& start, const Reporter& report) {
    const Spec& spec = start.view.spec();
    set_limits(start, report);
    become_user(start, report);
    narrow_capabilities(start, report);
    enter_cwd(start, report);
    char program[PATH_MAX];
    look_up(start, report, program, sizeof program);
    bool init = start.view.has(spec_init);
    const char** args = pointers(start, spec.args, report, init ? init_arguments : 0);
    const char** env = pointers(start, spec.env, report);
    install_filter(start, report);
    if (init) {
        args[0] = "lighter-init";
        args[1] = program;
        ::syscall(SYS_execveat, init_exe_fd, "", args, env, AT_EMPTY_PATH);
    } else {
        ::execve(program, const_cast<char**>(args), const_cast<char**>(env));
    }
    report.not_run(errno, program);
}

void run_child(const Start& start) {
    Reporter report(start.status);
    // What the shim blocks and ignores is the shim's business.
    struct sigaction normal {};
    normal.sa_handler = SIG_DFL;
    ::sigaction(SIGPIPE, &normal, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    enter_cgroup(start, report);
    if (start.view.has(spec_exec)) {
        join_container(start, report);
    } else {
        join_namespaces(start, report);
        build_root(start, report);
    }
    report.check(result(::setsid()), Step::stdio, "setsid");
    take_stdio(start, report);
    become(start, report);
}

}  // namespace run::shim
