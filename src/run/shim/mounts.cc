#include "run/shim/mounts.h"

#include "run/shim/child.h"
#include "run/shim/paths.h"

#include <cstring>
#include <initializer_list>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

namespace run::shim {

using namespace protocol;

namespace {

int configure(int context, const char* option) {
    const char* equals = std::strchr(option, '=');
    if (equals == nullptr)
        return result(::fsconfig(context, FSCONFIG_SET_FLAG, option, nullptr, 0));
    char key[128];
    auto length = static_cast<std::size_t>(equals - option);
    if (length >= sizeof key) return -EINVAL;
    std::memcpy(key, option, length);
    key[length] = 0;
    return result(::fsconfig(context, FSCONFIG_SET_STRING, key, equals + 1, 0));
}

bool missing(int error) {
    return error == -ENOENT || error == -ENOTDIR;
}

// Whoever has CAP_SYS_ADMIN inside could mount over /proc and be believed by what runs there; and a
// link in the image must not lead a mount into it.
bool on_procfs(int fd) {
    struct statfs info;
    return ::fstatfs(fd, &info) == 0 && info.f_type == PROC_SUPER_MAGIC;
}

bool is_folder(int fd) {
    struct stat info;
    return ::fstat(fd, &info) == 0 && S_ISDIR(info.st_mode);
}

int open_target(const MountContext& context, const MountEntry& mount) {
    const char* path = context.view.text(mount.destination);
    if ((mount.flags & mount_no_symlinks) != 0) {
        int found = open_plainly(context.root, path, O_PATH | O_DIRECTORY);
        if (found != -ENOENT) return found;
        Held made(open_or_make(context.root, path, Make::folder));
        if (!made.good()) return made.get();
        return open_plainly(context.root, path, O_PATH | O_DIRECTORY);
    }
    return open_or_make(context.root, path,
                        (mount.flags & mount_target_is_file) != 0 ? Make::file : Make::folder);
}

// The mount itself, not yet anywhere. `owned`: to be closed by the caller.
int make_mount(const MountContext& context, const MountEntry& mount, bool& owned) {
    owned = false;
    if (mount.kind == MountKind::bind) return context.fds[mount.source_fd];
    const char* type = context.view.text(mount.type);
    if ((mount.flags & mount_is_proc) != 0) return context.proc;
    if (std::strcmp(type, "devpts") == 0 && context.devpts >= 0) return context.devpts;
    owned = true;
    return make_filesystem(type, type, mount.options, context.view, mount.attributes_set);
}

}  // namespace

int make_filesystem(const char* type, const char* source, List<Text> options, View view,
                    std::uint64_t attributes) {
    Held context(result(::fsopen(type, FSOPEN_CLOEXEC)));
    if (!context.good()) return context.get();
    bool named = false;
    for (std::uint32_t i = 0; i < options.count; ++i) {
        const char* option = view.text(view.items(options)[i]);
        named = named || std::strncmp(option, "source=", 7) == 0;
        int done = configure(context.get(), option);
        if (done < 0) return done;
    }
    if (!named) {
        int done = result(::fsconfig(context.get(), FSCONFIG_SET_STRING, "source",
                                     source == nullptr ? type : source, 0));
        if (done < 0) return done;
    }
    int created = result(::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
    if (created < 0) return created;
    return result(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
}

int copy_mount(int folder, const char* path, bool recursive) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;
    if (recursive) flags |= AT_RECURSIVE;
    return result(::open_tree(folder, path, flags));
}

bool is_null_device(int fd) {
    struct stat info;
    return ::fstat(fd, &info) == 0 && S_ISCHR(info.st_mode) && info.st_rdev == ::makedev(1, 3);
}

int attach(int mount, int target) {
    return result(
        ::move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

int set_attributes(int mount, std::uint64_t set, std::uint64_t clear, bool recursive,
                   std::uint64_t propagation) {
    struct mount_attr attributes {};
    attributes.attr_set = set;
    attributes.attr_clr = clear;
    attributes.propagation = propagation;
    return result(::mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U),
                                  &attributes, sizeof attributes));
}

int place_mount(const MountContext& context, const MountEntry& mount) {
    bool owned = false;
    int fd = make_mount(context, mount, owned);
    if (fd < 0) return fd;
    Held owner(owned ? fd : -1);
    if (mount.propagation != 0) {
        int done = set_attributes(fd, 0, 0, true, mount.propagation);
        if (done < 0) return done;
    }
    if (!owned && (mount.attributes_set | mount.attributes_clear) != 0) {
        int done = set_attributes(fd, mount.attributes_set, mount.attributes_clear,
                                  (mount.flags & mount_attributes_recursive) != 0);
        if (done < 0) return done;
    }
    Held target(open_target(context, mount));
    if (!target.good()) return target.get();
    if ((mount.flags & (mount_is_proc | mount_on_proc)) == 0 && on_procfs(target.get()))
        return -EPERM;
    // The kernel's own word for it is EINVAL, as for all else.
    if (is_folder(fd) != is_folder(target.get())) return -ENOTDIR;
    return attach(fd, target.get());
}

int seal_mount(int root, const char* path) {
    Held target(open_in_root(root, path, O_PATH | O_DIRECTORY));
    if (!target.good()) return target.get();
    return set_attributes(target.get(), MOUNT_ATTR_RDONLY, 0, false);
}

int Cover::empty_folder() {
    if (attached_) return copy_mount(tmpfs_.get(), "");
    Held context(result(::fsopen("tmpfs", FSOPEN_CLOEXEC)));
    if (!context.good()) return context.get();
    // One inode, its root: even remounted writable it holds nothing.
    for (const char* option : {"source=tmpfs", "nr_inodes=1", "nr_blocks=1", "mode=0555"}) {
        int done = configure(context.get(), option);
        if (done < 0) return done;
    }
    int created = result(::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
    if (created < 0) return created;
    int mount = result(
        ::fsmount(context.get(), FSMOUNT_CLOEXEC,
                  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
    if (mount < 0) return mount;
    // The first use takes this one; the next are copies of it, where it then hangs.
    tmpfs_.reset(result(::fcntl(mount, F_DUPFD_CLOEXEC, 0)));
    attached_ = tmpfs_.good();
    return mount;
}

// The container's null device, found to be one: what looks like it may be anything
// (CVE-2025-31133).
int Cover::own_null(int root) {
    int fd = open_in_root(root, "dev/null", O_PATH | O_NOFOLLOW);
    if (fd >= 0 && !is_null_device(fd)) close_fd(fd);
    return fd;
}

int Cover::mask(const char* path) {
    Held target(open_in_root(root_, path, O_PATH));
    if (!target.good()) return missing(target.get()) ? 0 : target.get();
    struct stat info;
    if (::fstat(target.get(), &info) < 0) return -errno;
    Held mount(S_ISDIR(info.st_mode) ? empty_folder()
               : null_.good()        ? copy_mount(null_.get(), "")
                                     : copy_mount(AT_FDCWD, null_device));
    if (!mount.good()) return mount.get();
    return attach(mount.get(), target.get());
}

int make_readonly(int root, const char* path) {
    Held target(open_in_root(root, path, O_PATH));
    if (!target.good()) return missing(target.get()) ? 0 : target.get();
    Held mount(copy_mount(target.get(), "", true));
    if (!mount.good()) return mount.get();
    int done = set_attributes(mount.get(), MOUNT_ATTR_RDONLY, 0, true);
    if (done < 0) return done;
    return attach(mount.get(), target.get());
}

}  // namespace run::shim
