#include "engine/upper_walk.h"

#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace engine {

namespace {

constexpr const char* opaque_xattr = "trusted.overlay.opaque";
constexpr std::size_t capability_bytes_max = 64;

bool is_whiteout(const struct stat& info) {
    return S_ISCHR(info.st_mode) && info.st_rdev == 0;
}

std::string self_path(const Fd& fd) {
    return fmt::format("/proc/self/fd/{}", fd.get());
}

// Of a regular file that O_PATH opened.
std::string capability_of(const Fd& file) {
    char value[capability_bytes_max];
    ssize_t size = ::getxattr(self_path(file).c_str(), "security.capability", value, sizeof value);
    return size > 0 ? std::string(value, static_cast<std::size_t>(size)) : std::string();
}

bool is_opaque(const Fd& folder) {
    char value[2];
    ssize_t size = ::getxattr(self_path(folder).c_str(), opaque_xattr, value, sizeof value);
    return size == 1 && value[0] == 'y';
}

// What Docker's init layer has below every container, so that it is no change of the container's.
// Here a start makes it in the container's own folder.
struct InitFile {
    std::string_view path;
    mode_t type;
};
constexpr InitFile init_files[] = {
    {".dockerenv", S_IFREG},      {"dev", S_IFDIR},       {"dev/console", S_IFREG},
    {"dev/pts", S_IFDIR},         {"dev/shm", S_IFDIR},   {"etc", S_IFDIR},
    {"etc/hostname", S_IFREG},    {"etc/hosts", S_IFREG}, {"etc/mtab", S_IFLNK},
    {"etc/resolv.conf", S_IFREG}, {"proc", S_IFDIR},      {"sys", S_IFDIR},
};

const InitFile* init_file(std::string_view path) {
    const auto* found = std::ranges::find(init_files, path, &InitFile::path);
    return found == std::end(init_files) ? nullptr : found;
}

bool is_as_made(const InitFile& file, const Fd& fd, const struct stat& info) {
    if ((info.st_mode & S_IFMT) != file.type) return false;
    if (file.type == S_IFREG) return info.st_size == 0;
    if (file.type == S_IFDIR) return true;
    char target[PATH_MAX];
    ssize_t size = ::readlinkat(fd.get(), "", target, sizeof target);
    return size > 0 && std::string_view(target, static_cast<std::size_t>(size)) == "/proc/mounts";
}

bool same_time(const timespec& a, const timespec& b) {
    // Archives have whole seconds.
    return a.tv_sec == b.tv_sec && (a.tv_nsec == b.tv_nsec || a.tv_nsec == 0 || b.tv_nsec == 0);
}

}  // namespace

bool differs(const struct stat& before, const struct stat& now) {
    if (before.st_mode != now.st_mode || before.st_uid != now.st_uid ||
        before.st_gid != now.st_gid || before.st_rdev != now.st_rdev)
        return true;
    // A folder's size and time say nothing.
    if (S_ISDIR(before.st_mode)) return false;
    return before.st_size != now.st_size || !same_time(before.st_mtim, now.st_mtim);
}

UpperWalk::UpperWalk(Fd upper, Fd old, bool for_layer)
    : upper_(std::move(upper)), old_(std::move(old)), for_layer_(for_layer) {}

Result<std::optional<Change>> UpperWalk::next() {
    if (!begun_) {
        begun_ = true;
        Change root;
        TRY(root.file, sys::open_at(upper_, ".", O_PATH | O_DIRECTORY));
        if (::fstat(upper_.get(), &root.info) != 0)
            return base::errno_error(errno, "stat a container's folder");
        struct stat before {};
        bool changed = old_ && ::fstat(old_.get(), &before) == 0 && differs(before, root.info);
        if (for_layer_ && changed) told_.push_back(std::move(root));
        TRY_DO(enter(std::move(upper_), "", std::move(old_), false, std::nullopt));
    }
    while (told_.empty() && !walk_.empty())
        TRY_DO(step());
    if (told_.empty()) return std::optional<Change>();
    std::optional<Change> out(std::move(told_.front()));
    told_.pop_front();
    return out;
}

Status UpperWalk::step() {
    auto name = walk_.next();
    if (!name) return leave();
    TRY(Fd file, archive::open_if_there(walk_.folder(), *name));
    if (!file) return {};
    return look_at(std::move(file), walk_.path_of(*name), *name);
}

// What changed inside a folder is a change of it, told first.
void UpperWalk::tell(Change change) {
    for (Folder& folder : folders_)
        if (folder.untold) told_.push_back(*std::exchange(folder.untold, std::nullopt));
    told_.push_back(std::move(change));
}

Status UpperWalk::look_at(Fd file, std::string path, const std::string& name) {
    Change change;
    change.path = path;
    if (::fstat(file.get(), &change.info) != 0) return base::errno_error(errno, "stat " + path);
    struct stat before {};
    Fd old;
    if (folders_.back().old) {
        TRY(old, archive::open_if_there(folders_.back().old, name));
        if (old && ::fstat(old.get(), &before) != 0)
            return base::errno_error(errno, "stat " + path);
        if (old && is_whiteout(before)) old.reset();
    }
    if (is_whiteout(change.info)) {
        if (!old && !for_layer_) return {};
        change.kind = ChangeKind::deleted;
        tell(std::move(change));
        return {};
    }
    bool folder = S_ISDIR(change.info.st_mode), file_too = S_ISREG(change.info.st_mode);
    bool changed = true, told = true;
    if (old) {
        changed =
            differs(before, change.info) || (file_too && capability_of(old) != capability_of(file));
        told = changed || (for_layer_ && !folder);
    } else if (const InitFile* init = init_file(path)) {
        changed = told = !is_as_made(*init, file, change.info);
    } else {
        change.kind = ChangeKind::added;
    }
    change.opaque = folder && is_opaque(file);
    if (change.opaque && for_layer_) told = true;
    bool opaque = change.opaque;
    Fd inside;
    if (folder) {
        TRY(inside, sys::open_at(file, ".", O_PATH | O_DIRECTORY));
    }
    change.file = std::move(file);
    std::optional<Change> untold;
    if (told)
        tell(std::move(change));
    else if (folder)
        untold = std::move(change);
    if (!folder) return {};
    if (old && !S_ISDIR(before.st_mode)) old.reset();
    return enter(std::move(inside), std::move(path), std::move(old), opaque, std::move(untold));
}

Status UpperWalk::enter(Fd file, std::string path, Fd old, bool opaque,
                        std::optional<Change> untold) {
    TRY_DO(walk_.enter(file, std::move(path)));
    folders_.push_back({std::move(old), opaque, std::move(untold)});
    return {};
}

// Of what an opaque folder hides, nothing tells that it is gone but that it is not there.
Status UpperWalk::leave() {
    const Folder& folder = folders_.back();
    if (folder.opaque && folder.old && !for_layer_) {
        archive::Walk hidden;
        TRY_DO(hidden.enter(folder.old, walk_.path()));
        while (auto name = hidden.next()) {
            struct stat info {};
            if (::fstatat(walk_.folder().get(), name->c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
                continue;
            if (errno != ENOENT) return base::errno_error(errno, "stat " + hidden.path_of(*name));
            Change change;
            change.kind = ChangeKind::deleted;
            change.path = hidden.path_of(*name);
            tell(std::move(change));
        }
    }
    folders_.pop_back();
    return walk_.leave();
}

Result<bool> UpperTar::next() {
    if (marker_) {
        TRY_DO(put(*std::exchange(marker_, std::nullopt)));
        return true;
    }
    TRY(std::optional<Change> change, walk_.next());
    if (!change) return false;
    codec::tar::Entry marker;
    marker.mode = 0600;
    marker.modified.seconds = change->info.st_mtim.tv_sec;
    if (change->kind == ChangeKind::deleted) {
        std::size_t name = change->path.rfind('/') + 1;  // npos + 1 is 0
        marker.path = change->path.substr(0, name) + ".wh." + change->path.substr(name);
        TRY_DO(put(marker));
        return true;
    }
    if (change->opaque) {
        marker.path = change->path + "/.wh..wh..opq";
        marker_ = std::move(marker);
    }
    TRY_DO(put(change->file, change->info, change->path.empty() ? "." : change->path));
    return true;
}

}  // namespace engine
