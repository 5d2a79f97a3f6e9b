#include "engine/file_view.h"

#include "sys/file.h"
#include "sys/mount.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace engine {

namespace {

constexpr int links_followed_max = 40;  // as the kernel

Error no_such_file(const FileView& view, const ArchivePath& path) {
    return Error(Kind::missing,
                 fmt::format("Could not find the file {} in container {}", path.full, view.shown));
}

Error open_failed(const Error& error, const FileView& view, const ArchivePath& path) {
    if (error.kind() == Kind::missing) return no_such_file(view, path);
    if (error.message().ends_with("not a directory"))
        return Error(Kind::internal, fmt::format("lstat {}: not a directory", path.full));
    return Error(error).as(Kind::internal);
}

Result<std::string> read_link(const Fd& link) {
    char text[PATH_MAX];
    ssize_t size = ::readlinkat(link.get(), "", text, sizeof text);
    if (size < 0) return base::errno_error(errno, "readlink");
    return std::string(text, static_cast<std::size_t>(size));
}

void push_words(std::vector<std::string>& words, std::string_view path) {
    std::size_t end = path.size();
    while (end > 0) {  // last word first: words is a stack
        std::size_t slash = path.rfind('/', end - 1);
        std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
        if (begin < end) words.emplace_back(path.substr(begin, end - begin));
        if (slash == std::string_view::npos) return;
        end = slash;
    }
}

// Where `path` leads when every link is followed inside the root, also when nothing is there. Only
// told to clients, or opened again below the root: what is opened is resolved by the kernel.
std::string evaluated(const Fd& root, const std::string& path) {
    std::vector<std::string> words, done;
    push_words(words, path);
    int links = 0;
    while (!words.empty()) {
        std::string word = std::move(words.back());
        words.pop_back();
        if (word == ".") continue;
        if (word == "..") {
            if (!done.empty()) done.pop_back();
            continue;
        }
        done.push_back(std::move(word));
        auto at =
            sys::open_in_root(root, fmt::format("{}", fmt::join(done, "/")), O_PATH | O_NOFOLLOW);
        struct stat info {};
        if (!at || ::fstat(at->get(), &info) != 0 || !S_ISLNK(info.st_mode)) continue;
        auto target = read_link(*at);
        if (!target || ++links > links_followed_max) continue;
        if (target->starts_with('/'))
            done.clear();
        else
            done.pop_back();
        push_words(words, *target);
    }
    return fmt::format("/{}", fmt::join(done, "/"));
}

// Relative to the data root, which all folders a container stands on lie below.
Result<Fd> mount_layers(const FilePlan& plan, bool with_upper, bool writable) {
    if (with_upper)
        TRY_DO(ensure_folders(plan.folder, plan.lowers.empty() ? "" : plan.lowers.front()));
    std::string data_root = plan.folder.substr(0, plan.folder.rfind("/containers/"));
    std::vector<std::string> lowers;
    auto add = [&](const std::string& path) {
        lowers.push_back(path.starts_with(data_root + "/") ? path.substr(data_root.size() + 1)
                                                           : path);
    };
    // What is only read does not get in the way of a start: the container's own folder is the
    // topmost lower one then.
    if (with_upper && !writable) add(plan.folder + "/upper");
    for (const std::string& lower : plan.lowers)
        add(lower);
    if (lowers.empty()) return Fd();
    TRY(Fd base, sys::open_folder(data_root));
    sys::OverlayOptions options;
    if (!writable) {
        options.read_only = true;
        return sys::mount_overlay(base, lowers, Fd(), Fd(), options);
    }
    TRY(Fd upper, sys::open_folder(plan.folder + "/upper"));
    TRY(Fd work, sys::open_folder(plan.folder + "/work"));
    return sys::mount_overlay(base, lowers, upper, work, options);
}

Result<FileView> view_stopped(const FilePlan& plan, bool writable) {
    TRY(Fd root, mount_layers(plan, true, writable));
    std::vector<sys::TreeMount> mounts;
    for (const char* name : {"hosts", "hostname", "resolv.conf"}) {
        std::string destination = std::string("/etc/") + name;
        bool hidden = std::ranges::any_of(plan.mounts, [&](const UserMount& mount) {
            return is_below(destination, mount.destination);
        });
        if (hidden) continue;
        sys::TreeMount file;
        file.source = plan.folder + "/" + name;
        file.destination = std::move(destination);
        file.recursive = false;
        file.make_target = writable;
        mounts.push_back(std::move(file));
    }
    for (const UserMount& mount : plan.mounts) {
        if (mount.type == "tmpfs") continue;
        sys::TreeMount one;
        one.source = mount.source;
        one.destination = mount.destination;
        one.read_only = mount.read_only;
        one.recursive = mount.recursive;
        one.make_target = writable;
        mounts.push_back(std::move(one));
    }
    FileView view;
    TRY(view.tree, sys::make_private_tree(std::move(root), std::move(mounts)));
    return view;
}

}  // namespace

Status ensure_folders(const std::string& folder, const std::string& top_diff) {
    for (const char* name : {"/upper", "/work"})
        if (::access((folder + name).c_str(), F_OK) != 0) {
            TRY_DO(sys::make_folders(folder + name, 0755));
            struct stat info {};
            if (std::string_view(name) == "/upper" && !top_diff.empty() &&
                ::stat(top_diff.c_str(), &info) == 0 &&
                (::chown((folder + name).c_str(), info.st_uid, info.st_gid) != 0 ||
                 ::chmod((folder + name).c_str(), info.st_mode & 07777) != 0))
                return base::errno_error(errno, "owner and mode of a container's root");
        }
    return {};
}

Result<Fd> mount_own_files(const FilePlan& plan) {
    return mount_layers(plan, true, false);
}

Result<Fd> mount_lowers(const FilePlan& plan) {
    return mount_layers(plan, false, false);
}

Result<Fd> open_upper(const FilePlan& plan) {
    TRY_DO(ensure_folders(plan.folder, plan.lowers.empty() ? "" : plan.lowers.front()));
    return sys::open_folder(plan.folder + "/upper");
}

// The one file that a start makes and that has a size is none of the container's.
Result<std::uint64_t> written_bytes(std::string folder) {
    TRY(std::uint64_t bytes, sys::tree_bytes(folder + "/upper"));
    constexpr std::string_view mounts = "/proc/mounts";
    char target[mounts.size() + 1];
    ssize_t size = ::readlink((folder + "/upper/etc/mtab").c_str(), target, sizeof target);
    if (size > 0 && std::string_view(target, static_cast<std::size_t>(size)) == mounts)
        bytes -= std::min<std::uint64_t>(bytes, mounts.size());
    return bytes;
}

Result<FileView> open_view(FilePlan plan, bool writable) {
    FileView view;
    if (plan.pidfd) {
        auto root = sys::root_of_process(plan.pidfd);
        // It has ended just now: what it has written is there.
        if (!root && (writable || root.error().kind() != Kind::missing))
            return std::move(root).error().as(Kind::internal);
        if (root) view.tree.root = std::move(*root);
    }
    if (!view.tree.root) {
        TRY(view, view_stopped(plan, writable));
    }
    view.shown = std::move(plan.shown);
    view.rootfs_read_only = plan.rootfs_read_only;
    return view;
}

ArchivePath archive_path(std::string_view path) {
    ArchivePath out;
    out.full = clean_path("/" + std::string(path));
    std::string_view last = path.substr(path.rfind('/') + 1);
    if (last == ".")
        out.full += out.full.ends_with('/') ? "." : "/.";
    else if (path.ends_with('/') && !out.full.ends_with('/'))
        out.full += '/';
    std::string_view rest = out.full;
    while (rest.size() > 1 && rest.ends_with('/'))
        rest.remove_suffix(1);
    out.name = rest.size() <= 1 ? "/" : rest.substr(rest.rfind('/') + 1);
    return out;
}

std::uint32_t go_file_mode(std::uint32_t st_mode) {
    constexpr std::uint32_t folder = 1U << 31, link = 1U << 27, device = 1U << 26, fifo = 1U << 25,
                            socket = 1U << 24, set_uid = 1U << 23, set_gid = 1U << 22,
                            character = 1U << 21, sticky = 1U << 20;
    std::uint32_t mode = st_mode & 0777;
    switch (st_mode & S_IFMT) {
    case S_IFDIR:
        mode |= folder;
        break;
    case S_IFLNK:
        mode |= link;
        break;
    case S_IFBLK:
        mode |= device;
        break;
    case S_IFCHR:
        mode |= device | character;
        break;
    case S_IFIFO:
        mode |= fifo;
        break;
    case S_IFSOCK:
        mode |= socket;
        break;
    default:
        break;
    }
    if (st_mode & S_ISUID) mode |= set_uid;
    if (st_mode & S_ISGID) mode |= set_gid;
    if (st_mode & S_ISVTX) mode |= sticky;
    return mode;
}

bool is_kernel_file_system(const Fd& fd) {
    constexpr std::int64_t mqueue = 0x19800202;  // not in <linux/magic.h>
    constexpr std::int64_t magics[] = {
        PROC_SUPER_MAGIC,   SYSFS_MAGIC,  CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
        DEVPTS_SUPER_MAGIC, BPF_FS_MAGIC, TRACEFS_MAGIC,      DEBUGFS_MAGIC,
        SECURITYFS_MAGIC,   mqueue};
    struct statfs info {};
    if (::fstatfs(fd.get(), &info) != 0) return false;
    return std::ranges::find(magics, static_cast<std::int64_t>(info.f_type)) != std::end(magics);
}

Result<Fd> open_path(const FileView& view, const ArchivePath& path) {
    const Fd& root = view.tree.root;
    auto opened = sys::open_in_root(root, path.full, O_PATH | O_NOFOLLOW);
    if (!opened) return open_failed(opened.error(), view, path);
    if (!is_kernel_file_system(*opened)) return opened;
    // The mount point itself is the container's folder of that name.
    struct stat self {
    }, above{};
    auto parent = sys::open_in_root(root, path.full + "/..", O_PATH | O_DIRECTORY);
    if (parent && ::fstat(parent->get(), &above) == 0 && ::fstat(opened->get(), &self) == 0 &&
        self.st_dev != above.st_dev && !is_kernel_file_system(*parent))
        return opened;
    return no_such_file(view, path);
}

Result<PathStat> stat_path(const FileView& view, const ArchivePath& path) {
    TRY(Fd file, open_path(view, path));
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return base::errno_error(errno, "stat " + path.full);
    PathStat out;
    out.name = path.name;
    out.size = info.st_size;
    out.mode = go_file_mode(info.st_mode);
    out.modified.ns = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
    if (S_ISLNK(info.st_mode)) out.link_target = evaluated(view.tree.root, path.full);
    return out;
}

Result<std::string> find_target(const FileView& view, const ArchivePath& path) {
    auto opened = sys::open_in_root(view.tree.root, path.full, O_PATH);
    if (!opened) return open_failed(opened.error(), view, path);
    struct stat info {
    }, root{};
    if (::fstat(opened->get(), &info) != 0) return base::errno_error(errno, "stat " + path.full);
    if (!S_ISDIR(info.st_mode)) return Error(Kind::internal, "extraction point is not a directory");
    if (is_kernel_file_system(*opened)) return no_such_file(view, path);
    struct statvfs mounted {};
    if (::fstat(view.tree.root.get(), &root) != 0 || ::fstatvfs(opened->get(), &mounted) != 0)
        return base::errno_error(errno, "stat " + path.full);
    if (info.st_dev == root.st_dev) {
        if (view.rootfs_read_only)
            return Error(Kind::denied, "container rootfs is marked read-only");
    } else if ((mounted.f_flag & ST_RDONLY) != 0) {
        return Error(Kind::denied, "mounted volume is marked read-only");
    }
    return evaluated(view.tree.root, path.full);
}

}  // namespace engine
