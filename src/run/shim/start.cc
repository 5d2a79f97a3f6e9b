#include "run/shim/start.h"

#include "run/shim/child.h"
#include "run/shim/mounts.h"

#include <csignal>
#include <cstring>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>

namespace run::shim {

using namespace protocol;

namespace {

// The specification in memory, as long as it is needed.
class Mapping {
public:
    // Only sealed memory is looked at: what was checked must not change before it is used.
    Mapping(int fd, std::size_t fd_count) {
        int wanted = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
        int seals = ::fcntl(fd, F_GET_SEALS);
        struct stat info;
        if (seals < 0 || (seals & wanted) != wanted || ::fstat(fd, &info) < 0) return;
        if (info.st_size <= 0 || info.st_size > std::int64_t(spec_bytes_max)) return;
        bytes_ = static_cast<std::size_t>(info.st_size);
        memory_ = ::mmap(nullptr, bytes_, PROT_READ, MAP_PRIVATE, fd, 0);
        if (memory_ != MAP_FAILED) view_ = View::check(memory_, bytes_, fd_count);
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() {
        if (memory_ != MAP_FAILED) ::munmap(memory_, bytes_);
    }
    const View& view() const { return view_; }

private:
    void* memory_ = MAP_FAILED;
    std::size_t bytes_ = 0;
    View view_;
};

bool failed(Process& process, Step step, int error, const char* what) {
    process.failure.step = step;
    process.failure.error = -error;
    TextBuffer(process.failure.text, sizeof process.failure.text).add(what);
    return false;
}

// The container's own devpts, made before the clone so that its first terminal is ours to open: no
// path of the container is involved (CVE-2025-52565).
int make_devpts(const View& view) {
    const Spec& spec = view.spec();
    for (std::uint32_t i = 0; i < spec.mounts.count; ++i) {
        const MountEntry& mount = view.items(spec.mounts)[i];
        if (mount.kind == MountKind::filesystem &&
            std::strcmp(view.text(mount.type), "devpts") == 0)
            return make_filesystem("devpts", "devpts", mount.options, view, mount.attributes_set);
    }
    return -ENOENT;
}

struct Ends {
    Held child[3];
    Held devpts;
};

bool make_terminal(const View& view, Process& process, const Ends& ends, Held& slave) {
    int devpts = ends.devpts.get();
    Held own;
    if (devpts < 0) {
        // /dev or /dev/pts is a mount of the user's: a terminal nobody else sees.
        own.reset(make_filesystem("devpts", "devpts", {}, view, 0));
        devpts = own.get();
        if (devpts < 0) return failed(process, Step::terminal, devpts, "devpts");
    }
    int master = result(::openat(devpts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (master < 0) return failed(process, Step::terminal, master, "ptmx");
    process.out[0].fd = master;
    process.terminal = true;
    int unlock = 0;
    if (::ioctl(master, TIOCSPTLCK, &unlock) < 0)
        return failed(process, Step::terminal, -errno, "unlockpt");
    slave.reset(result(::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)));
    if (!slave.good()) return failed(process, Step::terminal, slave.get(), "terminal");
    const Spec& spec = view.spec();
    if (spec.rows != 0 || spec.columns != 0) {
        winsize size{.ws_row = spec.rows, .ws_col = spec.columns, .ws_xpixel = 0, .ws_ypixel = 0};
        ::ioctl(master, TIOCSWINSZ, &size);
    }
    return true;
}

bool make_pipes(const View& view, const Tools& tools, Process& process, Ends& ends) {
    int pair[2];
    if (view.has(spec_open_stdin)) {
        if (::pipe2(pair, O_CLOEXEC) < 0) return failed(process, Step::terminal, -errno, "pipe");
        ends.child[0].reset(pair[0]);
        process.stdin_ = pair[1];
    } else {
        ends.child[0].reset(result(::fcntl(tools.null, F_DUPFD_CLOEXEC, 3)));
        if (!ends.child[0].good())
            return failed(process, Step::terminal, ends.child[0].get(), "null");
    }
    for (int i = 0; i < 2; ++i) {
        if (::pipe2(pair, O_CLOEXEC) < 0) return failed(process, Step::terminal, -errno, "pipe");
        process.out[i].fd = pair[0];
        ends.child[i + 1].reset(pair[1]);
    }
    return true;
}

// clone3 as fork: the child goes on in its copy of this frame.
pid_t clone_process(const Start& start) {
    const Spec& spec = start.view.spec();
    clone_args args{};
    args.exit_signal = SIGCHLD;
    if (!start.view.has(spec_exec)) {
        args.flags = CLONE_NEWNS;
        if (start.view.has(spec_fresh_pid)) args.flags |= CLONE_NEWPID;
        if (start.view.has(spec_fresh_ipc)) args.flags |= CLONE_NEWIPC;
        if (start.view.has(spec_fresh_uts)) args.flags |= CLONE_NEWUTS;
        if (start.view.has(spec_fresh_network)) args.flags |= CLONE_NEWNET;
    }
    if (start.view.has(spec_clone_into_cgroup)) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = static_cast<std::uint64_t>(start.fds[spec.attach_first]);
    }
    return result(::syscall(SYS_clone3, &args, sizeof args));
}

// The child of a process that entered another pid namespace lives there; we come back at once.
pid_t clone_in_namespace(const Tools& tools, const Start& start) {
    const Spec& spec = start.view.spec();
    std::int32_t index = start.view.has(spec_exec) ? spec.join_pidfd : spec.pid_namespace;
    if (index < 0) return clone_process(start);
    int entered = result(::setns(start.fds[index], CLONE_NEWPID));
    if (entered < 0) return entered;
    pid_t pid = clone_process(start);
    if (pid != 0) ::setns(tools.own_pid_ns, CLONE_NEWPID);
    return pid;
}

}  // namespace

bool start_process(const Tools& tools, Table& table, Process& process, const int* fds,
                   std::size_t fd_count) {
    if (fd_count == 0) return failed(process, Step::receive, -EBADMSG, "no specification");
    Mapping mapping(fds[0], fd_count - 1);
    if (!mapping.view()) return failed(process, Step::receive, -EBADMSG, "specification");
    const View& view = mapping.view();
    Ends ends;
    if (view.has(spec_exec)) {
        Process* container = table.find(view.text(view.spec().target));
        if (container != nullptr && container->devpts >= 0)
            ends.devpts.reset(result(::fcntl(container->devpts, F_DUPFD_CLOEXEC, 3)));
    } else {
        ends.devpts.reset(make_devpts(view));
        if (!ends.devpts.good() && ends.devpts.get() != -ENOENT)
            return failed(process, Step::terminal, ends.devpts.get(), "devpts");
    }
    Start start{.view = view, .fds = fds + 1, .devpts = ends.devpts.get(), .exe = tools.exe};
    start.files_soft = tools.files_soft;
    start.files_hard = tools.files_hard;
    if (view.has(spec_terminal)) {
        if (!make_terminal(view, process, ends, ends.child[0])) return false;
        for (int& fd : start.stdio)
            fd = ends.child[0].get();
    } else {
        if (!make_pipes(view, tools, process, ends)) return false;
        for (int i = 0; i < 3; ++i)
            start.stdio[i] = ends.child[i].get();
    }
    int status[2];
    if (::pipe2(status, O_CLOEXEC | O_NONBLOCK) < 0)
        return failed(process, Step::clone, -errno, "pipe");
    process.status = status[0];
    Held status_end(status[1]);
    start.status = status[1];
    pid_t pid = clone_in_namespace(tools, start);
    if (pid == 0) run_child(start);
    if (pid < 0) return failed(process, Step::clone, pid, "clone");
    process.pid = pid;
    if (view.has(spec_exec)) return true;
    // Held so that taking the mounts down happens when lighterd lets go of it, not in the exit.
    char path[32];
    TextBuffer(path, sizeof path).add_number(pid).add("/ns/mnt");
    process.mount_namespace = result(::openat(tools.proc, path, O_RDONLY | O_CLOEXEC));
    process.devpts = ends.devpts.release();
    return true;
}

}  // namespace run::shim
