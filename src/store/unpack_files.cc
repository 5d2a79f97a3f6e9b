#include "store/unpack_files.h"

#include "store/layer_names.h"
#include "store/unpack.h"
#include "sys/file.h"
#include "sys/image_xattr.h"
#include "sys/names.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

namespace store {

namespace {

using codec::tar::Type;

constexpr std::size_t open_folders_max = 64;
// One open descriptor each while a replaced folder's files are kept.
constexpr int replaced_depth_max = 256;

Error bad(std::string_view what, std::string_view path) {
    return Error(Kind::invalid, fmt::format("invalid layer: {}: {}", path, what));
}

std::string parent_of(const std::string& path) {
    std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}
std::string name_of(const std::string& path) {
    std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

timespec to_timespec(const codec::tar::Moment& moment) {
    return {static_cast<time_t>(moment.seconds), static_cast<long>(moment.nanoseconds)};
}

bool is_whiteout(const struct stat& info) {
    return S_ISCHR(info.st_mode) && info.st_rdev == 0;
}

}  // namespace

LayerFiles::LayerFiles(Fd diff, const UnpackOptions& options, Fd staging)
    : diff_(std::move(diff)), staging_(std::move(staging)),
      entries_max_(options.limits.entries_max), bytes_max_(options.limits.unpacked_bytes_max),
      behind_(options.cached_bytes_max.value_or(cache_allowance()), options.written) {}

Result<int> LayerFiles::folder(const std::string& path) {
    if (path.empty()) return diff_.get();
    auto found = open_.find(path);
    if (found != open_.end()) return found->second.get();
    if (open_.size() >= open_folders_max) open_.clear();
    Result<Fd> opened = sys::open_beneath(diff_, path, O_RDONLY | O_DIRECTORY);
    if (!opened) {
        TRY_DO(make_folder(path));
        opened = sys::open_beneath(diff_, path, O_RDONLY | O_DIRECTORY);
        if (!opened) return opened.error();
    }
    int fd = opened->get();
    open_[path] = std::move(*opened);
    return fd;
}

// A layer may hold "a/b/c" without "a": such folders are only implied, until an entry comes.
Result<int> LayerFiles::make_folder(const std::string& path) {
    Fd above;
    int parent = diff_.get();
    for (std::size_t at = 0; at <= path.size();) {
        std::size_t slash = std::min(path.find('/', at), path.size());
        std::string name = path.substr(at, slash - at);
        TRY_DO(put_folder(parent, path.substr(0, slash), name));
        int next = ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) return base::errno_error(errno, "open folder " + path.substr(0, slash));
        above.reset(next);
        parent = next;
        at = slash + 1;
    }
    return 0;
}

Status LayerFiles::put_folder(int parent, const std::string& path, const std::string& name) {
    if (::mkdirat(parent, name.c_str(), 0755) != 0) {
        if (errno != EEXIST) return base::errno_error(errno, "mkdir " + path);
        struct stat info {};
        if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
            return base::errno_error(errno, "stat " + path);
        if (S_ISDIR(info.st_mode)) {
            folders_.try_emplace(path);
            return {};
        }
        TRY_DO(clear(parent, path, name));
        if (::mkdirat(parent, name.c_str(), 0755) != 0)
            return base::errno_error(errno, "mkdir " + path);
        if (is_whiteout(info)) {
            // Hidden below and made anew here: in overlayfs's terms an opaque folder.
            Fd made(
                ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
            if (!made) return base::errno_error(errno, "open folder " + path);
            TRY_DO(opaque(made.get(), path));
        }
    }
    folders_.try_emplace(path);
    return {};
}

Status LayerFiles::opaque(int folder, const std::string& path) {
    if (path.empty()) {
        opaque_root_ = true;
        return {};
    }
    if (::fsetxattr(folder, opaque_xattr, "y", 1, 0) != 0)
        return base::errno_error(errno, "mark opaque " + path);
    return {};
}

// The last entry of a name wins, whatever stood there before (T10).
Status LayerFiles::clear(int parent, const std::string& path, const std::string& name) {
    if (staging_) {
        Fd above(::fcntl(parent, F_DUPFD_CLOEXEC, 0));
        if (!above) return base::errno_error(errno, "replace " + path);
        TRY_DO(keep(above, name, 0));
    }
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR) return base::errno_error(errno, "replace " + path);
    // `parent` may be one of the cached descriptors.
    Fd above(::fcntl(parent, F_DUPFD_CLOEXEC, 0));
    if (!above) return base::errno_error(errno, "replace " + path);
    open_.clear();
    folders_.erase(path);
    // '0' comes after '/': from "path/" up to there is what lies below it.
    folders_.erase(folders_.lower_bound(path + "/"), folders_.lower_bound(path + "0"));
    return sys::remove_tree(above, name);
}

Status LayerFiles::keep_file(const Fd& parent, const std::string& name, std::uint64_t inode) {
    if (!kept_) {
        if (::mkdirat(staging_.get(), "kept", 0700) != 0)
            return base::errno_error(errno, "mkdir kept");
        TRY(kept_, sys::open_at(staging_, "kept", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    }
    std::string number = fmt::format("{}", inode);
    // There already: another hard link of it went before.
    if (::linkat(parent.get(), name.c_str(), kept_.get(), number.c_str(), 0) != 0 &&
        errno != EEXIST)
        return base::errno_error(errno, "keep " + name);
    return {};
}

Status LayerFiles::keep(const Fd& parent, const std::string& name, int depth) {
    struct stat info {};
    if (::fstatat(parent.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? Status() : Status(base::errno_error(errno, "stat " + name));
    if (S_ISREG(info.st_mode) && info.st_size > 0) return keep_file(parent, name, info.st_ino);
    if (!S_ISDIR(info.st_mode)) return {};
    if (depth >= replaced_depth_max) return bad("a folder too deep is replaced", name);
    TRY(Fd here, sys::open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(std::vector<std::string> names, sys::all_names(here));
    for (const std::string& each : names)
        TRY_DO(keep(here, each, depth + 1));
    return {};
}

Status LayerFiles::entry(const codec::tar::Entry& entry) {
    if (++entries_ > entries_max_)
        return Error(Kind::too_large, fmt::format("layer has more than {} entries", entries_max_));
    entry_ = entry;
    written_ = 0;
    TRY(std::string path, codec::tar::clean_path(entry.path));
    if (path.empty()) {
        if (entry.type != Type::folder) return bad("the root is no folder", "/");
        folders_[""] = {true, entry.modified};
        return dress(diff_.get(), false);
    }
    std::string parent = parent_of(path);
    std::string name = name_of(path);
    for (std::size_t at = 0; at < parent.size();) {
        std::size_t slash = std::min(parent.find('/', at), parent.size());
        std::string_view part = std::string_view(parent).substr(at, slash - at);
        if (part.starts_with(aufs_prefix)) return {};  // aufs's own files: not of the image
        if (part.starts_with(whiteout_prefix)) return bad("whiteout used as a folder", path);
        at = slash + 1;
    }
    if (name.starts_with(whiteout_prefix)) return whiteout(parent, name, entry.type);
    TRY(int at, folder(parent));
    switch (entry.type) {
    case Type::file:
        return take_file(at, path, name);
    case Type::folder:
        return take_folder(at, path, name);
    case Type::hard_link:
        return take_link(at, path, name);
    case Type::symlink:
    case Type::char_device:
    case Type::block_device:
    case Type::fifo:
        return take_special(at, path, name);
    }
    return bad("unknown type", path);
}

// They hide what lower layers brought, never what this layer holds (T3).
Status LayerFiles::whiteout(const std::string& parent, const std::string& name, Type type) {
    std::string path = parent.empty() ? name : parent + "/" + name;
    if (name == opaque_name) {
        TRY(int at, folder(parent));
        return opaque(at, parent);
    }
    if (name.starts_with(aufs_prefix)) return {};
    std::string hidden = name.substr(whiteout_prefix.size());
    if (hidden.empty() || hidden == "." || hidden == "..") return bad("malformed whiteout", path);
    if (type != Type::file && type != Type::hard_link) return bad("whiteout is no file", path);
    TRY(int at, folder(parent));
    struct stat info {};
    if (::fstatat(at, hidden.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
        if (!S_ISDIR(info.st_mode)) return {};
        Fd here(::openat(at, hidden.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!here) return base::errno_error(errno, "open folder " + path);
        return opaque(here.get(), parent.empty() ? hidden : parent + "/" + hidden);
    }
    if (::mknodat(at, hidden.c_str(), S_IFCHR, makedev(0, 0)) != 0)
        return base::errno_error(errno, "whiteout " + path);
    return {};
}

// Order: chown(2) clears set-id bits and security.capability, so they come after it; times last.
Status LayerFiles::dress(int fd, bool with_times) {
    if (::fchown(fd, entry_.uid, entry_.gid) != 0)
        return base::errno_error(errno, "chown " + entry_.path);
    if (::fchmod(fd, entry_.mode) != 0) return base::errno_error(errno, "chmod " + entry_.path);
    for (const auto& [name, value] : entry_.xattrs) {
        if (!sys::is_image_xattr(name)) continue;
        if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0) {
            if (errno == EOPNOTSUPP && name.starts_with("user.")) continue;  // as Docker
            return base::errno_error(errno, fmt::format("set {} of {}", name, entry_.path));
        }
    }
    if (!with_times) return {};
    timespec times[2] = {to_timespec(entry_.modified), to_timespec(entry_.modified)};
    if (::futimens(fd, times) != 0) return base::errno_error(errno, "set times of " + entry_.path);
    return {};
}

Status LayerFiles::take_file(int parent, const std::string& path, const std::string& name) {
    // Holes too (CVE-2017-14992): what a file claims to be costs whoever reads it.
    if (entry_.size > bytes_max_ - file_bytes_)
        return Error(Kind::too_large,
                     fmt::format("layer unpacks to more than {} bytes", bytes_max_));
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = ::openat(parent, name.c_str(), flags, 0600);
    if (fd < 0 && errno == EEXIST) {
        TRY_DO(clear(parent, path, name));
        // Clearing a folder closes cached descriptors, ours perhaps among them.
        TRY(int again, folder(parent_of(path)));
        fd = ::openat(again, name.c_str(), flags, 0600);
    }
    if (fd < 0) return base::errno_error(errno, "create " + path);
    file_.reset(fd);
    path_ = path;
    file_bytes_ += entry_.size;
    return {};
}

Status LayerFiles::content(std::uint64_t offset, std::string_view bytes) {
    if (!file_) return {};  // of an ignored entry
    while (!bytes.empty()) {
        ssize_t done =
            offset == written_ && !entry_.sparse
                ? ::write(file_.get(), bytes.data(), bytes.size())
                : ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return base::errno_error(errno, "write " + entry_.path);
        offset += static_cast<std::uint64_t>(done);
        written_ = offset;
        behind_.wrote(file_, offset, static_cast<std::uint64_t>(done));
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return {};
}

Status LayerFiles::entry_end() {
    if (!file_) return {};
    if (entry_.sparse && ::ftruncate(file_.get(), static_cast<off_t>(entry_.size)) != 0)
        return base::errno_error(errno, "set size of " + entry_.path);
    Status done = dress(file_.get(), true);
    behind_.closed(std::exchange(file_, Fd()));
    return done;
}

Status LayerFiles::take_folder(int parent, const std::string& path, const std::string& name) {
    TRY_DO(put_folder(parent, path, name));
    folders_[path] = {true, entry_.modified};
    TRY(int made, folder(path));
    return dress(made, false);
}

// The target is a file of this layer: a hard link to a lower layer's file comes with the file.
Status LayerFiles::take_link(int parent, const std::string& path, const std::string& name) {
    TRY(std::string target, codec::tar::clean_path(entry_.link));
    if (target == path) return {};
    if (target.empty()) return bad("hard link to a folder", path);
    Result<Fd> from = sys::open_beneath(diff_, parent_of(target), O_PATH | O_DIRECTORY);
    if (!from) return bad(fmt::format("hard link to {}, which is not in the layer", target), path);
    std::string target_name = name_of(target);
    struct stat info {};
    if (::fstatat(from->get(), target_name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        is_whiteout(info))
        return bad(fmt::format("hard link to {}, which is not in the layer", target), path);
    if (S_ISDIR(info.st_mode)) return bad("hard link to a folder", path);
    if (::linkat(from->get(), target_name.c_str(), parent, name.c_str(), 0) == 0) return {};
    if (errno != EEXIST) return base::errno_error(errno, "link " + path);
    TRY_DO(clear(parent, path, name));
    TRY(int again, folder(parent_of(path)));
    if (::linkat(from->get(), target_name.c_str(), again, name.c_str(), 0) != 0)
        return base::errno_error(errno, "link " + path);
    return {};
}

Status LayerFiles::take_special(int parent, const std::string& path, const std::string& name) {
    TRY_DO(clear(parent, path, name));
    TRY(int at, folder(parent_of(path)));
    int failed = 0;
    if (entry_.type == Type::symlink) {
        failed = ::symlinkat(entry_.link.c_str(), at, name.c_str());
    } else {
        mode_t kind = entry_.type == Type::fifo          ? S_IFIFO
                      : entry_.type == Type::char_device ? S_IFCHR
                                                         : S_IFBLK;
        dev_t device = kind == S_IFIFO ? 0 : makedev(entry_.device_major, entry_.device_minor);
        if (kind == S_IFCHR && device == 0) return bad("a device 0:0 would be a whiteout", path);
        failed = ::mknodat(at, name.c_str(), kind | 0600, device);
    }
    if (failed != 0) return base::errno_error(errno, "create " + path);
    if (::fchownat(at, name.c_str(), entry_.uid, entry_.gid, AT_SYMLINK_NOFOLLOW) != 0)
        return base::errno_error(errno, "chown " + path);
    // Nobody else works in the staging folder: the name is still what was made above.
    if (entry_.type != Type::symlink && ::fchmodat(at, name.c_str(), entry_.mode, 0) != 0)
        return base::errno_error(errno, "chmod " + path);
    timespec times[2] = {to_timespec(entry_.modified), to_timespec(entry_.modified)};
    if (::utimensat(at, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
        return base::errno_error(errno, "set times of " + path);
    return {};
}

std::vector<std::string> LayerFiles::implied() const {
    std::vector<std::string> paths;
    for (const auto& [path, folder] : folders_)
        if (!folder.has_entry) paths.push_back(path);
    return paths;
}

Status LayerFiles::finish() {
    for (const auto& [path, each] : folders_) {
        if (!each.has_entry) continue;
        TRY(int fd, folder(path));
        timespec times[2] = {to_timespec(each.modified), to_timespec(each.modified)};
        if (::futimens(fd, times) != 0) return base::errno_error(errno, "set times of " + path);
    }
    open_.clear();
    return {};
}

}  // namespace store
