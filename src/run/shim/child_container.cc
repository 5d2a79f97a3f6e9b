// The box around the process: from the shim's empty root to the container's own.
#include "run/shim/child.h"
#include "run/shim/mounts.h"
#include "run/shim/paths.h"

#include <cstring>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace run::shim {

using namespace protocol;

namespace {

const char* text(const Start& start, Text value) {
    return start.view.text(value);
}

int fd_at(const Start& start, std::int32_t index) {
    return index < 0 ? -1 : start.fds[index];
}

void join(const Start& start, const Reporter& report, std::int32_t index, int type,
          const char* name) {
    if (index >= 0) report.check(result(::setns(fd_at(start, index), type)), Step::join, name);
}

// A network namespace of our own has its loopback down.
void loopback_up(const Reporter& report) {
    Held socket(result(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
    report.check(socket.get(), Step::join, "loopback");
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    report.check(result(::ioctl(socket.get(), SIOCSIFFLAGS, &request)), Step::join, "loopback");
}

// Writes through the private handle, where nothing can be mounted over.
int write_proc(int proc, const char* path, const char* value) {
    Held file(open2(proc, path, O_WRONLY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV));
    if (!file.good()) return file.get();
    std::size_t length = std::strlen(value);
    int written = result(::write(file.get(), value, length));
    return written < 0 || static_cast<std::size_t>(written) == length ? written : -EIO;
}

void write_kernel_settings(const Start& start, const Reporter& report, int proc) {
    const Spec& spec = start.view.spec();
    for (std::uint32_t i = 0; i < spec.sysctls.count; ++i) {
        const SysctlEntry& sysctl = start.view.items(spec.sysctls)[i];
        char path[512];
        TextBuffer(path, sizeof path).add("sys/").add(text(start, sysctl.path));
        report.check(write_proc(proc, path, text(start, sysctl.value)), Step::sysctl,
                     text(start, sysctl.path));
    }
    char path[64];
    char value[24];
    TextBuffer(path, sizeof path).add_number(::getpid()).add("/oom_score_adj");
    TextBuffer(value, sizeof value).add_number(spec.oom_score_adj);
    report.check(write_proc(proc, path, value), Step::oom_score, value);
}

int device_number_mode(const DeviceEntry& device) {
    return static_cast<int>(device.mode & (S_IFMT | 07777));
}

void make_device(int root, const char* path, const DeviceEntry& device, const Reporter& report) {
    const char* name = nullptr;
    Held parent(open_parent(root, path, &name));
    report.check(parent.get(), Step::device, path);
    int made = result(::mknodat(parent.get(), name, static_cast<mode_t>(device_number_mode(device)),
                                ::makedev(device.major, device.minor)));
    if (made == -EEXIST) return;  // named twice, or the image's own
    report.check(made, Step::device, path);
    if (device.uid != 0 || device.gid != 0)
        report.check(
            result(::fchownat(parent.get(), name, device.uid, device.gid, AT_SYMLINK_NOFOLLOW)),
            Step::device, path);
}

void make_devices(const Start& start, const Reporter& report, int root) {
    const Spec& spec = start.view.spec();
    for (std::uint32_t i = 0; i < spec.devices.count; ++i) {
        const DeviceEntry& device = start.view.items(spec.devices)[i];
        make_device(root, text(start, device.path), device, report);
    }
    for (std::uint32_t i = 0; i < spec.links.count; ++i) {
        const LinkEntry& link = start.view.items(spec.links)[i];
        const char* path = text(start, link.path);
        const char* name = nullptr;
        Held parent(open_parent(root, path, &name));
        report.check(parent.get(), Step::device, path);
        int made = result(::symlinkat(text(start, link.target), parent.get(), name));
        if (made != -EEXIST) report.check(made, Step::device, path);
    }
}

// The terminal as /dev/console: bound by the descriptor we hold, onto a file we made.
void make_console(const Start& start, const Reporter& report, int root) {
    if (!start.view.has(spec_terminal) || !start.view.has(spec_fresh_dev)) return;
    Held folder(open_in_root(root, "dev", O_PATH | O_DIRECTORY));
    report.check(folder.get(), Step::console, "/dev");
    Held file(result(::openat(folder.get(), "console",
                              O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0620)));
    report.check(file.get(), Step::console, "/dev/console");
    Held bind(copy_mount(start.stdio[0], ""));
    // Without a /dev/pts of ours the terminal hangs in a mount that is nowhere: nothing to bind.
    if (!bind.good()) return;
    report.check(attach(bind.get(), file.get()), Step::console, "/dev/console");
}

void cover_paths(const Start& start, const Reporter& report, int root) {
    const Spec& spec = start.view.spec();
    Cover cover(root, start.view.has(spec_fresh_dev));
    for (std::uint32_t i = 0; i < spec.masked.count; ++i) {
        const char* path = text(start, start.view.items(spec.masked)[i]);
        report.check(cover.mask(path), Step::paths, path);
    }
    for (std::uint32_t i = 0; i < spec.readonly.count; ++i) {
        const char* path = text(start, start.view.items(spec.readonly)[i]);
        report.check(make_readonly(root, path), Step::paths, path);
    }
}

void pivot(const Reporter& report, int root) {
    report.check(result(::fchdir(root)), Step::pivot, "fchdir");
    // The old root lands on top of the new one and is taken away: the shim's root is empty, so
    // there is nothing below that could stay busy.
    report.check(result(::syscall(SYS_pivot_root, ".", ".")), Step::pivot, "pivot_root");
    report.check(result(::umount2(".", MNT_DETACH)), Step::pivot, "old root");
    report.check(result(::chdir("/")), Step::pivot, "chdir");
}

}  // namespace

void enter_cgroup(const Start& start, const Reporter& report) {
    const Spec& spec = start.view.spec();
    if (!start.view.has(spec_clone_into_cgroup)) {
        for (std::int32_t i = 0; i < spec.attach_count; ++i)
            report.check(result(::write(start.fds[spec.attach_first + i], "0", 1)), Step::cgroup,
                         "attach");
    }
    if (start.view.has(spec_fresh_cgroup))
        report.check(result(::unshare(CLONE_NEWCGROUP)), Step::cgroup, "namespace");
}

void join_namespaces(const Start& start, const Reporter& report) {
    const Spec& spec = start.view.spec();
    join(start, report, spec.ipc, CLONE_NEWIPC, "ipc");
    join(start, report, spec.uts, CLONE_NEWUTS, "uts");
    join(start, report, spec.network, CLONE_NEWNET, "network");
    if (start.view.has(spec_fresh_network)) loopback_up(report);
    // A session keyring of its own; a kernel without keyrings has none to share.
    int keyring = result(::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr));
    if (keyring != -ENOSYS) report.check(keyring, Step::join, "session keyring");
    if (!start.view.has(spec_fresh_uts)) return;
    const char* hostname = text(start, spec.hostname);
    const char* domainname = text(start, spec.domainname);
    report.check(result(::sethostname(hostname, std::strlen(hostname))), Step::hostname, hostname);
    if (*domainname != 0)
        report.check(result(::setdomainname(domainname, std::strlen(domainname))), Step::hostname,
                     domainname);
}

void build_root(const Start& start, const Reporter& report) {
    const Spec& spec = start.view.spec();
    Held proc(make_filesystem("proc", nullptr, {}, start.view, 0));
    report.check(proc.get(), Step::proc, "proc");
    write_kernel_settings(start, report, proc.get());

    int root = fd_at(start, spec.rootfs);
    Held place(result(::open(root_folder, O_PATH | O_DIRECTORY | O_CLOEXEC)));
    report.check(place.get(), Step::rootfs, root_folder);
    report.check(attach(root, place.get()), Step::rootfs, "rootfs");

    MountContext context{.view = start.view,
                         .fds = start.fds,
                         .root = root,
                         .proc = proc.get(),
                         .devpts = start.devpts};
    for (std::uint32_t i = 0; i < spec.mounts.count; ++i) {
        const MountEntry& mount = start.view.items(spec.mounts)[i];
        report.check(place_mount(context, mount), Step::mount, text(start, mount.destination));
    }
    make_devices(start, report, root);
    make_console(start, report, root);
    Held cwd(open_or_make(root, text(start, spec.cwd), Make::folder));
    report.check(cwd.get(), Step::cwd_make, text(start, spec.cwd));
    for (std::uint32_t i = 0; i < spec.mounts.count; ++i) {
        const MountEntry& mount = start.view.items(spec.mounts)[i];
        if ((mount.flags & mount_readonly_late) != 0)
            report.check(seal_mount(root, text(start, mount.destination)), Step::mount,
                         text(start, mount.destination));
    }
    cover_paths(start, report, root);
    if (start.view.has(spec_readonly_root))
        report.check(set_attributes(root, MOUNT_ATTR_RDONLY, 0, false), Step::readonly, "rootfs");
    pivot(report, root);
}

void join_container(const Start& start, const Reporter& report) {
    int target = fd_at(start, start.view.spec().join_pidfd);
    // The pid namespace was joined by our parent, for us.
    constexpr int all = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;
    report.check(result(::setns(target, all)), Step::join, "container");
    report.check(result(::chdir("/")), Step::join, "chdir");
    Held proc(make_filesystem("proc", nullptr, {}, start.view, 0));
    report.check(proc.get(), Step::proc, "proc");
    write_kernel_settings(start, report, proc.get());
}

}  // namespace run::shim
