#include "store/folders.h"

#include "base/hex.h"
#include "sys/file.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

namespace store {

namespace {

// Its folders, records and the first files of a start.
constexpr std::uint64_t container_bytes_min = 256 * 1024;

// One path component that is no link to elsewhere; the engine's own rules for names are stricter.
Status check_name(std::string_view name) {
    if (name.empty() || name.size() > 255 || name[0] == '.' ||
        name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos)
        return Error(Kind::invalid, fmt::format("invalid name \"{}\"", name));
    return {};
}

Status make_at(const Fd& parent, const std::string& name, unsigned mode) {
    if (::mkdirat(parent.get(), name.c_str(), mode) != 0)
        return base::errno_error(errno, "mkdir " + name);
    if (::fchmodat(parent.get(), name.c_str(), mode, 0) != 0)
        return base::errno_error(errno, "chmod " + name);
    return {};
}

// The container's root folder looks like the image's.
Status dress_upper(const Fd& folder, const std::string& top_diff) {
    if (top_diff.empty()) return {};
    struct stat info {};
    if (::stat(top_diff.c_str(), &info) != 0) return base::errno_error(errno, "stat " + top_diff);
    if (::fchownat(folder.get(), "upper", info.st_uid, info.st_gid, 0) != 0 ||
        ::fchmodat(folder.get(), "upper", info.st_mode & 07777, 0) != 0)
        return base::errno_error(errno, "set owner and mode of upper");
    timespec times[2] = {info.st_atim, info.st_mtim};
    if (::utimensat(folder.get(), "upper", times, 0) != 0)
        return base::errno_error(errno, "set times of upper");
    return {};
}

// Everything below is on disk before the name appears.
Status publish(const Fd& staging, const std::string& temporary, const Fd& parent,
               std::string_view name) {
    TRY(Fd made, sys::open_at(staging, temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (::fsync(made.get()) != 0) return base::errno_error(errno, "fsync folder");
    if (::renameat2(staging.get(), temporary.c_str(), parent.get(), std::string(name).c_str(),
                    RENAME_NOREPLACE) != 0) {
        if (errno == EEXIST)
            return Error(Kind::conflict, fmt::format("folder {} exists already", name));
        return base::errno_error(errno, fmt::format("name folder {}", name));
    }
    TRY(Fd opened, sys::open_at(parent, ".", O_RDONLY | O_DIRECTORY));
    if (::fsync(opened.get()) != 0) return base::errno_error(errno, "fsync folder");
    return {};
}

}  // namespace

Result<std::unique_ptr<Folders>> Folders::open(const std::string& data_root, Reserve& reserve) {
    TRY_DO(sys::make_folders(data_root + "/staging", 0700));
    TRY_DO(sys::make_folders(data_root + "/containers", 0710));
    TRY_DO(sys::make_folders(data_root + "/volumes", 0710));
    TRY(Fd staging, sys::open_folder(data_root + "/staging"));
    TRY(Fd containers, sys::open_folder(data_root + "/containers"));
    TRY(Fd volumes, sys::open_folder(data_root + "/volumes"));
    return std::unique_ptr<Folders>(new Folders(data_root, reserve, std::move(staging),
                                                std::move(containers), std::move(volumes)));
}

Status Folders::create_container(std::string_view id, const std::string& top_diff) {
    TRY_DO(check_name(id));
    TRY_DO(reserve_.admit("a container", container_bytes_min));
    std::string temporary = base::random_id().substr(0, 16);
    TRY_DO(make_at(staging_, temporary, 0710));
    auto fill = [&]() -> Status {
        TRY(Fd folder, sys::open_at(staging_, temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        TRY_DO(make_at(folder, "upper", 0755));
        TRY_DO(make_at(folder, "work", 0700));
        TRY_DO(make_at(folder, "merged", 0700));
        TRY_DO(dress_upper(folder, top_diff));
        return publish(staging_, temporary, containers_, id);
    };
    Status done = fill();
    if (!done) (void)sys::remove_tree(staging_, temporary);
    return done;
}

Status Folders::remove(const Fd& parent, std::string_view name) {
    TRY_DO(check_name(name));
    std::string doomed = "removed-" + base::random_id().substr(0, 12);
    TRY_DO(reserve_.insist([&]() -> Status {
        if (::renameat(parent.get(), std::string(name).c_str(), staging_.get(), doomed.c_str()) ==
                0 ||
            errno == ENOENT)
            return {};
        return base::errno_error(errno, fmt::format("remove {}", name));
    }));
    return sys::remove_tree(staging_, doomed);
}

Status Folders::remove_container(std::string_view id) {
    return remove(containers_, id);
}
std::string Folders::container_path(std::string_view id) const {
    return fmt::format("{}/containers/{}", data_root_, id);
}
Result<std::vector<std::string>> Folders::list_containers() const {
    return sys::list_names(containers_);
}

Status Folders::create_volume(std::string_view name) {
    TRY_DO(check_name(name));
    std::string temporary = base::random_id().substr(0, 16);
    TRY_DO(make_at(staging_, temporary, 0701));
    auto fill = [&]() -> Status {
        TRY(Fd folder, sys::open_at(staging_, temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        TRY_DO(make_at(folder, "_data", 0755));
        return publish(staging_, temporary, volumes_, name);
    };
    Status done = fill();
    if (!done) (void)sys::remove_tree(staging_, temporary);
    return done;
}

Status Folders::remove_volume(std::string_view name) {
    return remove(volumes_, name);
}
std::string Folders::volume_path(std::string_view name) const {
    return fmt::format("{}/volumes/{}/_data", data_root_, name);
}
Result<std::vector<std::string>> Folders::list_volumes() const {
    return sys::list_names(volumes_);
}

}  // namespace store
