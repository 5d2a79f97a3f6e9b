#include "archive/walk.h"

#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <sys/stat.h>

namespace archive {

namespace {

constexpr std::size_t levels_open_max = 32;

Result<std::vector<std::string>> names_in(const Fd& folder, const std::string& path) {
    TRY(Fd opened, sys::open_at(folder, ".", O_RDONLY | O_DIRECTORY));
    std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(opened.get()), ::closedir);
    if (!entries) return base::errno_error(errno, "read folder " + path);
    (void)opened.release();
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(entries.get());
        if (entry == nullptr) break;
        std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        if (names.size() == folder_names_max)
            return Error(Kind::too_large,
                         fmt::format("{} holds more than {} files", path, folder_names_max));
        names.emplace_back(name);
    }
    if (errno != 0) return base::errno_error(errno, "read folder " + path);
    std::ranges::sort(names, std::greater<>());
    return names;
}

}  // namespace

Status Walk::enter(const Fd& folder, std::string path) {
    if (levels_.size() == walk_depth_max)
        return Error(Kind::too_large,
                     fmt::format("{} lies deeper than {} folders", path, walk_depth_max));
    Level level;
    TRY(level.fd, sys::open_at(folder, ".", O_RDONLY | O_DIRECTORY));
    struct stat info {};
    if (::fstat(level.fd.get(), &info) != 0) return base::errno_error(errno, "stat " + path);
    level.device = info.st_dev;
    level.inode = info.st_ino;
    TRY(level.names, names_in(level.fd, path));
    level.path = std::move(path);
    levels_.push_back(std::move(level));
    if (levels_.size() > levels_open_max) levels_[levels_.size() - 1 - levels_open_max].fd.reset();
    return {};
}

Status Walk::leave() {
    Level left = std::move(levels_.back());
    levels_.pop_back();
    if (levels_.empty() || levels_.back().fd) return {};
    Level& above = levels_.back();
    TRY(above.fd, sys::open_at(left.fd, "..", O_RDONLY | O_DIRECTORY));
    struct stat info {};
    if (::fstat(above.fd.get(), &info) != 0) return base::errno_error(errno, "stat " + above.path);
    // Somebody moved the folder out while we were below it.
    if (info.st_dev != above.device || info.st_ino != above.inode)
        return Error(Kind::conflict, fmt::format("{} was moved while it was read", left.path));
    return {};
}

std::optional<std::string> Walk::next() {
    std::vector<std::string>& names = levels_.back().names;
    if (names.empty()) return std::nullopt;
    std::string name = std::move(names.back());
    names.pop_back();
    return name;
}

std::string Walk::path_of(std::string_view name) const {
    std::string out = path();
    if (!out.empty() && out != "/") out += '/';
    return out.append(name);
}

Result<Fd> open_if_there(const Fd& folder, const std::string& name) {
    auto file = sys::open_at(folder, name, O_PATH | O_NOFOLLOW);
    if (!file && file.error().kind() == Kind::missing) return Fd();
    return file;
}

}  // namespace archive
