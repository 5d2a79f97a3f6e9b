#include "archive/extract.h"

#include "sys/file.h"
#include "sys/image_xattr.h"
#include "sys/private_tree.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace archive {

namespace {

using codec::tar::Type;

constexpr std::uint64_t entries_max = 20'000'000;
// So many are made durable one by one: syncfs(2) waits for all that anybody has written to the same
// file system. Of more it is the cheaper way.
constexpr std::uint64_t entries_synced_max = 128;
// Folders beyond this keep the time of their last change.
constexpr std::size_t folder_times_max = 1'000'000;

timespec to_timespec(const codec::tar::Moment& moment) {
    return {static_cast<time_t>(moment.seconds), static_cast<long>(moment.nanoseconds)};
}

Error invalid(std::string text) {
    return Error(Kind::invalid, std::move(text));
}

// Whatever the number says: it is told as it is, and is no missing container.
Error failed(int errno_value, std::string_view what) {
    return base::errno_error(errno_value, what).as(Kind::internal);
}

std::string folder_of(const std::string& path) {
    std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string below(const std::string& folder, const std::string& path) {
    if (path.empty()) return folder;
    return folder.ends_with('/') ? folder + path : folder + "/" + path;
}

std::string name_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace

Extractor::Extractor(Fd root, std::string at, ExtractOptions options)
    : root_(std::move(root)), at_(std::move(at)), options_(std::move(options)), reader_(*this) {}

Status Extractor::finish() {
    TRY_DO(reader_.finish());
    for (const auto& [path, modified] : folders_) {
        auto folder = open_folder(path, false);
        if (!folder) continue;  // replaced later in the archive, or by somebody else
        timespec times[2] = {to_timespec(modified), to_timespec(modified)};
        if (::futimens(folder->get(), times) != 0) return failed(errno, "chtimes " + shown(path));
    }
    if (!options_.sync) return {};
    if (entries_ <= entries_synced_max) {
        for (const std::string& path : touched_) {
            auto folder = open_folder(path, false);
            if (folder && ::fsync(folder->get()) != 0) return failed(errno, "sync " + shown(path));
        }
        return {};
    }
    TRY(Fd target, open_folder("", false));
    if (::syncfs(target.get()) != 0) return failed(errno, "sync " + at_);
    return {};
}

std::string Extractor::shown(const std::string& path) const {
    return below(options_.called.empty() ? at_ : options_.called, path);
}

// Links that lead to folders are followed, as in Docker, inside the root.
Result<Fd> Extractor::open_folder(const std::string& path, bool make) {
    auto opened = sys::open_in_root(root_, below(at_, path), O_RDONLY | O_DIRECTORY);
    if (opened || !make || path.empty() || opened.error().kind() != Kind::missing) return opened;
    TRY(Fd above, open_folder(folder_of(path), true));
    if (::mkdirat(above.get(), name_of(path).c_str(), 0755) != 0 && errno != EEXIST)
        return failed(errno, "mkdir " + shown(path));
    return sys::open_in_root(root_, below(at_, path), O_RDONLY | O_DIRECTORY);
}

void Extractor::rename(std::string& path) const {
    const auto& [from, to] = *options_.rename;
    if (std::size_t at = path.find(from); at != path.npos) path.replace(at, from.size(), to);
}

Status Extractor::entry(const codec::tar::Entry& entry) {
    if (++entries_ > entries_max) return invalid("archive has too many entries");
    entry_ = entry;
    file_.reset();
    if (options_.rename) {
        rename(entry_.path);
        if (entry_.type == Type::hard_link) rename(entry_.link);
    }
    auto clean = codec::tar::clean_path(entry_.path);
    if (!clean && clean.error().message().find("..") != std::string::npos)
        return invalid(fmt::format("\"{}\" is outside of \"{}\"", entry_.path, shown("")));
    if (!clean) return std::move(clean).error().as(Kind::invalid);
    path_ = std::move(*clean);
    if (path_.empty()) {  // "." is the target, which stays what it is
        if (entry.type == Type::folder) return {};
        return invalid(fmt::format("cannot overwrite directory \"{}\" with non-directory \"{}\"",
                                   shown(""), shown("")));
    }
    name_ = name_of(path_);
    if (options_.sync && entries_ <= entries_synced_max) {
        if (entry.type == Type::folder) touched_.insert(path_);
        for (std::string above = path_; !above.empty();) {
            above = folder_of(above);
            touched_.insert(above);
        }
    }
    if (std::string above = folder_of(path_); !parent_ || above != parent_path_) {
        auto parent = open_folder(above, true);
        if (!parent) return std::move(parent).error().as(Kind::internal);
        parent_ = std::move(*parent);
        parent_path_ = std::move(above);
    }
    TRY_DO(clear());
    switch (entry.type) {
    case Type::folder:
        return put_folder();
    case Type::hard_link:
        return put_link();
    case Type::file:
        return begin_file();
    default:
        return put_special();
    }
}

// Whatever has the entry's name goes, unless both are folders.
Status Extractor::clear() {
    struct stat info {};
    if (::fstatat(parent_.get(), name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return {};
    bool was_folder = S_ISDIR(info.st_mode), is_folder = entry_.type == Type::folder;
    if (options_.keep_types && was_folder != is_folder)
        return Error(Kind::internal,
                     was_folder
                         ? fmt::format("cannot overwrite directory \"{}\" with non-directory "
                                       "\"{}\"",
                                       shown(path_), shown(""))
                         : fmt::format("cannot overwrite non-directory \"{}\" with directory "
                                       "\"{}\"",
                                       shown(path_), shown("")));
    if (was_folder && is_folder) return {};
    // In the container it would be refused; from outside its mount namespace it would unmount.
    if (sys::is_mount_point(parent_, name_)) return failed(EBUSY, "unlinkat " + shown(path_));
    if (was_folder) {
        Status gone = sys::remove_tree(parent_, name_);
        if (!gone) return std::move(gone).error().as(Kind::internal);
        return {};
    }
    if (::unlinkat(parent_.get(), name_.c_str(), 0) != 0 && errno != ENOENT)
        return failed(errno, "unlinkat " + shown(path_));
    return {};
}

Status Extractor::put_folder() {
    if (::mkdirat(parent_.get(), name_.c_str(), 0700) != 0 && errno != EEXIST)
        return failed(errno, "mkdir " + shown(path_));
    auto folder = sys::open_at(parent_, name_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!folder) return std::move(folder).error().as(Kind::internal);
    if (folders_.size() < folder_times_max) folders_.emplace_back(path_, entry_.modified);
    return dress(*folder, false);
}

// The target is a path of the same archive, or of what is there already.
Status Extractor::put_link() {
    auto target = codec::tar::clean_path(entry_.link);
    if (!target || target->empty())
        return invalid(fmt::format("invalid hardlink \"{}\" -> \"{}\"", shown(path_), entry_.link));
    if (*target == path_) return {};
    auto from = open_folder(folder_of(*target), false);
    std::string name = name_of(*target);
    if (!from || ::linkat(from->get(), name.c_str(), parent_.get(), name_.c_str(), 0) != 0)
        return failed(from ? errno : ENOENT,
                      fmt::format("link {} {}", shown(*target), shown(path_)));
    return {};
}

Status Extractor::put_special() {
    int done = 0;
    if (entry_.type == Type::symlink) {
        // Docker's rule: read from where the link lies, also an absolute one, it stays below.
        std::string folder = folder_of(path_);
        auto target = codec::tar::clean_path(folder + "/" + entry_.link);
        if (!target && shown("") != "/")
            return invalid(
                fmt::format("invalid symlink \"{}\" -> \"{}\"", shown(path_), entry_.link));
        done = ::symlinkat(entry_.link.c_str(), parent_.get(), name_.c_str());
    } else {
        mode_t kind = entry_.type == Type::fifo          ? S_IFIFO
                      : entry_.type == Type::char_device ? S_IFCHR
                                                         : S_IFBLK;
        dev_t device = kind == S_IFIFO ? 0 : makedev(entry_.device_major, entry_.device_minor);
        // It would be a whiteout, which is not a file but hides one.
        if (kind == S_IFCHR && device == 0) return invalid("a device 0:0 would be a whiteout");
        done = ::mknodat(parent_.get(), name_.c_str(), kind | 0600, device);
    }
    if (done != 0) return failed(errno, "create " + shown(path_));
    // Somebody inside may have put another file there by now: only what was made is dressed.
    auto made = sys::open_at(parent_, name_, O_PATH | O_NOFOLLOW);
    if (!made) return std::move(made).error().as(Kind::internal);
    struct stat info {};
    if (::fstat(made->get(), &info) != 0) return failed(errno, "stat " + shown(path_));
    auto [uid, gid] = options_.owner.value_or(std::pair(entry_.uid, entry_.gid));
    if (options_.set_owners &&
        ::fchownat(made->get(), "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0)
        return failed(errno, "lchown " + shown(path_));
    std::string self = fmt::format("/proc/self/fd/{}", made->get());
    if (!S_ISLNK(info.st_mode) && ::chmod(self.c_str(), entry_.mode) != 0)
        return failed(errno, "chmod " + shown(path_));
    timespec times[2] = {to_timespec(entry_.modified), to_timespec(entry_.modified)};
    if (::utimensat(made->get(), "", times, AT_EMPTY_PATH) != 0)
        return failed(errno, "chtimes " + shown(path_));
    return {};
}

Status Extractor::begin_file() {
    int fd = ::openat(parent_.get(), name_.c_str(),
                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return failed(errno, "open " + shown(path_));
    file_.reset(fd);
    return {};
}

Status Extractor::content(std::uint64_t offset, std::string_view bytes) {
    while (file_ && !bytes.empty()) {
        ssize_t done =
            ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return failed(errno, "write " + shown(path_));
        offset += static_cast<std::uint64_t>(done);
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return {};
}

Status Extractor::entry_end() {
    if (!file_) return {};
    if (entry_.sparse && ::ftruncate(file_.get(), static_cast<off_t>(entry_.size)) != 0)
        return failed(errno, "truncate " + shown(path_));
    Status done = dress(file_, true);
    if (done && options_.sync && entries_ <= entries_synced_max && ::fsync(file_.get()) != 0)
        done = failed(errno, "sync " + shown(path_));
    file_.reset();
    return done;
}

Status Extractor::dress(const Fd& file, bool with_times) {
    auto [uid, gid] = options_.owner.value_or(std::pair(entry_.uid, entry_.gid));
    if (options_.set_owners && ::fchown(file.get(), uid, gid) != 0)
        return failed(errno, "lchown " + shown(path_));
    for (const auto& [name, value] : entry_.xattrs)
        if (sys::is_image_xattr(name) &&
            ::fsetxattr(file.get(), name.c_str(), value.data(), value.size(), 0) != 0 &&
            errno != EOPNOTSUPP && errno != EPERM)
            return failed(errno, "lsetxattr " + shown(path_));
    // After chown(2), which takes set-id bits away.
    if (::fchmod(file.get(), entry_.mode) != 0) return failed(errno, "chmod " + shown(path_));
    timespec times[2] = {to_timespec(entry_.modified), to_timespec(entry_.modified)};
    if (with_times && ::futimens(file.get(), times) != 0)
        return failed(errno, "chtimes " + shown(path_));
    return {};
}

}  // namespace archive
