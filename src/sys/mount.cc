#include "sys/mount.h"

#include "sys/file.h"

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/mount.h>
#include <optional>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>

namespace sys {

namespace {

// <sys/mount.h> is hidden by the name of our own header.
int fsopen(const char* type, unsigned flags) {
    return static_cast<int>(::syscall(SYS_fsopen, type, flags));
}
int fsconfig(const Fd& context, unsigned command, const char* key, const void* value, int aux) {
    return static_cast<int>(::syscall(SYS_fsconfig, context.get(), command, key, value, aux));
}
int fsmount(const Fd& context, unsigned flags, unsigned attributes) {
    return static_cast<int>(::syscall(SYS_fsmount, context.get(), flags, attributes));
}
int open_tree(int folder, const char* path, unsigned flags) {
    return static_cast<int>(::syscall(SYS_open_tree, folder, path, flags));
}
int mount(const char* source, const char* target, const char* type, unsigned long flags,
          const char* data) {
    return static_cast<int>(::syscall(SYS_mount, source, target, type, flags, data));
}

constexpr std::size_t overlay_lowers_max = 500;  // the kernel's OVL_MAX_STACK

std::string descriptor_path(const Fd& fd) {
    return fmt::format("/proc/self/fd/{}", fd.get());
}

// A file system being configured (fsopen). What the kernel logs to it goes into the error's text:
// without that every mistake is "Invalid argument".
class Context {
public:
    static Result<Context> open(const char* type) {
        int fd = sys::fsopen(type, FSOPEN_CLOEXEC);
        if (fd < 0) return base::errno_error(errno, fmt::format("open file system {}", type));
        return Context(Fd(fd), type);
    }

    bool try_string(const char* key, const char* value) {
        return fsconfig(fd_, FSCONFIG_SET_STRING, key, value, 0) == 0;
    }
    bool try_fd(const char* key, const Fd& value) {
        return fsconfig(fd_, FSCONFIG_SET_FD, key, nullptr, value.get()) == 0;
    }
    Status set(const std::string& option) {
        std::size_t equals = option.find('=');
        std::string key = option.substr(0, equals);
        int done =
            equals == std::string::npos
                ? fsconfig(fd_, FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0)
                : fsconfig(fd_, FSCONFIG_SET_STRING, key.c_str(), option.c_str() + equals + 1, 0);
        if (done != 0) return failed(errno, "option " + option);
        return {};
    }
    Result<Fd> mount(std::uint64_t attributes) {
        if (fsconfig(fd_, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
            return failed(errno, "create");
        int mounted = fsmount(fd_, FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes));
        if (mounted < 0) return failed(errno, "mount");
        return Fd(mounted);
    }
    Error failed(int errno_value, std::string_view what) {
        std::string text = fmt::format("{} ({})", type_, what);
        char line[512];
        for (ssize_t got; (got = ::read(fd_.get(), line, sizeof line)) > 0;) {
            // "e overlay: text\n"; w and i are no reasons.
            std::string_view message(line, static_cast<std::size_t>(got));
            if (!message.starts_with("e ")) continue;
            message.remove_prefix(2);
            while (message.ends_with('\n'))
                message.remove_suffix(1);
            text.append(": ").append(message);
        }
        return base::errno_error(errno_value, text);
    }

private:
    Context(Fd fd, const char* type) : fd_(std::move(fd)), type_(type) {}
    Fd fd_;
    const char* type_;
};

// Docker's own mounts leave these at the kernel's defaults, which a build may change; `commit` and
// `diff` read the upper folder alone, so nothing in it may be a mere reference to a lower one.
constexpr const char* overlay_options[] = {"index=off", "metacopy=off", "redirect_dir=off"};

struct Overlay {
    const Fd& layers_folder;
    const std::vector<std::string>& lowers;
    const Fd& upper;
    const Fd& work;
    const OverlayOptions& options;
};

// Real folders below the layers folder, whatever somebody has put there.
Result<Fd> open_lower(const Fd& layers_folder, const std::string& name) {
    return open_beneath(layers_folder, name, O_PATH | O_DIRECTORY);
}

// Layers one by one: as descriptors since 6.13, as paths since 6.7. Nothing on an older kernel,
// where the only way is mount(2)'s one page of options.
std::optional<Result<Fd>> overlay_by_context(const Overlay& overlay) {
    Result<Context> opened = Context::open("overlay");
    if (!opened) return std::move(opened).error();
    Context& context = *opened;
    bool first = true, by_path = false;
    auto add = [&](const char* key, const Fd& folder) {
        if (!by_path) return context.try_fd(key, folder);
        return context.try_string(key, descriptor_path(folder).c_str());
    };
    for (const std::string& name : overlay.lowers) {
        Result<Fd> lower = open_lower(overlay.layers_folder, name);
        if (!lower) return std::move(lower).error();
        bool added = add("lowerdir+", *lower);
        if (!added && first) {
            // Before 6.5 the context only gathers a string for mount(2), whatever the key is, and
            // takes no descriptors: the one way to tell.
            if (errno == EOPNOTSUPP) return std::nullopt;
            by_path = true;
            added = add("lowerdir+", *lower);
            if (!added && errno == EINVAL) return std::nullopt;
        }
        if (!added) return context.failed(errno, "lower folder " + name);
        first = false;
    }
    const OverlayOptions& options = overlay.options;
    if (!options.read_only) {
        if (!add("upperdir", overlay.upper)) return context.failed(errno, "upper folder");
        if (!add("workdir", overlay.work)) return context.failed(errno, "work folder");
    }
    (void)context.try_string("source", "overlay");
    for (const char* option : overlay_options)
        if (Status set = context.set(option); !set) return std::move(set).error();
    if (options.volatile_)
        if (Status set = context.set("volatile"); !set) return std::move(set).error();
    return context.mount(options.read_only ? MOUNT_ATTR_RDONLY : 0);
}

// A folder of ours with the path it had when it was opened. Overlayfs takes only folders of the
// mount namespace it is mounted from (EINVAL), so a new namespace needs them opened again.
struct Reopened {
    static Result<Reopened> plan(const Fd& folder) {
        char path[PATH_MAX];
        ssize_t bytes = ::readlink(descriptor_path(folder).c_str(), path, sizeof path);
        if (bytes < 0) return base::errno_error(errno, "find the path of a folder");
        return Reopened{&folder, std::string(path, static_cast<std::size_t>(bytes)), Fd()};
    }
    Status open() {
        TRY(fd, open_folder(path));
        struct stat before {
        }, now{};
        if (::fstat(original->get(), &before) != 0 || ::fstat(fd.get(), &now) != 0)
            return base::errno_error(errno, "stat " + path);
        if (before.st_dev != now.st_dev || before.st_ino != now.st_ino)
            return Error(Kind::internal, path + " is another folder by now");
        return {};
    }
    const Fd* original;
    std::string path;
    Fd fd;
};

// A name of at most two characters for up to 1,296 layers: 500 of them fit mount(2)'s one page.
std::string short_name(std::size_t number) {
    constexpr char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::string name;
    for (;; number /= 36) {
        name.push_back(digits[number % 36]);
        if (number < 36) return name;
    }
}

// Runs in a thread that is about to end: its mount namespace and everything mounted in it, but not
// the copy answered, end with it.
Result<Fd> overlay_in_namespace(const Overlay& overlay, Reopened& layers, Reopened& upper,
                                Reopened& work) {
    if (::unshare(CLONE_FS | CLONE_NEWNS) != 0)
        return base::errno_error(errno, "unshare the mount namespace");
    if (sys::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return base::errno_error(errno, "make mounts private");
    TRY_DO(layers.open());
    // A place for short names and for the mount: mount(2) wants a target in its own namespace.
    // /sys, because it is there on every host and nothing is needed from it here.
    if (sys::mount("tmpfs", "/sys", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") != 0)
        return base::errno_error(errno, "mount a folder for short names");
    if (::chdir("/sys") != 0) return base::errno_error(errno, "enter the folder for short names");
    if (::mkdir("merged", 0700) != 0) return base::errno_error(errno, "mkdir merged");
    std::string data = "lowerdir=";
    for (std::size_t i = 0; i < overlay.lowers.size(); ++i) {
        TRY_DO(open_lower(layers.fd, overlay.lowers[i]));
        std::string name = short_name(i);  // never one of the longer names here
        std::string target = descriptor_path(layers.fd) + "/" + overlay.lowers[i];
        if (::symlink(target.c_str(), name.c_str()) != 0)
            return base::errno_error(errno, "name a layer");
        data.append(i == 0 ? "" : ":").append(name);
    }
    if (!overlay.options.read_only) {
        TRY_DO(upper.open());
        TRY_DO(work.open());
        if (::symlink(descriptor_path(upper.fd).c_str(), "upper") != 0 ||
            ::symlink(descriptor_path(work.fd).c_str(), "work") != 0)
            return base::errno_error(errno, "name the upper folder");
        data += ",upperdir=upper,workdir=work";
    }
    for (const char* option : overlay_options)
        data.append(",").append(option);
    if (overlay.options.volatile_) data += ",volatile";
    unsigned long flags = overlay.options.read_only ? MS_RDONLY : 0;
    if (sys::mount("overlay", "merged", "overlay", flags, data.c_str()) != 0)
        return base::errno_error(errno, "overlay (mount)");
    int tree = open_tree(AT_FDCWD, "merged", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0) return base::errno_error(errno, "take the overlay");
    return Fd(tree);
}

Result<Fd> overlay_by_mount(const Overlay& overlay) {
    TRY(Reopened layers, Reopened::plan(overlay.layers_folder));
    Reopened upper{}, work{};
    if (!overlay.options.read_only) {
        TRY(upper, Reopened::plan(overlay.upper));
        TRY(work, Reopened::plan(overlay.work));
    }
    std::optional<Result<Fd>> result;
    std::thread([&] { result = overlay_in_namespace(overlay, layers, upper, work); }).join();
    return std::move(*result);
}

Result<Fd> clone_at(int folder, const std::string& path, bool recursive) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
    if (path.empty()) flags |= AT_EMPTY_PATH;
    int tree = open_tree(folder, path.c_str(), flags);
    if (tree < 0) return base::errno_error(errno, fmt::format("clone mount {}", path));
    return Fd(tree);
}

// overlayfs wants a lower folder with an upper one, and two without: with less there is nothing to
// merge, and a bind of the only folder shows the same.
Result<Fd> single_folder(const Fd& folder, bool read_only) {
    TRY(Fd tree, clone_at(folder.get(), "", false));
    struct mount_attr attributes {};
    attributes.attr_set = read_only ? MOUNT_ATTR_RDONLY : 0;
    attributes.propagation = MS_PRIVATE;
    if (::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attributes,
                  sizeof attributes) != 0)
        return base::errno_error(errno, "set mount attributes");
    return tree;
}

}  // namespace

Result<Fd> mount_overlay(const Fd& layers_folder, const std::vector<std::string>& lowers,
                         const Fd& upper, const Fd& work, const OverlayOptions& options) {
    if (lowers.size() > overlay_lowers_max) return Error(Kind::invalid, "max depth exceeded");
    if (lowers.empty()) {
        if (options.read_only) return Error(Kind::invalid, "a read-only overlay needs a layer");
        return single_folder(upper, false);
    }
    if (options.read_only && lowers.size() == 1) {
        TRY(Fd lower, open_lower(layers_folder, lowers.front()));
        return single_folder(lower, true);
    }
    Overlay overlay{layers_folder, lowers, upper, work, options};
    if (!options.force_legacy)
        if (auto mounted = overlay_by_context(overlay)) return std::move(*mounted);
    return overlay_by_mount(overlay);
}

Result<Fd> clone_mount(const std::string& path, bool recursive) {
    return clone_at(AT_FDCWD, path, recursive);
}

Result<Fd> clone_mount_at(const Fd& folder, const std::string& path, bool recursive) {
    return clone_at(folder.get(), path, recursive);
}

Result<Fd> mount_tmpfs(const std::vector<std::string>& options, std::uint64_t attributes) {
    TRY(Context context, Context::open("tmpfs"));
    TRY_DO(context.set("source=tmpfs"));
    for (const std::string& option : options)
        TRY_DO(context.set(option));
    return context.mount(attributes);
}

Result<Fd> private_proc() {
    TRY(Context context, Context::open("proc"));
    TRY_DO(context.set("source=proc"));
    return context.mount(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

}  // namespace sys
