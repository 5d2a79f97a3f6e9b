#include "sys/private_tree.h"

#include "sys/file.h"
#include "sys/mount.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <optional>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <system_error>
#include <thread>

namespace sys {

namespace {

constexpr unsigned long recursively = 0x4000, slave = 1UL << 19;  // MS_REC, MS_SLAVE

// Mount namespaces belong to threads, and a thread that has left ours could not come back: who
// shares no file system root with the others keeps that for ever. So each such job has a thread of
// its own, which ends with it.
template <class T, class F> Result<T> in_own_thread(F job) {
    std::optional<Result<T>> result;
    try {
        std::thread([&] { result.emplace(job()); }).join();
    } catch (const std::system_error& error) {
        return Error(Kind::internal, fmt::format("start a thread: {}", error.what()));
    }
    return std::move(*result);
}

Status attach(const Fd& mount, const Fd& target, std::string_view what) {
    constexpr unsigned by_descriptors = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    if (::syscall(SYS_move_mount, mount.get(), "", target.get(), "", by_descriptors) != 0)
        return base::errno_error(errno, fmt::format("mount {}", what));
    return {};
}

// The mount point of a container that never ran is made, as its start would.
Result<Fd> mount_point(const Fd& root, const std::string& path, bool folder, bool make) {
    auto there = open_in_root(root, path, O_PATH);
    if (there || !make || path.empty() || there.error().kind() != Kind::missing) return there;
    std::size_t slash = path.rfind('/');
    std::string name = path.substr(slash + 1);
    Result<Fd> parent = mount_point(root, path.substr(0, slash), true, true);
    if (!parent) return parent;
    if (folder) {
        if (::mkdirat(parent->get(), name.c_str(), 0755) != 0 && errno != EEXIST)
            return base::errno_error(errno, "mkdir " + path);
    } else {
        TRY([[maybe_unused]] Fd made,
            open_at(*parent, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0644));
    }
    return open_in_root(root, path, O_PATH);
}

Status bind(const Fd& root, const TreeMount& mount) {
    struct stat info {};
    if (::stat(mount.source.c_str(), &info) != 0) return {};  // a start makes it
    TRY(Fd source, clone_mount(mount.source, mount.recursive));
    struct mount_attr attributes {};
    if (mount.read_only) attributes.attr_set = MOUNT_ATTR_RDONLY;
    attributes.propagation = slave;
    if (::syscall(SYS_mount_setattr, source.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                  sizeof attributes) != 0)
        return base::errno_error(errno, "set mount attributes");
    auto target = mount_point(root, mount.destination, S_ISDIR(info.st_mode), mount.make_target);
    if (!target && target.error().kind() == Kind::missing) return {};
    if (!target) return std::move(target).error();
    return attach(source, *target, mount.destination);
}

Result<PrivateTree> make_tree(const Fd& root, const std::vector<TreeMount>& mounts) {
    if (::unshare(CLONE_FS | CLONE_NEWNS) != 0)
        return base::errno_error(errno, "make a mount namespace");
    // Not private: what the host unmounts shall not be held by us.
    if (::syscall(SYS_mount, "none", "/", nullptr, recursively | slave, nullptr) != 0)
        return base::errno_error(errno, "set mount propagation");
    PrivateTree tree;
    tree.mounts.reset(::open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC));
    if (!tree.mounts) return base::errno_error(errno, "open mount namespace");
    // On top of "/", which this thread goes on seeing as it was: its root is the mount below.
    TRY(Fd place, open_folder("/"));
    TRY_DO(attach(root, place, "a container's root"));
    TRY(tree.root, open_at(root, ".", O_PATH | O_DIRECTORY));
    for (const TreeMount& mount : mounts)
        TRY_DO(bind(tree.root, mount));
    return tree;
}

Status enter(const Fd& pidfd) {
    if (::unshare(CLONE_FS) != 0) return base::errno_error(errno, "unshare the root directory");
    if (::setns(pidfd.get(), CLONE_NEWNS) != 0) {
        Error error = base::errno_error(errno, "enter the mount namespace");
        return errno == ESRCH ? std::move(error).as(Kind::missing) : std::move(error);
    }
    return {};
}

}  // namespace

Result<PrivateTree> make_private_tree(Fd root, std::vector<TreeMount> mounts) {
    return in_own_thread<PrivateTree>([&] { return make_tree(root, mounts); });
}

Result<Fd> root_of_process(const Fd& pidfd) {
    return in_own_thread<Fd>([&]() -> Result<Fd> {
        TRY_DO(enter(pidfd));
        return open_folder("/");
    });
}

Result<Fd> clone_root_of_process(const Fd& pidfd) {
    return in_own_thread<Fd>([&]() -> Result<Fd> {
        TRY_DO(enter(pidfd));
        return clone_mount("/", false);
    });
}

bool is_mount_point(const Fd& folder, const std::string& name) {
    struct open_how how {};
    how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_NO_XDEV;
    Fd opened(
        static_cast<int>(::syscall(SYS_openat2, folder.get(), name.c_str(), &how, sizeof how)));
    return !opened && errno == EXDEV;
}

}  // namespace sys
