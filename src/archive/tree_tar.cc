#include "archive/tree_tar.h"

#include <cerrno>

namespace archive {

TreeTar::TreeTar(Fd first, std::string name, Hides hides)
    : first_(std::move(first)), name_(std::move(name)), hides_(std::move(hides)) {}

Result<bool> TreeTar::next() {
    if (first_) {
        TRY_DO(add(std::move(first_), name_));
        return true;
    }
    if (walk_.empty()) return false;
    auto name = walk_.next();
    if (!name) {
        TRY_DO(walk_.leave());
        return true;
    }
    TRY(Fd file, open_if_there(walk_.folder(), *name));
    if (file) TRY_DO(add(std::move(file), walk_.path_of(*name)));
    return true;
}

Status TreeTar::add(Fd file, std::string path) {
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return base::errno_error(errno, "stat " + path);
    bool first = walk_.empty();
    if (!path.empty()) TRY_DO(put(file, info, path));
    if (!S_ISDIR(info.st_mode) || (hides_ && hides_(file, first))) return {};
    return walk_.enter(file, std::move(path));
}

}  // namespace archive
