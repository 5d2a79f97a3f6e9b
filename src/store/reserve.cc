#include "store/reserve.h"

#include "base/log.h"
#include "codec/human.h"
#include "sys/file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace store {

namespace {

constexpr std::string_view full_text = "no space left on device";

// Blocks that are really there, on any file system.
Status allocate(const Fd& file, std::uint64_t bytes) {
    if (::fallocate(file.get(), 0, 0, static_cast<off_t>(bytes)) == 0) return {};
    if (errno != EOPNOTSUPP && errno != ENOSYS) return base::errno_error(errno, "reserve");
    const std::string zeros(64 * 1024, '\0');
    for (std::uint64_t at = 0; at < bytes; at += zeros.size())
        TRY_DO(sys::write_all(
            file,
            std::string_view(zeros).substr(0, std::min<std::uint64_t>(bytes - at, zeros.size())),
            "reserve"));
    return {};
}

std::string shown(std::uint64_t bytes) {
    return codec::human_size(static_cast<std::int64_t>(bytes));
}

}  // namespace

bool is_disk_full(const Error& error) {
    return error.message().find(full_text) != std::string::npos ||
           error.message().find(base::errno_text(EDQUOT)) != std::string::npos;
}

Result<std::unique_ptr<Reserve>> Reserve::open(const std::string& data_root) {
    struct statvfs room {};
    if (::statvfs(data_root.c_str(), &room) != 0)
        return base::errno_error(errno, "room of " + data_root);
    std::uint64_t block = std::max<std::uint64_t>(room.f_frsize, 1);
    std::uint64_t share = std::uint64_t{room.f_blocks} * block / reserve_share;
    std::uint64_t wanted = std::min(reserve_bytes, share) / block * block;
    TRY(Fd folder, sys::open_folder(data_root));
    Result<Fd> file = sys::open_at(folder, "reserve", O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (!file && !is_disk_full(file.error())) return file.error();
    std::unique_ptr<Reserve> reserve(
        new Reserve(data_root, file ? std::move(*file) : Fd(), file ? wanted : 0));
    if (!file) return reserve;
    struct stat info {};
    if (::fstat(reserve->file_.get(), &info) != 0) return base::errno_error(errno, "stat reserve");
    constexpr std::uint64_t stat_block = 512;
    auto size = static_cast<std::uint64_t>(info.st_size);
    if (size <= wanted && static_cast<std::uint64_t>(info.st_blocks) * stat_block >= size)
        reserve->held_ = size;
    reserve->take();
    if (!reserve->whole())
        base::log::warn("the disk is too full for the reserve of {} in {}", shown(wanted),
                        data_root);
    return reserve;
}

bool Reserve::whole() const {
    std::lock_guard lock(mutex_);
    return held_ == wanted_;
}

bool Reserve::give_up() {
    std::lock_guard lock(mutex_);
    if (held_ == 0) return false;
    constexpr std::uint64_t piece_min = 64 * 1024;
    std::uint64_t left = held_ - std::min(held_, std::max(piece_min, wanted_ / reserve_pieces));
    if (::ftruncate(file_.get(), static_cast<off_t>(left)) != 0) return false;
    if (held_ == wanted_)
        base::log::warn("the disk is full: the reserve of {} is given up so that removing works",
                        shown(wanted_));
    held_ = left;
    return true;
}

void Reserve::take() {
    std::lock_guard lock(mutex_);
    if (held_ < wanted_) take_locked();
}

void Reserve::take_locked() {
    Result<std::uint64_t> free = free_bytes();
    // As much to spare: else it would be given up again at once.
    if (!file_ || !free || *free + held_ < 2 * wanted_) return;
    // What a cut left of it may be anything.
    bool taken = ::ftruncate(file_.get(), 0) == 0 && ::lseek(file_.get(), 0, SEEK_SET) == 0 &&
                 allocate(file_, wanted_);
    if (!taken) (void)::ftruncate(file_.get(), 0);
    held_ = taken ? wanted_ : 0;
}

Status Reserve::insist(const std::function<Status()>& write) {
    Status done = write();
    while (!done && is_disk_full(done.error()) && give_up())
        done = write();
    return done;
}

Result<std::uint64_t> Reserve::free_bytes() const {
    struct statvfs room {};
    if (::statvfs(data_root_.c_str(), &room) != 0)
        return base::errno_error(errno, "room of " + data_root_);
    return std::uint64_t{room.f_bavail} * room.f_frsize;
}

Result<std::uint64_t> Reserve::room() const {
    TRY(std::uint64_t free, free_bytes());
    std::lock_guard lock(mutex_);
    return free - std::min(free, wanted_ - held_);
}

Status Reserve::admit(std::string_view what, std::uint64_t bytes) {
    take();
    TRY(std::uint64_t room, this->room());
    if (bytes <= room) return {};
    return Error(Kind::internal, fmt::format("{}: {} needs {}, {} are free in {}", full_text, what,
                                             shown(bytes), shown(room), data_root_));
}

}  // namespace store
